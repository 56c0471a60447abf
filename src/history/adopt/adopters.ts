import type { Format } from '../../migration.ts'
import type { Adopter } from './adopter.ts'
import { atlas } from './tools/atlas.ts'
import { dbmate } from './tools/dbmate.ts'
import { drizzle } from './tools/drizzle.ts'
import { flyway } from './tools/flyway.ts'
import { golangMigrate } from './tools/golang-migrate.ts'
import { goose } from './tools/goose.ts'
import { graphileMigrate } from './tools/graphile-migrate.ts'
import { knex } from './tools/knex.ts'
import { nodePgMigrate } from './tools/node-pg-migrate.ts'
import { prisma } from './tools/prisma.ts'
import { prisma8 } from './tools/prisma-8.ts'
import { sqlMigrate } from './tools/sql-migrate.ts'
import { sqlx } from './tools/sqlx.ts'
import { supabase } from './tools/supabase.ts'
import { tern } from './tools/tern.ts'
import { typeorm } from './tools/typeorm.ts'
import { umzug } from './tools/umzug.ts'

/** Everybody's, in the order of their names. */
export const adopters: readonly Adopter[] = [
  atlas,
  dbmate,
  drizzle,
  flyway,
  golangMigrate,
  goose,
  graphileMigrate,
  knex,
  nodePgMigrate,
  prisma,
  prisma8,
  sqlMigrate,
  sqlx,
  supabase,
  tern,
  typeorm,
  umzug,
]

/** The one that reads the history of a tool; undefined for our own folders. */
export function adopterOf(format: Format): Adopter | undefined {
  return adopters.find((one) => one.format === format)
}
