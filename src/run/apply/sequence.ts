import { MigrationError, Umzug } from 'umzug'

/** Something to run, in its turn. */
export interface SequenceStep {
  readonly name: string
  readonly run: () => Promise<void>
}

/**
 * Runs the steps in order and stops at the first that fails, rejecting with that step's own error. Umzug sequences;
 * the plan has decided what is pending, and each step records itself in its own transaction.
 */
export async function runSteps(steps: readonly SequenceStep[]): Promise<void> {
  const umzug = new Umzug({
    migrations: steps.map(({ name, run }) => ({ name, up: run })),
    context: {},
    logger: undefined,
    storage: {
      executed: async () => [],
      // Empty: umzug logs after `up`, and a crash between the two would be applied but unrecorded.
      logMigration: async () => {},
      unlogMigration: async () => {},
    },
  })
  try {
    await umzug.up()
  } catch (error) {
    throw error instanceof MigrationError ? error.cause : error
  }
}
