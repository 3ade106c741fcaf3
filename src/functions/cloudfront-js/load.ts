import type { PlannedCloudFrontFunction } from '../../planned-functions.ts'
import type { KeyValueSource } from '../key-value-store/read.ts'
import { createInlineRunner } from './inline.ts'
import { instrument } from './instrument.ts'
import type { FunctionRunner } from './run.ts'
import { createSandboxRunner } from './sandbox.ts'
import { checkSource, formatProblems } from './syntax.ts'

/** A source that CloudFront Functions would refuse; the message has one line per problem, with line and column. */
export class FunctionSourceError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'FunctionSourceError'
  }
}

/** Checks, instruments and loads a function. Rejects with FunctionSourceError for a source that is refused. */
export async function loadFunction(
  planned: Pick<PlannedCloudFrontFunction, 'file' | 'source' | 'runtime' | 'run'>,
  store: KeyValueSource | undefined,
): Promise<FunctionRunner> {
  const checked = checkSource(planned.source, planned.runtime)
  if (checked.kind === 'refused')
    throw new FunctionSourceError(formatProblems(planned.file, checked.problems))
  const source = instrument(planned.source, checked.program)
  const { runtime } = planned
  if (planned.run === 'inline') return createInlineRunner(source, runtime, store)
  return createSandboxRunner(source, runtime, store)
}
