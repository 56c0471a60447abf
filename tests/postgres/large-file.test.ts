// What is sent ahead of an answer, and what of a failed try is still on its way.
import * as fs from 'node:fs'
import net from 'node:net'
import { join } from 'node:path'
import { describe, expect } from 'vitest'
import { test } from '../support/database.ts'
import { startProxy } from '../support/proxy.ts'

const blank = (bytes: number) => `\n${'-- '.padEnd(1_000, '.')}\n`.repeat(Math.ceil(bytes / 1_000))

/** Inserts, of which some hundred make a chunk; more than a file that goes whole may have. */
const inserts = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, i) => `insert into t values (${from + i}, '${'x'.repeat(500)}');`).join('\n')

describe('nothing of a large file is sent before its BEGIN has been answered', () => {
  test('a first chunk that fails before it executes leaves nothing', async ({ db }) => {
    const name = `${db.name}_latin1`
    await db.query(`create database ${name} encoding 'LATIN1' locale 'C' template template0`)
    try {
      const url = db.urlOf({ database: name })
      const client = await db.connect(url)
      await client.query('create table t (id int, note text)')
      db.files({ '001_many.sql': `select 1;\nselect '🎉';\n${inserts(0, 20_000)}` })
      const { exitCode, stderr } = await db.up([], { UPFRONT_DATABASE_URL: url })
      expect(exitCode, stderr).toBe(22)
      expect(stderr).toContain('22P05')
      expect(stderr).toContain('001_many.sql:2:9')
      expect((await client.query('select count(*)::int as n from t')).rows).toEqual([{ n: 0 }])
      await client.end()
    } finally {
      await db.query(`drop database ${name} with (force)`)
    }
  })

  test('and nothing more is sent when it has failed', async ({ db }) => {
    await using proxy = await startProxy(Number(new URL(db.url).port))
    db.files({ '001_many.sql': `select 1 / 0;\n${inserts(0, 5_000)}` })
    const { exitCode, stderr } = await db.up([], { UPFRONT_DATABASE_URL: db.urlOf({ port: proxy.port }) })
    expect(exitCode, stderr).toBe(22)
    const begun = proxy.messages.findIndex(({ text }) => text.includes('select 1 / 0'))
    const behind = proxy.messages.slice(begun + 1).filter(({ text }) => text.includes('insert into t'))
    expect(begun).toBeGreaterThan(0)
    expect(behind).toEqual([])
  })

  test('joined migrations of which one cannot be read leave nothing but those before it', async ({ db }) => {
    const name = `${db.name}_latin1`
    await db.query(`create database ${name} encoding 'LATIN1' locale 'C' template template0`)
    try {
      const url = db.urlOf({ database: name })
      db.files({
        '001_a.sql': 'create table a (id int)',
        '002_b.sql': `create table b (id int); comment on table b is '🎉'`,
        '003_c.sql': 'create table c (id int)',
      })
      const { exitCode, stderr, applied } = await db.up([], { UPFRONT_DATABASE_URL: url })
      expect(exitCode, stderr).toBe(22)
      expect(stderr).toContain('002_b.sql:1')
      expect(applied).toEqual(['001_a'])
      const client = await db.connect(url)
      const { rows } = await client.query(`select tablename from pg_tables where schemaname = 'public'`)
      expect(rows).toEqual([{ tablename: 'a' }])
      await client.end()
    } finally {
      await db.query(`drop database ${name} with (force)`)
    }
  })
})

/** Stands in front of the server and lets no more than so much a second through to it. */
async function startSlowProxy(serverPort: number, bytesASecond: number) {
  const sockets = new Set<net.Socket>()
  const listener = net.createServer({ allowHalfOpen: false }, (client) => {
    const server = net.connect(serverPort, '127.0.0.1')
    for (const socket of [client, server]) {
      sockets.add(socket)
      socket.on('error', () => {}).on('close', () => (client.destroy(), server.destroy(), sockets.delete(socket)))
    }
    server.pipe(client)
    client.on('data', (bytes) => {
      server.write(bytes)
      if (bytes.length < 1_000) return
      client.pause()
      setTimeout(() => client.resume(), (bytes.length / bytesASecond) * 1_000)
    })
  })
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve))
  return {
    port: (listener.address() as net.AddressInfo).port,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => listener.close(resolve))
    },
  }
}

