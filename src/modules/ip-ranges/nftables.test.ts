import assert from 'node:assert/strict'
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { test } from 'node:test'
import { rangesOf } from './contract.ts'
import { openNamespace, whyNoNamespaces } from './namespace.fixture.ts'
import { createNftables } from './nftables.ts'
import { applyTarget } from './target.ts'

const skip = whyNoNamespaces()

/** Echoes datagrams and answers HTTP. */
const SERVER = `
const http = require('node:http').createServer((request, response) => response.end('in')).listen(80, '::', () => {
  const udp = require('node:dgram').createSocket('udp4')
  udp.on('message', (message, from) => udp.send(message, from.port, from.address))
  udp.bind(9000, () => console.log('ready'))
})`

/** Sends a datagram when the last has come back, until its input ends; then tells how many came and how many did not. */
const CLIENT = `
const udp = require('node:dgram').createSocket('udp4')
let came = 0, lost = 0, timer
const send = () => {
  udp.send(String(came), 9000, '192.0.2.1')
  timer = setTimeout(() => { lost++; send() }, 3000)
}
udp.on('message', () => { clearTimeout(timer); if (++came === 1) console.log('begun'); send() })
udp.bind(0, '192.0.2.10', send)
process.stdin.resume().on('end', () => { console.log(JSON.stringify({ came, lost })); process.exit() })`

test(
  'real packets: who is in the list reaches the server, who left it does not, and swapping the sets loses none',
  { skip },
  async () => {
    using server = openNamespace()
    using client = openNamespace()
    const at = (inside: readonly string[], ...command: string[]): void =>
      void execFileSync(inside[0]!, [...inside.slice(1), ...command])
    const children: ChildProcess[] = []
    const node = (inside: readonly string[], script: string): ChildProcess => {
      const child = spawn(inside[0]!, [...inside.slice(1), process.execPath, '-e', script], {
        stdio: ['pipe', 'pipe', 'inherit'],
      })
      children.push(child)
      return child
    }
    const said = async (child: ChildProcess): Promise<string> =>
      String(((await once(child.stdout!, 'data')) as [Buffer])[0])
    const id = randomBytes(3).toString('hex')
    const [a, b] = [`a${id}`, `b${id}`]
    at(
      ['ip'],
      ...`link add ${a} netns ${server.name} type veth peer name ${b} netns ${client.name}`.split(' '),
    )
    for (const command of [
      `address add 192.0.2.1/24 dev ${a}`,
      `address add 2001:db8::1/64 dev ${a} nodad`,
      `link set ${a} up`,
    ])
      at(server.inside, 'ip', ...command.split(' '))
    for (const command of [
      ...['192.0.2.10/24', '192.0.2.20/24'].map((address) => `address add ${address} dev ${b}`),
      ...['2001:db8::10/64', '2001:db8::20/64'].map((address) => `address add ${address} dev ${b} nodad`),
      `link set ${b} up`,
    ])
      at(client.inside, 'ip', ...command.split(' '))

    const target = createNftables({
      family: 'inet',
      table: 'edgeward',
      set: 'edge',
      command: [...server.inside, 'nft'],
    })
    try {
      assert.match(await said(node(server.inside, SERVER)), /ready/)
      const first = rangesOf('192.0.2.10/32', '2001:db8::10/128', '198.51.100.0/24')
      await applyTarget(target, first, () => {})
      // The rules are the operator's; they name the sets.
      for (const rule of [
        'add chain inet edgeward input { type filter hook input priority 0; policy drop; }',
        'add rule inet edgeward input icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept',
        'add rule inet edgeward input ip saddr @edge-ipv4 accept',
        'add rule inet edgeward input ip6 saddr @edge-ipv6 accept',
        'add rule inet edgeward input meta l4proto tcp reject with tcp reset',
      ])
        at(server.inside, 'nft', rule)
      const reaching = (): string =>
        [
          ['192.0.2.10', 'http://192.0.2.1/'],
          ['192.0.2.20', 'http://192.0.2.1/'],
          ['2001:db8::10', 'http://[2001:db8::1]/'],
          ['2001:db8::20', 'http://[2001:db8::1]/'],
        ]
          .filter(([from, url]) => {
            const curl = ['curl', '--noproxy', '*', '-sg', '--max-time', '5', '--interface', from!, url!]
            return (
              spawnSync(client.inside[0]!, [...client.inside.slice(1), ...curl], { encoding: 'utf8' })
                .stdout === 'in'
            )
          })
          .map(([from]) => from)
          .join(' ')
      assert.equal(reaching(), '192.0.2.10 2001:db8::10')

      // Two lists that both hold the client, swapped while it sends without a pause.
      const sender = node(client.inside, CLIENT)
      assert.match(await said(sender), /begun/)
      for (let swap = 0; swap < 10; swap++)
        await applyTarget(
          target,
          swap % 2 === 0 ? rangesOf('192.0.2.0/28', '203.0.113.0/24') : first,
          () => {},
        )
      sender.stdin!.end()
      const { came, lost } = JSON.parse(await said(sender)) as { came: number; lost: number }
      assert.equal(lost, 0)
      assert.ok(came > 10, `only ${came} datagrams came back`)

      await applyTarget(target, rangesOf('192.0.2.20/32', '2001:db8::20/128'), () => {})
      assert.equal(reaching(), '192.0.2.20 2001:db8::20')
    } finally {
      for (const child of children) {
        if (child.exitCode !== null) continue
        child.kill('SIGKILL')
        await once(child, 'exit')
      }
    }
  },
)
