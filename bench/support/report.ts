import type { Figure } from './measure.ts'
import type { Missing } from './server-process.ts'
import { printTable, resultLine } from './table.ts'
import type { ResultValues } from './table.ts'

/** A figure that must be held; one that could not be measured, because a peer is missing, is not judged. */
export interface Hold {
  readonly key: string
  readonly atLeast?: number
  readonly atMost?: number
}

/** Prints figures side by side, with how many times each peer's figure Edgeward's is. */
export function printFigures(title: string, unit: string, figures: readonly Figure[]): void {
  console.log(`\n${title}`)
  const ours = figures.find(({ name }) => name === 'edgeward')
  printTable(
    [
      'who',
      'version',
      `${unit} per CPU-s`,
      'low',
      'high',
      `${unit} per s`,
      'peak MiB',
      'failures',
      'edgeward / it',
    ],
    figures.map((figure) => [
      figure.name,
      figure.version,
      figure.perCpuSecond,
      figure.low,
      figure.high,
      figure.perSecond,
      figure.peakBytes / 2 ** 20,
      figure.failures,
      (ours?.perCpuSecond ?? Number.NaN) / figure.perCpuSecond,
    ]),
  )
}

/** `ratio_NAME` of each peer: Edgeward's figure divided by the peer's, both per CPU-second. */
export function ratiosOf(figures: readonly Figure[]): Record<string, number> {
  const ours = figures.find(({ name }) => name === 'edgeward')
  if (ours === undefined) return {}
  const peers = figures.filter((figure) => figure !== ours)
  return Object.fromEntries(
    peers.map((peer) => [`ratio_${peer.name}`, ours.perCpuSecond / peer.perCpuSecond]),
  )
}

/** What is wrong with the figures themselves, as sentences. */
export function failuresOf(figures: readonly Figure[]): string[] {
  return figures
    .filter(({ failures }) => failures > 0)
    .map(
      ({ name, failures }) =>
        `${name} gave ${failures} missing or wrong answers, so its figure means nothing`,
    )
}

export interface Report {
  readonly name: string
  readonly values: ResultValues
  readonly holds?: readonly Hold[]
  readonly skipped?: readonly Missing[]
  /** What else went wrong, as sentences. */
  readonly wrong?: readonly string[]
}

/** Ends a benchmark: tells what is missing and what is not held, sets the exit code, prints the RESULT line last. */
export function finish({ name, values, holds = [], skipped = [], wrong = [] }: Report): void {
  console.log()
  for (const { missing } of skipped) console.log(`skipped: ${missing}`)
  const broken = [...wrong, ...holds.flatMap((hold) => judge(hold, values))]
  for (const sentence of broken) console.log(`not held: ${sentence}`)
  if (broken.length > 0) process.exitCode = 1
  const reasons = skipped.map(({ missing }) => missing).join(',')
  console.log(resultLine(name, { ...values, skipped: reasons === '' ? undefined : reasons }))
}

function judge({ key, atLeast = -Infinity, atMost = Infinity }: Hold, values: ResultValues): string[] {
  const value = values[key]
  if (typeof value !== 'number') return []
  if (value >= atLeast && value <= atMost) return []
  const bound = value < atLeast ? `at least ${atLeast}` : `at most ${atMost}`
  return [`${key} must be ${bound}, but is ${value.toPrecision(3)}`]
}
