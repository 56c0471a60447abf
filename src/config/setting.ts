/** One setting: an environment variable with an X_FILE twin and a flag. */
export interface Setting {
  readonly kind: 'duration' | 'number' | 'enum' | 'boolean' | 'text' | 'path'
  /** As one would write it; null when leaving it out means none. */
  readonly default: string | null
  /** The default of a path outside our image, where nothing is mounted at the root. */
  readonly outsideImage?: string
  /** What an enum can be; the default is one of them. */
  readonly choices?: readonly string[]
  /** One line, for help, README and .env.example. */
  readonly meaning: string
}
