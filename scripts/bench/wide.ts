import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** A folder with one migration: so many tables of ten columns, each with a key to the one before it and two indexes. */
export function makeWide(dir: string, count: number): void {
  mkdirSync(dir)
  const columns = Array.from({ length: 8 }, (_, i) => `c${i} text not null default 'none'`).join(', ')
  const tables = Array.from({ length: count }, (_, i) => {
    const second = i === 0 ? 'at date' : `up bigint references w${i - 1}`
    return `create table w${i} (id bigint primary key, ${second}, ${columns});
create index w${i}_a on w${i} (c0); create index w${i}_b on w${i} (c1, c2);\n`
  })
  writeFileSync(join(dir, '1_wide.sql'), tables.join(''))
}