describe('the data of a COPY that failed never enter the one of the next try', () => {
  // More than the buffers of two connections hold, so that some of it is still to be sent when it fails.
  const rows = 40_000
  const line = (id: number, between: string) => `${id}${between}${String(id).padStart(1_000, 'x')}\n`
  const lines = (between: string) => Array.from({ length: rows }, (_, i) => line(i, between)).join('')
  const table = 'create table big (id int primary key, note text)'

  test('after a unique conflict with an open transaction the counts are exact', async ({ db }) => {
    await using proxy = await startSlowProxy(Number(new URL(db.url).port), 12_000_000)
    await db.query(table)
    const blocker = await db.connect()
    await blocker.query(`begin; insert into big values (500, 'in the way')`)
    db.files({ '001_big.sql': `copy big from stdin;\n${lines('\t')}\\.\n` })
    const env = { UPFRONT_DATABASE_URL: db.urlOf({ port: proxy.port }), UPFRONT_LOCK_TIMEOUT: '300ms' }
    const running = db.spawn(['up'], env)
    await running.says('retrying')
    await blocker.query('rollback')
    const { exitCode, stderr } = await running.ended
    expect(exitCode, stderr).toBe(0)
    const sums = 'select count(*)::int as n, sum(id)::int as ids, count(distinct note)::int as notes from big'
    expect(await db.query(sums)).toEqual([{ n: rows, ids: (rows * (rows - 1)) / 2, notes: rows }])
  })

  test('several COPYs in one file, the second of which is in the way', async ({ db }) => {
    await using proxy = await startSlowProxy(Number(new URL(db.url).port), 12_000_000)
    await db.query(`${table}; create table small (id int)`)
    const blocker = await db.connect()
    await blocker.query(`begin; insert into big values (7, 'in the way')`)
    const copies = `copy small from stdin;\n1\n2\n\\.\ncopy big from stdin;\n${lines('\t')}\\.\ncopy small from stdin;\n3\n\\.\n`
    db.files({ '001_big.sql': copies + blank(10) })
    const env = { UPFRONT_DATABASE_URL: db.urlOf({ port: proxy.port }), UPFRONT_LOCK_TIMEOUT: '300ms' }
    const running = db.spawn([], env)
    await running.says('retrying')
    await blocker.query('rollback')
    const { exitCode, stderr } = await running.ended
    expect(exitCode, stderr).toBe(0)
    expect(await db.query('select id from small order by id')).toEqual([{ id: 1 }, { id: 2 }, { id: 3 }])
    expect(await db.query('select count(*)::int as n from big')).toEqual([{ n: rows }])
  })
})

test('the output of COPY ... TO stdout is thrown away, whatever the size of the file', async ({ db }) => {
  const out = `copy (select repeat('x', 1000) from generate_series(1, 2000)) to stdout;`
  db.files({
    '001_small.sql': `create table t (id int, note text); ${out}`,
    '002_only.sql': out,
    '003_large.sql': `${out}\n${inserts(0, 4_000)}\n${out}`,
    '004_outside.sql': `-- upfront:no-transaction\n${out}\ncreate table u (id int);`,
    '005_module.mjs': `export async function up(client) { await client.query(\`${out}\`) }`,
  })
  fs.writeFileSync(join(db.migrationsDir, '001_small.down.sql'), `${out} drop table t;`)
  const { exitCode, stderr, applied } = await db.spawn().ended
  expect(exitCode, stderr).toBe(0)
  expect(applied).toHaveLength(5)
  expect(await db.query('select count(*)::int as n from t')).toEqual([{ n: 4_000 }])
})
