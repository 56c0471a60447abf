// Runs the commands of the examples' READMEs, as they stand there, on what this machine has.
import { execFileSync } from 'node:child_process'
import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect } from 'vitest'
import { YAML } from 'zx'
import { makeAuthority } from '../support/certificate.ts'
import { copyRepository } from '../support/program.ts'
import { type Cluster, startCluster } from './examples/cluster.ts'
import { blocksOf } from './examples/readme.ts'
import { tag } from './examples/tag.ts'
import { type Lab, type Outcome, must, root, shell, until } from './lab.ts'
import { test } from './support.ts'

const cleanups: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

/** A copy of an example's folder, where a test may add what a person would. */
function copyOf(example: string): string {
  const folder = fs.mkdtempSync(join(fs.realpathSync(tmpdir()), 'upfront-example-'))
  fs.chmodSync(folder, 0o755)
  cleanups.push(async () => fs.rmSync(folder, { recursive: true, force: true }))
  fs.cpSync(join(root, 'examples', example), folder, { recursive: true })
  return folder
}

/** Runs commands by a shell whose `docker` leaves nothing behind and knows compose of either age. */
function shellOf(lab: Lab, cwd: string, env: Readonly<Record<string, string>> = {}) {
  const bin = fs.mkdtempSync(join(fs.realpathSync(tmpdir()), 'upfront-bin-'))
  cleanups.push(async () => fs.rmSync(bin, { recursive: true, force: true }))
  fs.writeFileSync(
    join(bin, 'docker'),
    `#!/bin/bash
case $1 in
  run)
    shift
    network=(--network "$TEST_LAB"); [[ " $* " == *" --network "* ]] && network=()
    exec "$TEST_DOCKER" run --label "$TEST_LAB" "\${network[@]}" "$@" ;;
  compose)
    "$TEST_DOCKER" compose version >/dev/null 2>&1 || { shift; exec docker-compose "$@"; } ;;
esac
exec "$TEST_DOCKER" "$@"
`,
    { mode: 0o755 },
  )
  const docker = execFileSync('sh', ['-c', 'command -v docker'], { encoding: 'utf8' }).trim()
  const own = {
    TEST_DOCKER: docker,
    PATH: `${bin}:${process.env['PATH']}`,
    TEST_LAB: lab.prefix,
    COMPOSE_PROJECT_NAME: lab.prefix,
  }
  return async (script: string): Promise<Outcome> => {
    const run = shell({
      cwd,
      env: { ...process.env, DOCKER_BUILDKIT: '1', COMPOSE_DOCKER_CLI_BUILD: '1', ...own, ...env },
    })
    const { exitCode, stdout, stderr } = await run`bash -euo pipefail -c ${script}`
    return { exitCode: exitCode ?? 1, stdout, stderr }
  }
}

test('compose: the application finds its table and its rows', async ({ lab }) => {
  const [first, again, down] = blocksOf('examples/compose/README.md')
  const folder = copyOf('compose')
  const sh = shellOf(lab, folder)
  cleanups.push(await tag(lab, await lab.image('upfront'), 'upfront'))
  cleanups.push(() => sh('docker compose down --volumes --rmi local'))
  // The path to the repository, from where the copy is.
  const { stdout } = await must(sh(first!.replace('../..', root)))

  expect(stdout).toMatch(/applied +0001_users/)
  expect(stdout).toMatch(/applied +0002_users_email/)
  expect(stdout).toMatch(/seeded +development\/010_users\.csv/)
  expect(stdout).toMatch(/Ada Lovelace \| ada@example\.com/)

  await removeVolumesLater(lab)
  fs.writeFileSync(join(folder, 'migrations/0003_users_phone.sql'), 'alter table users add phone text;\n')
  const { stdout: second } = await must(sh(again!))
  expect(second).toMatch(/applied +0003_users_phone/)

  await must(sh(down!))
  const left = await lab.docker('ps', '--all', '--quiet', '--filter', `label=com.docker.compose.project=${lab.prefix}`)
  expect(left.stdout).toBe('')
})

