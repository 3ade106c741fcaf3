import type { Findings, Segments } from '../base/problem.ts'
import type { EdgeConfig } from './schema.ts'
import type { Salvaged } from './salvage.ts'

/** Environment variables by name. */
export type Environment = Readonly<Record<string, string | undefined>>

/** Shortest token of the admin port, whether it stands in the configuration or in the environment. */
const MIN_TOKEN_LENGTH = 16

/** A variable that the configuration refers to must be set, to one line of text that can stand in a header. */
export function checkVariable(
  name: string | undefined,
  segments: Segments,
  environment: Environment,
  findings: Findings,
): void {
  if (name === undefined) return
  const value = environment[name]
  if (value === undefined || value === '') {
    findings.error(segments, `the environment variable ${name} is not set`, {
      hint: `set ${name} where edgeward is started`,
    })
  } else if (/[^\t\x20-\x7e]/.test(value)) {
    findings.error(segments, `the environment variable ${name} holds more than one line of ASCII text`, {
      hint: 'remove line breaks and other control characters',
    })
  }
}

/** The token of the admin port, where it comes from the environment. */
export function checkAdmin(view: Salvaged<EdgeConfig>, environment: Environment, findings: Findings): void {
  if (typeof view.admin !== 'object' || typeof view.admin.token !== 'object') return
  const { env } = view.admin.token
  checkVariable(env, ['admin', 'token', 'env'], environment, findings)
  const length = env === undefined ? undefined : environment[env]?.length
  if (length !== undefined && length > 0 && length < MIN_TOKEN_LENGTH) {
    findings.error(
      ['admin', 'token', 'env'],
      `the environment variable ${env} holds a token of ${length} characters`,
      {
        expected: `at least ${MIN_TOKEN_LENGTH} characters`,
      },
    )
  }
}
