import { expect } from 'vitest'
import { loadConfig } from '../../src/config/load.ts'
import { notifyReleased } from '../../src/postgres/lock-release.ts'
import { openSession } from '../../src/postgres/session.ts'
import { test } from '../support/database.ts'

test('that nobody can be told is no failure of a run that is done, that the connection is lost is one', async ({
  db,
}) => {
  const { signal } = new AbortController()
  const output = { write: () => {} }
  const io = { argv: [], env: { DATABASE_URL: db.urlOf({}) }, cwd: db.dir, stdout: output, stderr: output, signal, hostname: 'test' } // prettier-ignore
  const target = (await loadConfig(io, {}, { database: true, dotenv: false })).target!
  const way = { at: target.hosts[0]!, encryption: 'never', applicationName: 'test' } as const
  const session = await openSession(target, way, signal)
  await session.query('begin')
  await expect(session.query('select 1 / 0')).rejects.toMatchObject({ code: '22012' })
  // The server refuses every statement now.
  await expect(session.query('select 1')).rejects.toMatchObject({ code: '25P02' })
  await notifyReleased(session, 1n)
  session.close()
  await expect(notifyReleased(session, 1n)).rejects.toThrow()
})
