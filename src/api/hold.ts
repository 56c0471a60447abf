import { hostname } from 'node:os'
import { waitThen } from '../commands/wait.ts'
import { holdLease } from '../run/contract/hold.ts'
import { call } from './call.ts'
import type { Options } from './options.ts'

/** A lease that is kept until it is released; it does not keep the process alive. */
export interface HeldLease extends AsyncDisposable {
  readonly id: string
  /** Gives it back; never rejects for a database that is not there. */
  release(): Promise<void>
}

/** What `hold` of the API does; resolves when the lease is held. */
export async function hold(options: Options): Promise<HeldLease> {
  const own = new AbortController()
  const signal = options.signal === undefined ? own.signal : AbortSignal.any([options.signal, own.signal])
  let over: Promise<unknown> = Promise.resolve()
  const id = await new Promise<string>((resolve, reject) => {
    over = call({ ...options, signal }, (run) => {
      // By the name of this API nobody would find the pod.
      const named = { ...run, io: { ...run.io, hostname: hostname() } }
      const held = (lease: { readonly id: string }) => resolve(lease.id)
      return waitThen(named, (bundle, waited) => holdLease(named, bundle, { ...waited, held, mayEnd: true }))
    })
    over.catch(reject)
  })
  const release = async () => {
    own.abort()
    await over
  }
  return { id, release, [Symbol.asyncDispose]: release }
}
