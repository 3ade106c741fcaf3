import path from 'node:path'
import { startServerProcess, temporaryFolder } from './server-process.ts'
import type { Contender } from './server-process.ts'

/** The JSON form of a configuration, as `edgeward start --config -` reads it. */
export type EdgeConfig = Readonly<Record<string, unknown>>

/** The folder the access log of a measured edge goes to is put into its configuration by this. */
export type ConfigFor = (logFolder: string) => EdgeConfig

/** Passes everything to one origin and caches nothing, logging as the peers do. */
export function proxyTo(originUrl: string): ConfigFor {
  return (logFolder) => ({
    listeners: [{ port: 0 }],
    distributions: {
      bench: {
        origins: { o: { url: originUrl } },
        defaultBehavior: {
          origin: 'o',
          cachePolicy: 'CachingDisabled',
          originRequestPolicy: 'AllViewer',
          allowedMethods: 'all',
        },
      },
    },
    // None of the peers compresses its log.
    log: { access: { folder: logFolder, gzip: false } },
  })
}

export interface HitConfig {
  readonly originUrl: string
  readonly tls?: { readonly certFile: string; readonly keyFile: string }
  /** Settings of the cache beside their defaults. */
  readonly cache?: Readonly<Record<string, unknown>>
}

/** Caches what one origin gives, by the managed policy that most behaviors have, logging as the peers do. */
export function cacheOf({ originUrl, tls, cache = {} }: HitConfig): ConfigFor {
  return (logFolder) => ({
    listeners: [
      tls === undefined
        ? { port: 0 }
        : { port: 0, tls: { certificates: [{ cert: tls.certFile, key: tls.keyFile }] } },
    ],
    distributions: {
      bench: {
        origins: { o: { url: originUrl } },
        defaultBehavior: { origin: 'o', cachePolicy: 'CachingOptimized', compress: false },
      },
    },
    cache,
    // None of the peers compresses its log.
    log: { access: { folder: logFolder, gzip: false } },
  })
}

/** Starts Edgeward from this checkout as users do, in a process of its own; rejects when it does not start. */
export async function startEdge(configFor: ConfigFor): Promise<Contender> {
  const root = path.join(import.meta.dirname, '..', '..')
  const folder = temporaryFolder('edge')
  const server = startServerProcess({
    name: 'edgeward',
    command: process.execPath,
    args: [path.join(root, 'bin', 'edgeward.cjs'), 'start', '--config', '-'],
    // What one run has stored must not answer the next.
    input: JSON.stringify({ dataFolder: path.join(folder.path, 'data'), ...configFor(folder.path) }),
  })
  const stop = async (): Promise<void> => {
    await server.stop()
    folder[Symbol.dispose]()
  }
  try {
    const [, url = ''] = await server.waitForLine(/^edgeward listening on (https?:\/\/\S+)$/m)
    return {
      name: 'edgeward',
      url,
      pids: [server.pid],
      version: `on Node.js ${process.versions.node}`,
      stop,
      [Symbol.asyncDispose]: stop,
    }
  } catch (cause) {
    await stop()
    throw cause
  }
}
