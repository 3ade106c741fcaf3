/** Rotates the secret of the soak as `edgeward secrets rotate` does, and is killed in the middle of one step. */
import { join } from 'node:path'
import { systemClock } from '../../../src/base/clock.ts'
import { readPlan } from '../../../src/cli/module-commands.ts'
import { createOriginVerifyWork } from '../../../src/modules/origin-verify/rotation-work.ts'
import { targetsBySecret } from '../../../src/modules/origin-verify/targets.ts'
import type { RotationStep } from '../../../src/seams/secrets/audit.ts'
import type { RotationWork } from '../../../src/seams/secrets/rotation.ts'
import { randomValue, rotateHere } from '../../../src/seams/secrets/rotate-here.ts'
import type { Secrets } from '../../../src/seams/secrets/secrets.ts'

const [config, name, step] = process.argv.slice(2) as [string, string, RotationStep]
const output = { out: console.log, error: console.error, isTerminal: false }
const read = await readPlan(config, output)
if (read === undefined) process.exit(2)
const targets = targetsBySecret(read.plan).get(name)!
const options = {
  targets,
  clock: systemClock,
  createValue: randomValue,
  askThroughEdge: () => Promise.resolve(undefined),
}
const whole = createOriginVerifyWork(options)
const first = createOriginVerifyWork({ ...options, targets: targets.slice(0, 1) })
setInterval(() => {}, 60_000)

const work: RotationWork = {
  ...whole,
  async setSecret(...given) {
    if (step !== 'setSecret') return await whole.setSecret(...given)
    // One of the two origins knows the new value, the other does not.
    await first.setSecret(...given)
    return await die()
  },
  async testSecret(...given) {
    if (step === 'testSecret') setTimeout(() => void die(), 100)
    await whole.testSecret(...given)
  },
}

const secrets = await read.openSeams().secrets()
const dying = new Proxy(secrets, {
  get(target, key) {
    const changed: unknown = Reflect.get(changes, key) ?? Reflect.get(target, key)
    return typeof changed === 'function' ? (changed.bind(target) as unknown) : changed
  },
})
const changes: Partial<Secrets> = {
  async put(...given) {
    const version = await secrets.put(...given)
    // Written, but not noted.
    return step === 'createSecret' ? await die() : version
  },
  async moveStage(secret, stage, move) {
    // Between the two moves: the new value is current and still called pending.
    if (step === 'finishSecret' && stage === 'AWSPENDING') await die()
    await secrets.moveStage(secret, stage, move)
  },
}

await rotateHere({
  secrets: dying,
  name,
  work,
  clock: systemClock,
  dataFolder: join(read.dataFolder),
  by: 'soak',
  handoverMs: 2_000,
})
console.error(`it should have been killed in ${step}`)
process.exit(3)

function die(): Promise<never> {
  process.kill(process.pid, 'SIGKILL')
  return new Promise(() => {})
}
