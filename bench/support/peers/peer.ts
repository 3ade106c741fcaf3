import { spawnSync } from 'node:child_process'
import { findCommand, freePort, startServerProcess, temporaryFolder } from '../server-process.ts'
import type { Contender, Missing, ServerCommand, ServerProcess } from '../server-process.ts'

/** How a peer is to serve: all of them proxy to the origin, keep connections alive and write an access log. */
export interface PeerOptions {
  readonly originPort: number
  /** Processes or threads that work; Varnish cannot be told and takes what it needs. */
  readonly workers: number
  /** Answer from the peer's cache, which only nginx and Varnish have. */
  readonly cache?: boolean
  /** Speak HTTPS, and HTTP/2 where the client wants it; only nginx does. */
  readonly tls?: { readonly certFile: string; readonly keyFile: string }
}

/** How one kind of peer is found and started. */
export interface PeerKind {
  readonly name: string
  /** Its command, and the Debian package that brings it. */
  readonly command: string
  readonly package: string
  readonly versionArgs: readonly string[]
  /** Writes its configuration into the folder and says how to start it there, in the foreground, on the port. */
  prepare(place: { readonly folder: string; readonly port: number }): Omit<ServerCommand, 'name' | 'command'>
  /** A second process it needs for its log, started when the first one answers. */
  companion?(folder: string): Omit<ServerCommand, 'name'>
}

/** Starts a peer of this kind, or tells that its package is missing. */
export async function startPeerOf(
  kind: PeerKind,
  scheme: 'http' | 'https' = 'http',
): Promise<Contender | Missing> {
  const { name } = kind
  const command = findCommand(kind.command)
  if (command === undefined) {
    return {
      name,
      missing: `${kind.command} is not installed (npm run setup -- --bench, package ${kind.package})`,
    }
  }
  const folder = temporaryFolder(name)
  const port = await freePort()
  const url = `${scheme}://127.0.0.1:${port}`
  const processes: ServerProcess[] = []
  const stop = async (): Promise<void> => {
    for (const each of processes.toReversed()) await each.stop()
    folder[Symbol.dispose]()
  }
  try {
    const server = startServerProcess({ name, command, ...kind.prepare({ folder: folder.path, port }) })
    processes.push(server)
    await server.waitForUrl(url)
    const companion = kind.companion?.(folder.path)
    if (companion !== undefined) processes.push(startServerProcess({ name: `${name}'s log`, ...companion }))
  } catch (cause) {
    await stop()
    throw cause
  }
  const pids = processes.map((each) => each.pid)
  return { name, url, pids, version: versionOf(command, kind.versionArgs), stop, [Symbol.asyncDispose]: stop }
}

function versionOf(command: string, args: readonly string[]): string {
  const { stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' })
  return /\d+\.\d+(?:\.\d+)?/.exec(`${stdout}${stderr}`)?.[0] ?? 'unknown'
}
