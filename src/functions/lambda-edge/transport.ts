import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'

/** What the edge hears from a worker. Each is called by the transport; `exited` once, as the last. */
export interface TransportListener {
  text(text: string): void
  /** `how` says it in words: an exit code or a signal, and the last lines of standard error. */
  exited(how: string): void
}

/** A worker process or thread, as a place that takes text and can be ended. */
export interface Transport {
  send(text: string): void
  kill(): void
  /** Bytes of memory it holds now; undefined where that cannot be told. */
  residentBytes(): number | undefined
}

export interface TransportOptions {
  readonly memoryMb: number
  /** The whole environment: nothing of the edge's own is added. */
  readonly env: Readonly<Record<string, string>>
  /** Where the function's own files are. */
  readonly folder: string
}

export type OpenTransport = (options: TransportOptions, listener: TransportListener) => Transport

const MAX_STDERR = 4096

/** A process of its own, in a group of its own, so that ending it ends what it has started. */
export const openProcess: OpenTransport = (options, listener) => {
  const child = spawn(
    process.execPath,
    [`--max-old-space-size=${options.memoryMb}`, programOf('process-entry')],
    {
      stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
      env: { ...options.env },
      cwd: options.folder,
      detached: true,
      windowsHide: true,
    },
  )
  let stderr = ''
  let isOver = false
  let hasExited = false
  // `stdio[3]` is a pipe in both directions, which is what Node calls a socket.
  const channel = child.stdio[3] as Socket
  const end = (how: string) => {
    if (isOver) return
    isOver = true
    listener.exited(how)
  }
  child.stderr?.setEncoding('utf8')
  child.stderr?.on('data', (text: string) => {
    stderr = (stderr + text).slice(-MAX_STDERR)
  })
  child.stderr?.on('error', ignore)
  channel.setEncoding('utf8')
  channel.on('data', (text: string) => {
    if (!isOver) listener.text(text)
  })
  channel.on('error', ignore)
  child.on('error', (error) => end(`the process could not be started: ${error.message}`))
  // `close` rather than `exit`: what was written before the end has been read by then.
  child.on('close', (code, signal) => end(describeExit(code, signal, stderr)))
  // A grandchild may hold the pipes open after the process itself has gone.
  child.on('exit', () => {
    hasExited = true
    killGroup(child.pid)
  })
  return {
    send: (text) => {
      if (!isOver && channel.writable) channel.write(text)
    },
    kill: () => {
      // Once it has gone, its number may belong to somebody else.
      if (!hasExited) killGroup(child.pid)
      channel.destroy()
    },
    residentBytes: () => residentBytesOf(child.pid),
  }
}

/** A thread of this process: quicker, and only for code one trusts. */
export const openThread: OpenTransport = (options, listener) => {
  const worker = new Worker(programOf('thread-entry'), {
    env: { ...options.env },
    resourceLimits: { maxOldGenerationSizeMb: options.memoryMb },
    execArgv: [],
    stdout: true,
    stderr: true,
  })
  let failure: string | undefined
  let isOver = false
  worker.on('message', (text: string) => {
    if (!isOver) listener.text(text)
  })
  worker.on('error', (error: unknown) => {
    failure = error instanceof Error ? error.message : String(error)
  })
  worker.on('exit', (code) => {
    isOver = true
    listener.exited(
      failure === undefined ? `the thread ended with code ${code}` : `the thread ended: ${failure}`,
    )
  })
  return {
    send: (text) => worker.postMessage(text),
    kill: () => {
      worker.terminate().catch(ignore)
    },
    residentBytes: () => undefined,
  }
}

/** The program beside this file: source or, in a released package, what was emitted from it. */
function programOf(name: string): string {
  const extension = import.meta.url.endsWith('.ts') ? '.ts' : '.js'
  return fileURLToPath(new URL(`./${name}${extension}`, import.meta.url))
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // Nothing of the group is left.
  }
}

function describeExit(code: number | null, signal: string | null, stderr: string): string {
  const how = signal === null ? `the process exited with code ${code}` : `the process was ended by ${signal}`
  const said = stderr.split('\n').find((line) => /FATAL|Error|error/.test(line))
  return said === undefined ? how : `${how}: ${said.trim().slice(0, 300)}`
}

/** Linux tells what a process holds; elsewhere only the heap limit of V8 applies. */
function residentBytesOf(pid: number | undefined): number | undefined {
  if (pid === undefined || process.platform !== 'linux') return undefined
  try {
    const line = RESIDENT.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))
    return line === null ? undefined : Number(line[1]) * 1024
  } catch {
    // The process has just ended; its exit is told elsewhere.
    return undefined
  }
}

const RESIDENT = /^VmRSS:\s+(\d+) kB/m

function ignore(): void {
  // The end of the worker is told by its exit, whatever its pipes say.
}