/** Of containers that compose v1 makes anew it forgets the volumes that their images declare. */
async function removeVolumesLater(lab: Lab): Promise<void> {
  const project = `label=com.docker.compose.project=${lab.prefix}`
  const { stdout } = await must(lab.docker('ps', '--all', '--quiet', '--filter', project))
  const format = '{{range .Mounts}}{{if eq .Type "volume"}}{{.Name}} {{end}}{{end}}'
  const mounts = await must(lab.docker('inspect', '--format', format, ...stdout.trim().split('\n')))
  const volumes = mounts.stdout.split(/\s+/).filter((name) => /^[0-9a-f]{64}$/.test(name))
  cleanups.unshift(() => lab.docker('volume', 'rm', '--force', ...volumes))
}

test('staging: plan, up and status over TLS that is verified, and nothing without it', async ({ lab }) => {
  const [commands] = blocksOf('examples/staging/README.md')
  const folder = copyOf('staging')
  const authority = makeAuthority('Staging authority')
  await startTlsServer(lab, 'staging.example.com', authority.issue('server', ['staging.example.com']))
  fs.writeFileSync(join(folder, 'root.crt'), authority.cert, { mode: 0o644 })
  fs.writeFileSync(join(folder, 'password'), 'not-a-secret\n', { mode: 0o644 })
  cleanups.push(await tag(lab, await lab.image('template'), 'registry.example.com/my-migrations:1.4.2'))
  const sh = shellOf(lab, folder)

  const { stdout, stderr } = await must(sh(commands!))

  expect(stdout).toContain('-- migration 0001_extensions (transaction)')
  expect(stderr).toMatch(/done +8 migrations applied/)
  expect(stdout).toMatch(/8 applied/)
  expect(stdout + stderr).not.toContain('not-a-secret')

  // Another authority's certificate: refused at once.
  fs.writeFileSync(join(folder, 'root.crt'), makeAuthority('Somebody').cert)
  const refused = await sh(commands!)
  expect(refused.exitCode).toBe(24)
  expect(refused.stderr).toContain('staging.example.com')
})

describe('ci', () => {
  test('the command sets up the database, and so does the step of the workflow', async ({ lab }) => {
    const workflow = YAML.parse(fs.readFileSync(join(root, 'examples/ci/test.yml'), 'utf8'))
    const { steps, services } = workflow.jobs.test
    const { env } = services.postgres
    const [command] = blocksOf('examples/ci/README.md')
    cleanups.push(await tag(lab, await lab.image('upfront'), 'registry.example.com/upfront:0.1.0'))
    const step = steps.find(({ run = '' }) => run.includes('docker run')).run as string
    for (const script of [step, command!]) {
      const { server, url } = await startService(lab, workflow)
      const { stderr } = await must(shellOf(lab, root, { DATABASE_URL: url })(script))

      expect(stderr).toMatch(/done +8 migrations and 2 seeds applied/)
      const psql = ['psql', '--username', 'postgres', '--dbname', env.POSTGRES_DB, '--tuples-only', '--command']
      const rows = await must(lab.docker('exec', server.id, ...psql, 'select environment from upfront.runs'))
      expect(rows.stdout.trim()).toBe('test')
    }
  })

  test('a mistake in a migration fails the job with its place', async ({ lab }) => {
    const { url } = await startService(lab, YAML.parse(fs.readFileSync(join(root, 'examples/ci/test.yml'), 'utf8')))
    const [command] = blocksOf('examples/ci/README.md')
    cleanups.push(await tag(lab, await lab.image('upfront'), 'registry.example.com/upfront:0.1.0'))
    const folder = lab.folder({ 'migrations/0001_a.sql': 'create tabel a (id int);\n', 'seeds/README.md': '' })
    const { exitCode, stderr } = await shellOf(lab, folder, { DATABASE_URL: url })(command!)
    expect(exitCode).toBe(20)
    expect(stderr).toContain('0001_a.sql:1:8')
  })
})

/** The service of a workflow as the runner starts it, on any port that is free. */
async function startService(lab: Lab, workflow: ReturnType<typeof YAML.parse>) {
  const { image, env } = workflow.jobs.test.services.postgres
  const server = await lab.start(image, [], { env, flags: ['--publish', '127.0.0.1::5432'] })
  const { stdout } = await must(lab.docker('port', server.id, '5432'))
  const url = workflow.env.DATABASE_URL.replace(':5432', `:${stdout.trim().split(':').at(-1)}`) as string
  return { server, url }
}

