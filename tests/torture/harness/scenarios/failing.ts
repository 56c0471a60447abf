// Scenarios that end in 22, and of whose last file nothing may remain, whatever else happens to the run.
import { ledger, makeFailing, note, type Source } from '../scenario.ts'

const orders: Source = {
  file: '002_orders.sql',
  statements: ['create table orders (id int)', note('002_orders')],
}
const before = [ledger, orders]
const behind: readonly Source[] = [{ file: '004_never.sql', statements: [note('004_never')] }]

/** Goes on for a second, whatever becomes of its queries. */
const loop = `const loop = async (client) => {
  for (let i = 0; i < 200; i += 1) {
    await client.query("${note('a survivor')}").catch(() => {})
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
`

/** A module of whose promises one rejects, while another goes on querying. */
export const rejects = makeFailing('rejects', {
  before,
  failing: {
    file: '003_rejects.mjs',
    text: `${loop}
export const up = (client) => Promise.all([loop(client), client.query('select 1 / 0')])
`,
    statements: [],
  },
  behind,
})

/** A module that resolves while a query of its own is in flight, and goes on querying. */
export const resolves = makeFailing('resolves', {
  before,
  failing: {
    file: '003_resolves.mjs',
    text: `${loop}
export async function up(client) {
  await client.query("${note('003_resolves')}")
  void loop(client)
}
`,
    statements: [],
  },
  behind,
})

/** A large file whose first message a LATIN1 database cannot take, the ones behind it well. */
export const refused = makeFailing('refused', {
  before,
  failing: {
    file: '003_refused.sql',
    text: [
      `insert into ledger (name) values ('→');\n`,
      ...Array.from({ length: 60 }, (_, i) => `insert into ledger (name) values ('${'x'.repeat(20_000)}${i}');\n`),
    ].join(''),
    statements: [],
  },
  behind,
})
