import type { PlannedWebAclSummary } from '../plan.ts'
import type { Evaluation, TraceEntry } from './evaluation.ts'
import type { Evidence } from './inspection.ts'
import { statusSent } from './verdict.ts'

/** Characters of a value that are shown around what matched. */
const AROUND = 24
const MAX_SHOWN = 120

/** An evaluation as explain tells it: every rule visited, what it looked at after transformation, and what matched. */
export function tellEvaluation(evaluation: Evaluation, acl: PlannedWebAclSummary | undefined): string[] {
  const says = [`web ACL ${acl?.name ?? ''}, ${acl?.capacity ?? 0} capacity units`]
  for (const entry of evaluation.trace ?? []) says.push(...tellEntry(entry))
  for (const { rule, hit } of evaluation.rates) {
    const who = hit.values.map(
      ({ key, name, value }) => `${key}${name === undefined ? '' : ` ${name}`} ${value}`,
    )
    says.push(
      `${rule.name} counts ${who.join(', ')}: ${Math.round(hit.estimate)} in ${hit.windowSeconds} s, the limit is ${hit.limit}`,
    )
  }
  if (evaluation.labels.length > 0) says.push(`labels: ${evaluation.labels.join(', ')}`)
  if (evaluation.oversize.length > 0)
    says.push(`larger than what is inspected: ${evaluation.oversize.join(', ')}`)
  for (const { name, value } of evaluation.inserted) says.push(`inserts ${name}: ${value}`)
  const { hit, terminating } = evaluation
  if (terminating === undefined)
    says.push(`no rule decided; the default action is ${evaluation.planned.kind}`)
  else {
    const inner = hit === undefined || hit.rule === terminating.name ? '' : ` (its rule ${hit.rule})`
    says.push(`${terminating.name}${inner} decided: ${evaluation.action}`)
  }
  return says
}

/** What the viewer receives where the request does not go on, for the outcome of explain. */
export function tellVerdict(evaluation: Evaluation): string | undefined {
  const status = statusSent(evaluation)
  if (status === undefined) return undefined
  const who = evaluation.terminating?.name ?? 'the default action'
  return `${status} by ${who} of the web ACL (${evaluation.action})`
}

function tellEntry({ rule, group, outcome, evidence, labels }: TraceEntry): string[] {
  const name = group === undefined ? rule : `${group} > ${rule}`
  const adds = labels.length === 0 ? '' : `, adds ${labels.join(', ')}`
  return [`${name}: ${outcome}${adds}`, ...evidence.map((each) => `  ${tellEvidence(each)}`)]
}

/** `QUERY_STRING q: ByteMatchStatement matched »select« at 4 of "q=1 select 2"`. */
function tellEvidence({
  statement,
  location,
  name,
  value,
  start,
  end,
  matchedData,
  message,
}: Evidence): string {
  const where = name === undefined ? location : `${location} ${name}`
  const from = Math.max(0, start - AROUND)
  const to = Math.min(value.length, Math.max(end, start) + AROUND, from + MAX_SHOWN)
  const shown = `${from > 0 ? '…' : ''}${printable(value.slice(from, to))}${to < value.length ? '…' : ''}`
  const matched = printable(value.slice(start, Math.min(end, start + MAX_SHOWN)))
  const tokens = matchedData === undefined ? '' : `, read as ${matchedData.map(printable).join(' ')}`
  const said = message === undefined ? '' : ` (${message})`
  return `${where}: ${statement} matched »${matched}« at ${start} of "${shown}"${tokens}${said}`
}

/** Latin1 text for a terminal: UTF-8 where it is that, control characters escaped. */
function printable(text: string): string {
  const bytes = Buffer.from(text, 'latin1')
  const decoded = bytes.toString('utf8')
  const readable = decoded.includes('\ufffd') ? text : decoded
  return readable.replaceAll(
    // eslint-disable-next-line no-control-regex -- control characters are exactly what is escaped
    /[\u0000-\u001f\u007f-\u009f]/g,
    (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`,
  )
}
