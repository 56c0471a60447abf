import { ledger, makeScenario, note, type Source } from '../scenario.ts'

export const smallMigrations: readonly Source[] = [
  ledger,
  // The next two share a message, each with a transaction of its own.
  {
    file: '002_orders.sql',
    statements: [
      'create table orders (id int, total int)',
      'insert into orders select i, i from generate_series(1, 100) i',
      note('002_orders'),
    ],
  },
  { file: '003_items.sql', statements: ['create table items (id int)', note('003_items')] },
  // A body that only the server can look into goes as a message of its own.
  { file: '004_body.sql', statements: [`do $$ begin ${note('004_body')}; end $$`] },
  { file: '005_index.sql', outside: true, statements: ['create index concurrently orders_id on orders (id)'] },
  {
    file: '006_outside.sql',
    outside: true,
    statements: [
      note('006_outside 1'),
      'create unique index concurrently orders_total on orders (total)',
      'alter table orders add column note text',
      note('006_outside 2'),
    ],
  },
  { file: '007_last.sql', statements: ['alter table orders add primary key (id)', note('007_last')] },
]

export const smallSeeds: readonly Source[] = [{ file: '010_seed.sql', statements: [note('010_seed.sql')] }]

/** A few statements inside and outside of transactions, two indexes made concurrently and a seed. */
export const small = makeScenario('small', { migrations: smallMigrations, seeds: smallSeeds })
