import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import { cpuSeconds, treeOf, watchMemory } from './cpu.ts'

// The parent rests; what works is its child, and then one it has waited for.
const busy = 'const end = Date.now() + 300; while (Date.now() < end);'
const program = `
  const { spawn, spawnSync } = require('node:child_process')
  spawnSync(process.execPath, ['-e', ${JSON.stringify(busy)}])
  const child = spawn(process.execPath, ['-e', ${JSON.stringify(`${busy} setInterval(() => {}, 1000); console.log('done')`)}])
  child.stdout.once('data', () => console.log('ready'))
  process.on('SIGTERM', () => { child.kill(); child.on('close', () => process.exit()) })
`

test(
  'a tree of processes is counted with its children, running and ended',
  { skip: notLinux() },
  async () => {
    const parent = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] })
    await once(parent.stdout, 'data')
    const pid = parent.pid ?? 0
    assert.equal(treeOf([pid]).length, 2)
    assert.ok(cpuSeconds([pid]) >= 0.1, `${cpuSeconds([pid])} s`)

    const memory = watchMemory([pid])
    assert.ok(memory.stop() > 20e6)
    parent.kill('SIGTERM')
    await once(parent, 'close')
    assert.deepEqual(treeOf([pid]), [])
  },
)

function notLinux(): string | false {
  return process.platform === 'linux' ? false : 'processes are measured by /proc, which only Linux has'
}
