import { expect } from 'vitest'
import { type Database, test } from '../support/database.ts'

const items = {
  '0001_items.sql': `create table items (id int primary key, name text not null, price numeric check (price > 0),
    parent int references items (id), code text unique)`,
}

async function seed(db: Database, csv: string, files = items) {
  db.files(files)
  db.seeds({ '010_items.csv': csv })
  const { exitCode, stderr } = await db.up(['--seed', 'test'])
  expect(exitCode, stderr).toBe(26)
  expect(stderr).toContain('seed 010_items.csv failed and was rolled back')
  return stderr
}

const at = (place: string) => `  seeds/010_items.csv:${place}\n`

test.for<[string, string, string]>([
  ['a value of the wrong type', 'id,name,price\n1,a,2\n2,b,dear\n', '3:5'],
  ['CRLF', 'id,name,price\r\n1,a,2\r\n2,b,dear\r\n', '3:5'],
  ['a byte order mark', '\ufeffid,name,price\n1,a,2\n2,b,dear\n', '3:5'],
  ['lines inside quotes count as lines', 'id,name,price\n1,"a\nb\nc",2\n2,b,dear\n', '5:5'],
  ['the cell of a row that has lines inside quotes', 'id,name,price\n1,a,2\n2,"b\nc",dear\n', '4:4'],
  ['a cell too many', 'id,name\n1,a\n2,b,c\n', '3:1'],
  ['a cell too few', 'id,name\n1,a\n2\n', '3:1'],
  ['no line end at the end', 'id,name,price\n1,a,dear', '2:5'],
  ['a header that names what there is not', 'id,nmae\n1,a\n', '1:4'],
  ['a quote that is never closed', 'id,name\n1,a\n2,"b\n', '3:1'],
])('a bad CSV line is named as file:line: %s', async ([, csv, place], { db }) => {
  expect(await seed(db, csv)).toContain(at(place))
})

test.for<[string, string, string]>([
  ['not null', 'id,name\n1,a\n2,\n3,c\n', '3:3'],
  ['check', 'id,name,price\n1,"a\nb",2\n2,b,-2\n3,c,1\n', '4:1'],
  ['the same key twice', 'id,name\n1,a\n2,b\n1,c\n4,d\n', '4:1'],
  ['another unique column', 'id,name,code\n1,a,x\n2,b,x\n', '3:1'],
  ['a reference to nothing', 'id,name,parent\n1,a,\n2,b,3\n3,c,9\n4,d,1\n', '4:1'],
])('a row that the table refuses is named as file:line: %s', async ([, csv, place], { db }) => {
  expect(await seed(db, csv)).toContain(at(place))
})

test('the last of many rows is found too', async ({ db }) => {
  const lines = Array.from({ length: 20_000 }, (_, n) => `${n},name ${n},1`)
  expect(await seed(db, `id,name,price\n${lines.join('\n')}\n20000,x,0\n`)).toContain(at('20002:1'))
})

test('a trigger that refuses a row before it is in has its line; one after them all has none', async ({ db }) => {
  const refuse = `create function no() returns trigger language plpgsql as $$ begin
    if new.name = 'bad' then raise 'not this one'; end if; return new; end $$;`
  const files = (when: string) => ({
    '0001_items.sql': `${items['0001_items.sql']}; ${refuse} create trigger no ${when} insert on items for each row execute function no()`,
  })
  const csv = 'id,name\n1,a\n2,bad\n3,c\n'
  expect(await seed(db, csv, files('before'))).toContain(at('3:1'))
  await db.query('drop schema upfront cascade; drop table items; drop function no')
  expect(await seed(db, csv, files('after'))).not.toContain('010_items.csv:')
})

test('with UPFRONT_LOG_DETAIL=off the line is named and not shown: it is a row', async ({ db }) => {
  db.files(items)
  db.seeds({ '010_items.csv': 'id,name,price\n1,alice@example.org,dear\n' })
  const { stderr } = await db.up(['--seed', 'test'], { UPFRONT_LOG_DETAIL: 'off' })
  expect(stderr).toContain('seeds/010_items.csv:2:')
  expect(stderr).not.toContain('alice')
})

test('a database of another encoding, and a role that is nobody special, are told the line too', async ({ db }) => {
  const { user, password } = await db.role()
  for (const encoding of ['latin1', 'sql_ascii']) {
    const database = `${db.name}_${encoding}`
    await db.query(`create database ${database} encoding ${encoding} template template0 locale 'C' owner ${user}`)
    try {
      const env = { UPFRONT_DATABASE_URL: db.urlOf({ user, password, database }) }
      db.files({ '0001_schema.sql': 'create schema app', '0002_items.sql': items['0001_items.sql'].replace('items (', 'app.items (').replace('references items', 'references app.items') }) // prettier-ignore
      db.seeds({ '010_app.items.csv': 'id,name,price\n1,Käthe,2\n2,"Größe\nzwei",-1\n3,c,1\n' })
      const { exitCode, stderr } = await db.up(['--seed', 'test'], env)
      expect(exitCode, stderr).toBe(26)
      expect(stderr).toContain('seeds/010_app.items.csv:3:1\n')
      expect(stderr).toContain('3 | 2,"Größe')
    } finally {
      await db.query(`drop database ${database} with (force)`)
    }
  }
})
