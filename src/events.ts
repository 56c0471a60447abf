import type { Failure } from './errors.ts'

/** Everything that can happen in a run, with its stable fields; durations are milliseconds. */
export type Event =
  | { readonly type: 'start'; readonly command: string; readonly version: string; readonly bundle: string; readonly migrations: number; readonly target: string; readonly source: string } // prettier-ignore
  | { readonly type: 'warning'; readonly message: string }
  | { readonly type: 'waiting'; readonly reason: string; readonly target: string; readonly elapsedMs: number }
  | { readonly type: 'ready'; readonly serverVersion: string; readonly elapsedMs: number }
  | { readonly type: 'up_to_date'; readonly migrations: number; readonly seed: string | null }
  | { readonly type: 'held_back'; readonly names: readonly string[] }
  | { readonly type: 'deferred'; readonly names: readonly string[]; readonly why: readonly string[] }
  | { readonly type: 'ahead'; readonly names: readonly string[] }
  | { readonly type: 'lock_waiting'; readonly holder: string; readonly elapsedMs: number }
  | { readonly type: 'connection_lost'; readonly reason: string }
  | { readonly type: 'retrying'; readonly name: string; readonly reason: string; readonly delayMs: number }
  | { readonly type: 'blocked'; readonly name: string; readonly blockers: readonly Blocker[]; readonly elapsedMs: number }
  | { readonly type: 'progress'; readonly name: string; readonly phase: string; readonly percent: number | null; readonly elapsedMs: number } // prettier-ignore
  | { readonly type: 'applying'; readonly name: string }
  | { readonly type: 'applied'; readonly name: string; readonly durationMs: number }
  | { readonly type: 'seeded'; readonly name: string; readonly durationMs: number }
  | { readonly type: 'reverted'; readonly name: string; readonly durationMs: number }
  | { readonly type: 'reset'; readonly objects: number; readonly durationMs: number }
  | { readonly type: 'pending'; readonly names: readonly string[]; readonly elapsedMs: number }
  | { readonly type: 'held'; readonly lease: string; readonly version: string | null; readonly ttlMs: number }
  | { readonly type: 'not_renewed'; readonly lease: string; readonly reason: string; readonly leftMs: number }
  | { readonly type: 'released'; readonly lease: string }
  | { readonly type: 'adopted'; readonly names: readonly string[]; readonly from: string; readonly table: string }
  | { readonly type: 'baselined'; readonly name: string }
  | { readonly type: 'verified'; readonly objects: number; readonly elapsedMs: number }
  | { readonly type: 'drift'; readonly differences: readonly string[] }
  | { readonly type: 'repaired'; readonly action: string; readonly name: string; readonly meaning: string }
  | { readonly type: 'notice'; readonly name: string; readonly severity: string; readonly message: string }
  | { readonly type: 'tenant'; readonly name: string; readonly state: 'done' | 'nothing' | 'failed'; readonly code: string | null; readonly reason: string | null; readonly durationMs: number } // prettier-ignore
  | { readonly type: 'fleet'; readonly command: string; readonly done: number; readonly nothing: number; readonly failed: number; readonly notTried: number; readonly elapsedMs: number } // prettier-ignore
  | { readonly type: 'interrupted'; readonly signal: string }
  | { readonly type: 'done'; readonly applied: number; readonly seeded: number; readonly reverted: number; readonly recorded?: number; readonly elapsedMs: number } // prettier-ignore
  | { readonly type: 'failed'; readonly failure: Failure; readonly applied: readonly string[]; readonly notRun: readonly string[] } // prettier-ignore

/** A session that keeps ours waiting; `query` is empty when we may not see it. */
export interface Blocker {
  readonly pid: number
  readonly application: string
  readonly user: string
  readonly state: string
  readonly forMs: number
  readonly query: string
}

/** Takes an event to whoever reports it; never throws. */
export type Emit = (event: Event) => void
