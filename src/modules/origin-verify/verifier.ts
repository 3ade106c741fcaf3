import { readFileSync, statSync, watch } from 'node:fs'
import { basename, dirname, resolve } from 'node:path'
import { type Accepted, createMatcher, readAccepted } from './accepted.ts'

const LOOK_MS = 1_000
const POLL_MS = 1_000
const POLL_TIMEOUT_MS = 5_000

/** Where an origin hears which values it accepts. */
export type VerifierSource =
  /** A file that the edge writes (`tell: [{ file }]`) and that is watched. */
  | { readonly file: string }
  /** The route `/origin-verify/DISTRIBUTION/ORIGIN` of the admin port, asked every second. */
  | { readonly url: string; readonly token: string; readonly pollMs?: number }
  /** Given by the program itself, for tests. */
  | { readonly accepted: Accepted }

export type VerifierOptions = VerifierSource & {
  /** Told why nothing new could be taken in; what was accepted before stays. `console.error` unless given. */
  readonly report?: (problem: string) => void
}

/** Checks requests at the origin. */
export interface OriginVerifier {
  /** Lower-case name of the header, as it was heard last. */
  readonly header: string
  /** True when the value of the header is accepted. False for none, and until the first values were heard. */
  verify(value: string | undefined): boolean
  /** Asks the source now; resolves when its answer counts. */
  refresh(): Promise<void>
  close(): void
}

/**
 * An origin's own check of the secret header. Until it has heard of values it accepts nothing, and when its source
 * falls silent it keeps what it heard last. Neither watching nor polling keeps the process alive.
 */
export function createOriginVerifier(options: VerifierOptions): OriginVerifier {
  const report = options.report ?? ((problem) => console.error(problem))
  let header = 'x-origin-verify'
  let matches = createMatcher([])
  let lastProblem = ''

  function take(accepted: Accepted): void {
    header = accepted.header.toLowerCase()
    matches = createMatcher(accepted.sha256)
    lastProblem = ''
  }

  /** Once per outage, not each time. */
  function complain(problem: string): void {
    if (problem !== lastProblem) report(problem)
    lastProblem = problem
  }

  const source =
    'accepted' in options
      ? fixed(options.accepted, take)
      : 'file' in options
        ? followFile(resolve(options.file), take, complain)
        : followRoute(options, take, complain)

  return {
    get header() {
      return header
    },
    verify: (value) => value !== undefined && value !== '' && matches(value),
    refresh: () => source.refresh(),
    close: () => source.close(),
  }
}

interface Source {
  refresh(): Promise<void>
  close(): void
}

type Take = (accepted: Accepted) => void
type Complain = (problem: string) => void

function fixed(accepted: Accepted, take: Take): Source {
  take(accepted)
  return { refresh: () => Promise.resolve(), close: () => {} }
}

function followFile(file: string, take: Take, complain: Complain): Source {
  let stamp = ''

  function look(): void {
    try {
      const { ino, size, mtimeMs } = statSync(file)
      const now = `${ino}:${size}:${mtimeMs}`
      if (now === stamp) return
      take(readAccepted(readFileSync(file, 'utf8')))
      stamp = now
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') {
        complain(`origin-verify: ${file} is not there; the edge writes it when it starts (originVerify.tell)`)
        return
      }
      complain(
        `origin-verify: ${file} cannot be used: ${error instanceof Error ? error.message : String(error)}`,
      )
    }
  }

  look()
  // The folder, because the file is replaced and not written into; the timer, where watching is not to be had.
  const watcher = watchFolder(dirname(file), (name) => {
    if (name === null || name === basename(file)) look()
  })
  const timer = setInterval(look, LOOK_MS)
  timer.unref()
  return {
    refresh() {
      look()
      return Promise.resolve()
    },
    close() {
      clearInterval(timer)
      watcher?.close()
    },
  }
}

function watchFolder(folder: string, changed: (name: string | null) => void) {
  try {
    const watcher = watch(folder, { persistent: false }, (_event, name) => changed(name))
    watcher.on('error', () => watcher.close())
    return watcher
  } catch {
    // Some file systems cannot be watched; the timer looks every second.
    return undefined
  }
}

function followRoute(
  { url, token, pollMs = POLL_MS }: { url: string; token: string; pollMs?: number },
  take: Take,
  complain: Complain,
): Source {
  let isClosed = false
  let timer: NodeJS.Timeout | undefined

  async function ask(): Promise<void> {
    try {
      const response = await fetch(url, {
        headers: { authorization: `Bearer ${token}` },
        redirect: 'error',
        signal: AbortSignal.timeout(POLL_TIMEOUT_MS),
      })
      if (!response.ok) throw new Error(`it answered ${response.status}`)
      const accepted = readAccepted(await response.text())
      if (!isClosed) take(accepted)
    } catch (error) {
      complain(`origin-verify: ${url} cannot be used: ${whyOf(error)}`)
    }
  }

  async function poll(): Promise<void> {
    await ask()
    if (isClosed) return
    timer = setTimeout(() => void poll(), pollMs)
    timer.unref()
  }

  void poll()
  return {
    refresh: ask,
    close() {
      isClosed = true
      clearTimeout(timer)
    },
  }
}

/** `fetch` says "fetch failed" and keeps the reason in its cause. */
function whyOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error ? error.cause.message : error.message
}
