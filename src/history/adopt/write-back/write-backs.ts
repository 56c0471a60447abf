import type { Format } from '../../../migration.ts'
import { dbmate } from './dbmate.ts'
import { drizzle } from './drizzle.ts'
import { flyway } from './flyway.ts'
import { golangMigrate } from './golang-migrate.ts'
import { goose } from './goose.ts'
import { prisma } from './prisma.ts'
import { sqlx } from './sqlx.ts'
import type { WriteBack } from './write-back.ts'

const all: readonly WriteBack[] = [dbmate, drizzle, flyway, golangMigrate, goose, prisma, sqlx]

/** The formats whose rows can be written. */
export const writtenFormats: readonly Format[] = all.map(({ format }) => format)

/** The one that writes the rows of a tool; undefined for the others. */
export function writeBackOf(format: Format): WriteBack | undefined {
  return all.find((one) => one.format === format)
}
