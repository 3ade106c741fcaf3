import { startEdge } from './edge.ts'
import type { ConfigFor } from './edge.ts'
import { startPeer } from './peers.ts'
import type { PeerName } from './peers.ts'
import type { PeerOptions } from './peers/peer.ts'
import type { Contender, Missing } from './server-process.ts'

/** Who takes part in a comparison; they all stop when it is disposed of. */
export interface Lineup extends AsyncDisposable {
  readonly contenders: readonly Contender[]
  readonly skipped: readonly Missing[]
}

export interface LineupPlan {
  readonly edge: ConfigFor
  readonly peers: readonly PeerName[]
  readonly peerOptions: PeerOptions
  /** Leaves out everyone else, to look at one of them. */
  readonly only?: readonly string[] | undefined
}

/** Starts Edgeward and the peers that are installed. An Edgeward that does not start is an error, not a gap. */
export async function startLineup({ edge, peers, peerOptions, only }: LineupPlan): Promise<Lineup> {
  const names = ['edgeward', ...peers] as const
  const unknown = only?.find((name) => names.every((known) => known !== name))
  if (unknown !== undefined) throw new Error(`--only knows ${names.join(', ')}, not '${unknown}'`)

  const contenders: Contender[] = []
  const skipped: Missing[] = []
  const stop = async (): Promise<void> => {
    await Promise.all(contenders.map((contender) => contender.stop()))
  }
  try {
    for (const name of names) {
      if (only !== undefined && !only.includes(name)) {
        skipped.push({ name, missing: `${name} was left out` })
        continue
      }
      const started = name === 'edgeward' ? await startEdge(edge) : await startPeer(name, peerOptions)
      if ('missing' in started) skipped.push(started)
      else contenders.push(started)
    }
  } catch (cause) {
    await stop()
    throw cause
  }
  return { contenders, skipped, [Symbol.asyncDispose]: stop }
}
