import { small } from './small.ts'
import { whole } from './whole.ts'

export { small, whole }

/** All of them, to be compiled once. */
export const scenarios = [small, whole]
