import type { Emit, Event } from '../../events.ts'
import type { Run } from '../run.ts'

/** Of what happens in a scratch database only warnings are of interest. */
export function quiet({ emit }: Run): Emit {
  const told: ReadonlySet<Event['type']> = new Set(['warning', 'waiting', 'blocked', 'progress'])
  return (event) => {
    if (told.has(event.type)) emit(event)
  }
}
