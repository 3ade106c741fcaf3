import type { Visit } from '../visit.ts'
import { durationOf, sentBytes } from './fields.ts'

const RESET = '\u001b[0m'
const COLOURS = {
  grey: '\u001b[90m',
  green: '\u001b[32m',
  yellow: '\u001b[33m',
  red: '\u001b[31m',
  cyan: '\u001b[36m',
}

/**
 * One readable line per request: time, method, path, status, cache result, behavior, milliseconds, bytes. Control
 * and direction characters are shown as escapes, so that a path cannot write on the terminal.
 */
export function createConsoleLine(hasColours: boolean): (visit: Visit) => string {
  const paint = (colour: keyof typeof COLOURS, text: string) =>
    hasColours ? COLOURS[colour] + text + RESET : text
  return (visit) => {
    const { request } = visit
    const time = new Date(visit.startedAt).toTimeString().slice(0, 8)
    const target = shorten(pathOf(visit), 44)
    const status = visit.status === 0 ? '000' : String(visit.status)
    const colour =
      visit.status >= 500 || visit.status === 0
        ? 'red'
        : visit.status >= 400
          ? 'yellow'
          : visit.status >= 300
            ? 'cyan'
            : 'green'
    const result = visit.resultType === visit.detailedResultType ? visit.resultType : visit.detailedResultType
    const says = visit.cause ?? missReason(visit)
    const why = says === undefined ? '' : `  ${paint('grey', shorten(says, 100))}`
    return (
      [
        paint('grey', time),
        shorten(request.method, 7).padEnd(7),
        target.padEnd(44),
        paint(colour, status),
        shorten(result, 18).padEnd(18),
        shorten(visit.behavior ?? '-', 16).padEnd(16),
        `${durationOf(visit).toFixed(1)} ms`.padStart(11),
        readableBytes(sentBytes(visit)).padStart(9),
      ].join('  ') + why
    )
  }
}

/** Why the cache had no answer, and why it keeps none. */
function missReason({ cache }: Visit): string | undefined {
  if (cache === undefined || (cache.status !== 'miss' && cache.status !== 'bypass')) return undefined
  const detail = cache.detail === undefined ? '' : ` (${cache.detail})`
  const unkept = cache.stored === undefined || cache.stored === 'stored' ? '' : `, not kept: ${cache.stored}`
  return `${cache.why}${detail}${unkept}`
}

function readableBytes(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`
  if (bytes < 1_000_000) return `${(bytes / 1000).toFixed(1)} kB`
  return `${(bytes / 1_000_000).toFixed(1)} MB`
}

function shorten(text: string, length: number): string {
  const safe = text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) => {
    const code = character.codePointAt(0)!.toString(16)
    return code.length <= 2 ? `\\x${code.padStart(2, '0')}` : `\\u{${code}}`
  })
  return safe.length <= length ? safe : `${safe.slice(0, length - 1)}…`
}

function pathOf({ request, shownQuery }: Visit): string {
  const query = shownQuery ?? request.query
  return query === undefined ? request.path : `${request.path}?${query}`
}
