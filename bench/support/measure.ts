import type { IncomingMessage } from 'node:http'
import { cpuSeconds, watchMemory } from './cpu.ts'
import { type Contender, get } from './server-process.ts'

/** What one piece of work came to. */
export interface Work {
  /** Requests, megabytes, or what else the figure is about. */
  readonly units: number
  /** Answers that were missing or wrong; a figure with failures is not one. */
  readonly failures: number
  readonly seconds: number
}

export interface Plan {
  /** Rounds that count; in each, every contender works once. */
  readonly rounds: number
  /** The work of a round. */
  readonly work: (contender: Contender) => Promise<Work>
  /** What to do with each contender before the first round. */
  readonly warmUp: (contender: Contender) => Promise<unknown>
}

export interface Figure {
  readonly name: string
  readonly version: string
  /** Units per CPU-second of the contender's process tree: the median of the rounds. */
  readonly perCpuSecond: number
  /** Lowest and highest round. */
  readonly low: number
  readonly high: number
  /** Units per second of the clock, median; noise on a shared machine, shown to tell a stall. */
  readonly perSecond: number
  readonly failures: number
  /** Largest resident memory seen while it worked. */
  readonly peakBytes: number
}

/**
 * Lets all contenders do the same work in rounds, taking turns and turning the order round each time, so that what
 * changes on the machine meanwhile meets them alike.
 */
export async function measure(
  contenders: readonly Contender[],
  { rounds, work, warmUp }: Plan,
): Promise<Figure[]> {
  const runs = contenders.map((contender) => ({ contender, rounds: [] as Round[] }))
  for (const { contender } of runs) await warmUp(contender)
  for (let round = 0; round < rounds; round++) {
    for (const run of round % 2 === 0 ? runs : runs.toReversed())
      run.rounds.push(await measureOnce(run.contender, work))
  }
  return runs.map(({ contender, rounds: done }) => {
    const rates = done.map(({ units, cpu }) => units / Math.max(cpu, 0.01))
    return {
      name: contender.name,
      version: contender.version,
      perCpuSecond: median(rates),
      low: Math.min(...rates),
      high: Math.max(...rates),
      perSecond: median(done.map(({ units, seconds }) => units / seconds)),
      failures: done.reduce((sum, { failures }) => sum + failures, 0),
      peakBytes: Math.max(...done.map(({ peakBytes }) => peakBytes)),
    }
  })
}

interface Round extends Work {
  readonly cpu: number
  readonly peakBytes: number
}

async function measureOnce(contender: Contender, work: Plan['work']): Promise<Round> {
  const memory = watchMemory(contender.pids)
  const before = cpuSeconds(contender.pids)
  const done = await work(contender)
  const cpu = cpuSeconds(contender.pids) - before
  return { ...done, cpu, peakBytes: memory.stop() }
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2
}

/** Makes sure that a contender gives the right answer before it is timed; throws what is wrong with it. */
export async function checkAnswer(
  contender: Contender,
  path: string,
  expectedBytes: number,
  headers: Readonly<Record<string, string>> = {},
): Promise<void> {
  const { status, bytes } = await ask(`${contender.url}${path}`, headers)
  if (status === 200 && bytes === expectedBytes) return
  throw new Error(
    `${contender.name} answers ${path} with ${status} and ${bytes} bytes, expected 200 and ${expectedBytes}`,
  )
}

function ask(
  url: string,
  headers: Readonly<Record<string, string>>,
): Promise<{ status: number; bytes: number }> {
  return new Promise((resolve, reject) => {
    const answered = (response: IncomingMessage): void => {
      let bytes = 0
      response.on('data', (chunk: Buffer) => (bytes += chunk.length))
      response.on('error', reject)
      response.on('end', () => resolve({ status: response.statusCode ?? 0, bytes }))
    }
    const request = get(url, answered, headers)
    request.on('error', reject)
  })
}
