import { leasesTableSql } from '../../history/leases-table.ts'
import { historyTables } from '../../history/tables.ts'
import { withLocalSettings } from '../../postgres/local-settings.ts'
import { lockKey } from '../../postgres/lock-key.ts'
import type { Session } from '../../postgres/session.ts'
import type { Run } from '../run.ts'

/**
 * Makes the table of leases beside tables of an earlier version, for a run with nothing else to do: under the lock when
 * that is free, in one message, and never a failure, because nobody has asked for leases yet.
 */
export async function makeLeases({ config }: Run, session: Session): Promise<void> {
  const { lockTimeoutMs, schema, target, tenant } = config
  if (tenant) return
  const { leases } = historyTables(session, config)
  const create = session.client.escapeLiteral(leasesTableSql(leases))
  await withLocalSettings(session, { lockTimeoutMs, role: target!.role })
    .query(
      `do $upfront$ begin
         if pg_catalog.pg_try_advisory_xact_lock(${lockKey(schema)}) then execute ${create}; end if;
       end $upfront$`,
    )
    .catch(() => {})
}
