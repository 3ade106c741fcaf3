import { execFileSync, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'

/** A network of its own: what is done with its firewall stays in it. */
export interface Namespace extends Disposable {
  readonly name: string
  /** Put before a command, runs it inside. */
  readonly inside: readonly string[]
}

/** Why this machine has no namespaces with nftables for us, or false when it has. */
export function whyNoNamespaces(): string | false {
  const name = `edgeward-probe-${randomBytes(3).toString('hex')}`
  if (spawnSync('ip', ['netns', 'add', name]).status !== 0)
    return 'this user may not make network namespaces (ip netns add): the real firewall is not tested here'
  const { status } = spawnSync('ip', ['netns', 'exec', name, 'nft', 'list', 'ruleset'])
  spawnSync('ip', ['netns', 'del', name])
  return status === 0
    ? false
    : 'nft does not run in a network namespace here: the real firewall is not tested'
}

export function openNamespace(): Namespace {
  const name = `edgeward-${randomBytes(4).toString('hex')}`
  execFileSync('ip', ['netns', 'add', name])
  return {
    name,
    inside: ['ip', 'netns', 'exec', name],
    [Symbol.dispose]: () => void execFileSync('ip', ['netns', 'del', name]),
  }
}
