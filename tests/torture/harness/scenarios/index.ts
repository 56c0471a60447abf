import { refused, rejects, resolves } from './failing.ts'
import { small } from './small.ts'
import { whole } from './whole.ts'

export { refused, rejects, resolves, small, whole }

/** All of them, to be compiled once. */
export const scenarios = [small, whole, rejects, resolves, refused]
