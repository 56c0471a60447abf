// The keys of tools' locks that are computed, against what the tools themselves compute.
import { expect, test } from 'vitest'
import * as atlas from '../../../../src/history/adopt/tools/atlas.ts'
import * as flyway from '../../../../src/history/adopt/tools/flyway.ts'
import * as golangMigrate from '../../../../src/history/adopt/tools/golang-migrate.ts'
import * as sqlx from '../../../../src/history/adopt/tools/sqlx.ts'

test("golang-migrate's are those of its own test", () => {
  expect(golangMigrate.lockKey('database_name', 'schema_name_1', 'schema_name_2')).toBe(3_743_845_847n)
})

test("sqlx' are those that its Rust code gives", () => {
  expect(sqlx.lockKey('zone')).toBe(2_771_974_297_191_923_538n)
  expect(sqlx.lockKey('zone_test')).toBe(1_283_835_657_316_171_598n)
})

test("flyway's are those of the JVM", () => {
  expect(flyway.lockKey('public', 'flyway_schema_history')).toBe(77_433_833_903_597n)
  expect(flyway.lockKey('äpp', 'flyway_schema_history')).toBe(77_432_426_221_654n)
})

test("atlas' are FNV-1 of 32 bits, as its inventors give it", () => {
  expect(atlas.lockKey('a')).toBe(0x050c_5d7en)
  expect(atlas.lockKey('foobar')).toBe(0x31f0_b262n)
})
