import manifest from '../package.json' with { type: 'json' }

/** Of this program; the bundler writes it into the code. */
export const version: string = manifest.version
