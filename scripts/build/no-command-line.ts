/** Stands in for @rushstack/ts-command-line in the bundle: umzug's CLI classes extend these, and nobody makes one. */
class Unused {}

export { Unused as CommandLineAction, Unused as CommandLineParser }
