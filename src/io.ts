/** The world as a run sees it; only entrypoint.ts makes the real one. */
export interface Io {
  /** The arguments after the program's name. */
  readonly argv: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
  /** The answer. */
  readonly stdout: Output
  /** The log. */
  readonly stderr: Output
  /** Aborted by a signal; its reason is an Interrupt. */
  readonly signal: AbortSignal
  /** This machine's name, recorded with each run. */
  readonly hostname: string
  /** How long a silent server is waited for, where that is not as long as usual. */
  readonly patience?: Patience
  /** Ends the process at once, whatever it is doing; undefined where it is not ours to end. */
  readonly exit?: (code: number) => void
}

export interface Output {
  readonly isTTY?: boolean | undefined
  /** How wide a terminal is. */
  readonly columns?: number | undefined
  write(text: string): unknown
}

/** Why a run was asked to stop. */
export interface Interrupt {
  readonly signal: 'SIGTERM' | 'SIGINT' | 'SIGHUP'
}

/** How long a silent server is waited for, in milliseconds. */
export interface Patience {
  /** How long nothing may come while an answer is awaited, before anything is concluded from it. */
  readonly silenceMs: number
  /** How long looks from a second connection have to find the same before it counts. */
  readonly sameMs: number
  /** What one look may take, with its connection. */
  readonly lookMs: number
  readonly betweenLooksMs: number
}