test('npm run db:up, where an engine answers: a database that stays until it is taken down', async ({ lab }) => {
  const { dir, remove } = copyRepository('migrations', 'seeds')
  const sh = shellOf(lab, dir, { DATABASE_URL: '' })
  cleanups.push(
    async () => remove(),
    () => sh('docker compose --file scripts/db/compose.yml down --volumes'),
  )
  const port = 20_000 + Math.floor(Math.random() * 10_000)
  await must(sh(`npm run --silent db:up -- --docker --port ${port}`))
  expect(fs.readFileSync(join(dir, '.env'), 'utf8')).toContain(`@127.0.0.1:${port}/app`)
  const migrated = await must(sh('unset DATABASE_URL; npm run --silent db:migrate'))
  expect(migrated.stderr).toMatch(/done +8 migrations applied/)
  await must(sh(`node scripts/db.ts down && npm run --silent db:up -- --docker --port ${port}`))
  const again = await must(sh('unset DATABASE_URL; npm run --silent db:migrate'))
  expect(again.stderr).toMatch(/up to date +8 migrations/)
})

test('kubernetes: the pods really run', { timeout: 600_000 }, async ({ lab }) => {
  const blocks = blocksOf('examples/kubernetes/README.md')
  const cluster: Cluster = await startCluster(join(root, 'examples/kubernetes'))
  cleanups.push(() => cluster.remove())
  cleanups.push(await tag(lab, await lab.image('template'), 'registry.example.com/my-migrations:1.4.2'))
  // An application that would end at once without its tables, and then stays.
  const app = await lab.build('app', lab.folder({ Dockerfile: appDockerfile }))
  await must(app)
  cleanups.push(await tag(lab, app.image, 'registry.example.com/my-app:1.4.2'))

  const said: string[] = []
  for (const command of blocks.flatMap((block) => block.trim().split('\n'))) {
    said.push(`$ ${command}`, await cluster.kubectl(command))
  }

  const log = said.join('\n')
  // The init container of the Deployment has migrated; the Job and the gate have found it done.
  expect(log).toMatch(/logs deployment\/app --container migrate\n[^$]*done +8 migrations applied/)
  expect(log).toMatch(/logs deployment\/app-behind-gate --container wait\n[^$]*up to date +8 migrations/)
  await until(async () => (await cluster.logs('app', 'app')).includes('8 migrations'), 'the application has its tables')
  expect(await cluster.query('select count(*) from upfront.history')).toBe('8')
  expect(await cluster.query('select distinct command from upfront.runs')).toBe('up')
})

const appDockerfile = `FROM postgres:18
USER 65532
ENTRYPOINT ["sh", "-ec", "psql $(cat $DATABASE_URL_FILE) --tuples-only --command \\"select count(*) || ' migrations' from upfront.history\\"; exec sleep 600"]
`

async function startTlsServer(lab: Lab, host: string, { cert, key }: { cert: string; key: string }): Promise<void> {
  const folder = lab.folder({
    'server.crt': cert,
    'server.key': key,
    'initdb/role.sql': `create role app_migrator login password 'not-a-secret'; create database app owner app_migrator;`,
    'initdb/tls.sh': `sed -i 's/^host all all all/hostssl all all all/' "$PGDATA/pg_hba.conf"`,
  })
  // The key has to be the server's own, and nobody else's.
  const start = `install -o postgres -m 600 /tls/server.* /var/lib/postgresql/
exec docker-entrypoint.sh postgres -c fsync=off -c ssl=on -c ssl_cert_file=/var/lib/postgresql/server.crt -c ssl_key_file=/var/lib/postgresql/server.key`
  const flags = ['--network-alias', host, '--volume', `${folder}:/tls:ro`, '--volume', `${folder}/initdb:/docker-entrypoint-initdb.d:ro`] // prettier-ignore
  await lab.start('postgres:18', ['-ec', start], {
    env: { POSTGRES_PASSWORD: 'not-a-secret' },
    flags: [...flags, '--entrypoint', 'sh'],
  })
}
