import type { Session } from '../../postgres/session.ts'

/** Gives a copy the settings and privileges that belong to the database itself, which CREATE DATABASE leaves out. */
export async function copyOwn(session: Session, from: string, to: string): Promise<void> {
  await copySettings(session, from, to)
  await copyPrivileges(session, from, to)
}

interface Setting {
  readonly role: string | null
  readonly name: string
  readonly value: string
}

async function copySettings(session: Session, from: string, to: string): Promise<void> {
  const [identifier, literal] = [session.client.escapeIdentifier, session.client.escapeLiteral]
  const settings = await session.query<Setting>(
    `select r.rolname as role, split_part(one, '=', 1) as name, substr(one, strpos(one, '=') + 1) as value
     from pg_catalog.pg_db_role_setting s join pg_catalog.pg_database d on d.oid = s.setdatabase
       cross join unnest(s.setconfig) one left join pg_catalog.pg_roles r on r.oid = s.setrole
     where d.datname = $1`,
    [from],
  )
  for (const { role, name, value } of settings) {
    const whose = `${role === null ? '' : `role ${identifier(role)} in `}database ${identifier(to)}`
    if (name === 'role') {
      // Set here it would be the role that alters.
      await session.query(`alter ${whose} set role to ${literal(value)}`)
      continue
    }
    // By way of the session, because a list such as a search_path is not written in one text.
    const set = `select pg_catalog.set_config(${literal(name)}, ${literal(value)}, true)`
    const named = name.split('.').map((part) => identifier(part))
    await session.query(`begin; ${set}; alter ${whose} set ${named.join('.')} from current; commit`)
  }
}

interface Grant {
  readonly privilege: string
  /** null for everybody. */
  readonly grantee: string | null
  readonly grantable: boolean
}

async function copyPrivileges(session: Session, from: string, to: string): Promise<void> {
  const grants = await session.query<Grant | { readonly privilege: null }>(
    `select g.privilege_type as privilege, g.is_grantable as grantable, r.rolname as grantee
     from pg_catalog.pg_database d
       left join lateral pg_catalog.aclexplode(d.datacl) g on g.grantee <> d.datdba
       left join pg_catalog.pg_roles r on r.oid = g.grantee
     where d.datname = $1 and d.datacl is not null`,
    [from],
  )
  // Without any row the privileges are those that every database has.
  if (grants.length === 0) return
  const quoted = session.client.escapeIdentifier(to)
  await session.query(`revoke all on database ${quoted} from public`)
  for (const grant of grants) {
    if (grant.privilege === null) continue
    const { privilege, grantee, grantable } = grant
    const whom = grantee === null ? 'public' : session.client.escapeIdentifier(grantee)
    await session.query(`grant ${privilege} on database ${quoted} to ${whom}${grantable ? ' with grant option' : ''}`)
  }
}
