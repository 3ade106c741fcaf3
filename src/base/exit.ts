/** Exit codes of every command, so that scripts can tell what happened. */
export const exitCodes = {
  ok: 0,
  /** The command could not do its work: a port in use, no running edge, a file that cannot be written. */
  failed: 1,
  /** The configuration or the command line is wrong; nothing was started. */
  badConfig: 2,
} as const

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes]

/** Where a command writes: standard output is for results, standard error for everything said about them. */
export interface Output {
  out(line: string): void
  error(line: string): void
  readonly isTerminal: boolean
}
