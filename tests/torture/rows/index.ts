import { connecting } from './connecting.ts'
import { container } from './container.ts'
import { death } from './death.ts'
import { environment } from './environment.ts'
import { locking } from './locking.ts'
import { migrations } from './migrations.ts'
import type { Row } from './row.ts'
import { truth } from './truth.ts'

export type { Row }

/** The torture list, section by section. */
export const sections: readonly (readonly [title: string, rows: readonly Row[]])[] = [
  ['Getting a connection', connecting],
  ['Locking and concurrency', locking],
  ['Death and partition', death],
  ['Bad migrations', migrations],
  ['Locks, permissions, environment of the database', environment],
  ['Container', container],
  ['No exception to the truth', truth],
]
