import { makeScenario, note, type Source } from '../scenario.ts'
import { smallMigrations, smallSeeds } from './small.ts'

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i)

/** The rows of COPY data, as text and as SQL. */
const copyData = (from: number, to: number, width: number) =>
  range(from, to)
    .map((id) => `${id}\t${'é'.repeat(width)}\n`)
    .join('')
const copied = (from: number, to: number, width: number) =>
  `insert into copied select id, repeat('é', ${width}) from generate_series(${from}, ${to}) id`

const tables: Source = {
  file: '008_tables.sql',
  statements: [
    'create table large (id int, note text)',
    'create table copied (id int primary key, note text)',
    'create table guarded (id int primary key, note text)',
    'insert into guarded select i from generate_series(1, 10) i',
    'alter table guarded enable row level security, force row level security',
    'create policy even on guarded using (id % 2 = 0) with check (id % 2 = 0)',
    note('008_tables'),
  ],
}

/** Whom the policy binds sees half of the rows, as with any other client. */
const guarded: Source = {
  file: '009_guarded.sql',
  statements: [`update guarded set note = 'seen'`, note('009_guarded')],
}

/** More than 1 MiB, so that it goes in chunks; the COPY in it has several chunks. */
const large: Source = {
  file: '010_large.sql',
  text: [
    ...range(1, 40).map((id) => `insert into large values (${id}, '${'é'.repeat(10_000)}${id}');\n`),
    `copy copied from stdin;\n${copyData(1, 300, 500)}\\.\n`,
    `${note('010_large')};\n`,
  ].join(''),
  statements: [
    `insert into large select id, repeat('é', 10000) || id from generate_series(1, 40) id`,
    copied(1, 300, 500),
    note('010_large'),
  ],
}

const copy: Source = {
  file: '011_copy.sql',
  text: [
    `copy copied from stdin;\n${copyData(301, 400, 10)}\\.\n`,
    `copy copied (id, note) from stdin;\n${copyData(401, 450, 10)}\\.\n`,
    `${note('011_copy')};\n`,
  ].join(''),
  statements: [copied(301, 450, 10), note('011_copy')],
}

const module: Source = {
  file: '012_module.ts',
  text: `import type { ClientBase } from 'pg'

export async function up(client: ClientBase): Promise<void> {
  const add = (part: number) => client.query('insert into ledger (name) values ($1)', ['012_module ' + part])
  await Promise.all([add(1), add(2), client.query("${note('012_module 3')}")])
}
`,
  statements: [1, 2, 3].map((part) => note(`012_module ${part}`)),
}

/** Hears neither its signal nor the errors of its queries. */
const stubborn: Source = {
  file: '013_stubborn.mjs',
  text: `export async function up(client) {
  for (let i = 1; i <= 3; i += 1) {
    await client.query("insert into ledger (name) values ('013_stubborn " + i + "')").catch(() => {})
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
`,
  statements: [1, 2, 3].map((part) => note(`013_stubborn ${part}`)),
}

/** Blocks are units of their own, also beside what no transaction may hold. */
const blocks: Source = {
  file: '014_blocks.sql',
  outside: true,
  statements: [
    [note('014_blocks 1'), 'alter table items add column block int', note('014_blocks 2')],
    'create index concurrently items_block on items (block)',
    [note('014_blocks 3'), note('014_blocks 4')],
    note('014_blocks 5'),
  ],
}

const csv: Source = {
  file: '020_guarded.csv',
  text: 'id,note\n2,from a file\n12,"from, a file"\n',
  statements: [
    `insert into guarded values (2, 'from a file'), (12, 'from, a file') on conflict (id) do update set note = excluded.note`,
  ],
}

/** What is small, and a large file, COPY, row-level security, modules, blocks and a CSV seed. */
export const whole = makeScenario('whole', {
  migrations: [...smallMigrations, tables, guarded, large, copy, module, stubborn, blocks],
  seeds: [...smallSeeds, csv],
})
