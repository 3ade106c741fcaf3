import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'

// USER_HZ, in which /proc/PID/stat counts, is 100 on every architecture Node.js runs on: proc_pid_stat(5).
const TICKS_PER_SECOND = 100

interface ProcessStat {
  readonly pid: number
  readonly parent: number
  /** User and system time of the process and of its children it has waited for. */
  readonly ticks: number
}

/** CPU seconds, user and system, that the trees of these processes have used so far, ended children included. */
export function cpuSeconds(roots: readonly number[]): number {
  let ticks = 0
  for (const stat of readTree(roots)) ticks += stat.ticks
  return ticks / TICKS_PER_SECOND
}

/** The ids of these processes and of all that descend from them. */
export function treeOf(roots: readonly number[]): number[] {
  return readTree(roots).map((stat) => stat.pid)
}

function readTree(roots: readonly number[]): ProcessStat[] {
  const all = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => readStat(Number(name)))
  const tree = all.filter((stat) => roots.includes(stat.pid))
  // The list grows while it is walked: children are found below each parent in turn.
  for (const { pid } of tree) tree.push(...all.filter((stat) => stat.parent === pid && !tree.includes(stat)))
  return tree
}

function readStat(pid: number): ProcessStat[] {
  const text = readProc(pid, 'stat')
  if (text === undefined) return []
  // The second field is the name in parentheses and may itself hold blanks and parentheses.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  const [utime, stime, cutime, cstime] = fields.slice(11, 15).map(Number)
  return [
    { pid, parent: Number(fields[1]), ticks: (utime ?? 0) + (stime ?? 0) + (cutime ?? 0) + (cstime ?? 0) },
  ]
}

export interface MemoryWatch {
  /** Ends the watch and returns the peak in bytes. */
  stop(): number
}

/**
 * Watches the resident memory of the trees of these processes. Of a single process the peak is the kernel's own;
 * of several it is the largest sum that was seen, looking every `everyMs`, with shared pages counted in each.
 */
export function watchMemory(roots: readonly number[], everyMs = 20): MemoryWatch {
  const tree = treeOf(roots)
  for (const pid of tree) resetPeak(pid)
  let peak = 0
  const look = (): void => {
    peak = Math.max(peak, sumOf(tree, 'VmRSS'))
  }
  look()
  const timer = setInterval(look, everyMs)
  return {
    stop() {
      clearInterval(timer)
      look()
      return tree.length === 1 ? Math.max(peak, sumOf(tree, 'VmHWM')) : peak
    },
  }
}

/** 5 sets VmHWM back to the present VmRSS: proc_pid_clear_refs(5). */
function resetPeak(pid: number): void {
  writeFileSync(path.join('/proc', String(pid), 'clear_refs'), '5')
}

function sumOf(pids: readonly number[], field: 'VmRSS' | 'VmHWM'): number {
  let kib = 0
  for (const pid of pids) {
    const status = readProc(pid, 'status') ?? ''
    kib += Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1] ?? 0)
  }
  return kib * 1024
}

/** Undefined when the process has ended. */
function readProc(pid: number, file: string): string | undefined {
  try {
    return readFileSync(path.join('/proc', String(pid), file), 'latin1')
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && (cause.code === 'ENOENT' || cause.code === 'ESRCH'))
      return undefined
    throw new Error(
      `cannot read /proc/${pid}/${file}; measuring needs Linux and processes of the same user`,
      { cause },
    )
  }
}
