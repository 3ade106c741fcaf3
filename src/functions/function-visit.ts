import type { HeaderList } from '../http/header-list.ts'
import type { MessageView } from '../http/message-diff.ts'
import type { FunctionVisit } from '../visit.ts'
import type { Attempt } from './attempt.ts'

/** The message a function was shown, as far as it may change it. */
export interface ShownMessage {
  readonly path?: string
  readonly query?: string | undefined
  readonly status?: number
  readonly headers: HeaderList
  readonly origin?: { readonly domainName: string }
}

const NO_HEADERS: readonly string[] = []

/** What a visit keeps of a run. To be called before the change is applied; the lists are not copied where nobody changes them. */
export function visitOf(attempt: Attempt, before: ShownMessage): FunctionVisit {
  const { function: planned, change, fault } = attempt
  const isAnswer = change?.kind === 'response' && before.status === undefined
  const isChanged = change !== undefined && !isAnswer && changes(attempt, before)
  const isTold = isAnswer || isChanged
  return {
    event: attempt.event,
    kind: planned.kind,
    name: planned.name,
    outcome: fault !== undefined ? 'failed' : isAnswer ? 'answered' : isChanged ? 'changed' : 'unchanged',
    durationMs: attempt.durationMs,
    isColdStart: attempt.isColdStart,
    reruns: attempt.reruns,
    utilisation: attempt.utilisation,
    fault: fault?.code,
    cause: fault?.message,
    logLines: attempt.logs.length,
    before: isChanged ? viewBefore(attempt, before) : undefined,
    after: isTold ? viewAfter(attempt, before) : undefined,
  }
}

function changes({ change }: Attempt, before: ShownMessage): boolean {
  if (change === undefined) return false
  if (change.headers !== before.headers || change.body !== undefined) return true
  if (change.kind === 'response') return change.status !== before.status
  return (
    change.uri !== undefined ||
    change.query !== undefined ||
    change.origin !== undefined ||
    change.route !== undefined
  )
}

function viewBefore({ change }: Attempt, before: ShownMessage): MessageView {
  return {
    uri: before.path,
    query: before.query,
    status: before.status,
    // A list that stays in use is changed by later stages, and was not changed here.
    headers: change?.headers === before.headers ? NO_HEADERS : before.headers.raw,
    bodyBytes: undefined,
    origin: before.origin?.domainName,
  }
}

function viewAfter({ change }: Attempt, before: ShownMessage): MessageView | undefined {
  if (change === undefined) return undefined
  const headers = change.headers === before.headers ? NO_HEADERS : change.headers.raw.slice()
  const bodyBytes = change.body?.length
  if (change.kind === 'response')
    return { uri: undefined, query: undefined, status: change.status, headers, bodyBytes, origin: undefined }
  const { uri, query, origin, route } = change
  const chosen = origin?.origin.domainName ?? route?.origins[0]?.domainName
  return {
    uri: uri ?? before.path,
    query: query ?? before.query,
    status: undefined,
    headers,
    bodyBytes,
    origin: chosen ?? before.origin?.domainName,
  }
}
