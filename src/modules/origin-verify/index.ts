import { z } from 'zod'
import type { AdminRoute } from '../../admin-route.ts'
import { refused } from '../../admin-route.ts'
import type { HeaderList } from '../../http/header-list.ts'
import type { PlannedOrigin } from '../../plan.ts'
import type { Secret } from '../../base/secret.ts'
import { acceptedVersions } from '../../seams/secrets/rotation.ts'
import type { SecretSnapshot, Secrets } from '../../seams/secrets/secrets.ts'
import type { OriginRequest } from '../../visit.ts'
import { defineModule, type ModuleContext, type RunningModule, type SecretHeader } from '../module.ts'
import { digestOf, writeAccepted } from './accepted.ts'
import { checkOriginVerify, compileOriginVerify } from './check.ts'
import { addOriginVerifyCommands } from './commands.ts'
import { createKeeper, type Keeper } from './keeper.ts'
import { createOriginVerifyWork } from './rotation-work.ts'
import { configOf, nameOf, targetsBySecret, targetsOf } from './targets.ts'

export { originVerifySchema } from './config.ts'

/** A secret header by which an origin tells what came through the edge. */
export const originVerify = defineModule({
  name: 'origin-verify',
  key: 'originVerify',
  check: checkOriginVerify,
  compile: compileOriginVerify,
  open: openOriginVerify,
  rotation(secret, { plan, clock, createValue, askAdmin }) {
    const targets = targetsBySecret(plan).get(secret)
    if (targets === undefined) return undefined
    return createOriginVerifyWork({
      targets,
      clock,
      createValue,
      async askThroughEdge(target, version) {
        const reply = await askAdmin('POST', '/origin-verify/ask', {
          origin: nameOf(target),
          versionId: version.id,
        })
        // No edge, or one that does not know of this origin yet.
        if (reply === undefined || reply.status === 404) return undefined
        return answerSchema.safeParse(reply.body).data?.answer ?? `the admin port said ${reply.status}`
      },
    })
  },
  commands: addOriginVerifyCommands,
})

const answerSchema = z.object({ answer: z.union([z.number(), z.string()]) })
const questionSchema = z.strictObject({ origin: z.string(), versionId: z.string() })

const NONE: readonly SecretHeader[] = []

async function openOriginVerify(context: ModuleContext): Promise<RunningModule> {
  const secrets = await context.seams.secrets()
  const overrides = new WeakMap<HeaderList, Secret>()
  const keeper = createKeeper(context, secrets, overrides)
  try {
    await keeper.ensure(context.plan.current)
  } catch (error) {
    await keeper.close()
    throw error
  }
  const headersOf = createSecretHeaders(secrets)

  return {
    secretHeaders(request: OriginRequest) {
      const override = overrides.get(request.headers)
      if (override === undefined) return headersOf(request.origin)
      const config = configOf(request.origin)
      return config === undefined ? NONE : [{ name: config.header, value: override }]
    },
    bind: ({ behavior }) => {
      const checking = behavior.origins.filter((origin) => configOf(origin) !== undefined)
      if (checking.length === 0) return undefined
      return {
        explain: () =>
          checking.map((origin) => {
            const { header, secret } = configOf(origin)!
            const is = secrets.handle(secret).current === undefined ? 'which is missing' : '[secret]'
            return {
              stage: 'send',
              says: `${origin.name}: ${header} is the value of the secret "${secret}", ${is}`,
            }
          }),
      }
    },
    adminRoutes: adminRoutes(context, secrets, keeper),
    adopted(plan) {
      keeper
        .ensure(plan)
        .catch((error: unknown) =>
          context.report.error(`origin-verify: ${error instanceof Error ? error.message : String(error)}`),
        )
    },
    metrics: () => metricsText(context, keeper),
    close: () => keeper.close(),
  }
}

/** The header of an origin, made anew only when its secret has changed. */
function createSecretHeaders(secrets: Secrets): (origin: PlannedOrigin) => readonly SecretHeader[] {
  const made = new WeakMap<PlannedOrigin, { snapshot: SecretSnapshot; headers: readonly SecretHeader[] }>()
  return (origin) => {
    const config = configOf(origin)
    if (config === undefined) return NONE
    const snapshot = secrets.handle(config.secret).current
    if (snapshot === undefined) return NONE
    const known = made.get(origin)
    if (known?.snapshot === snapshot) return known.headers
    const headers = [{ name: config.header, value: snapshot.value }]
    made.set(origin, { snapshot, headers })
    return headers
  }
}

function adminRoutes(context: ModuleContext, secrets: Secrets, keeper: Keeper): readonly AdminRoute[] {
  return [
    {
      method: 'GET',
      path: '/origin-verify',
      handle: () => ({
        body: targetsOf(context.plan.current).map((target) => {
          const { secret, header, rotateEverySeconds } = target.config
          const snapshot = secrets.handle(secret).current
          return {
            origin: nameOf(target),
            header,
            secret,
            rotateEverySeconds,
            versions: snapshot?.versions
              .filter(({ stages }) => stages.length > 0)
              .map(({ id, createdAt, stages }) => ({
                id,
                createdAt: new Date(createdAt).toISOString(),
                stages,
              })),
            ...keeper.facts(secret),
          }
        }),
      }),
    },
    {
      // For a rotation from the command line, which tests through this edge.
      method: 'POST',
      path: '/origin-verify/ask',
      async handle({ body }) {
        const question = questionSchema.safeParse(body).data
        if (question === undefined)
          return refused(400, 'send {"origin": "distribution/origin", "versionId": "…"}')
        const target = targetsOf(context.plan.current).find((each) => nameOf(each) === question.origin)
        if (target === undefined) return refused(404, `the origin ${question.origin} has no originVerify`)
        await secrets.refresh()
        const version = await secrets.get(target.config.secret, { versionId: question.versionId })
        return { body: { answer: await keeper.askThrough(target, version) } }
      },
    },
    {
      method: 'GET',
      path: '/origin-verify/:distribution/:origin',
      handle: ({ parameters }) => {
        const wanted = `${parameters['distribution']}/${parameters['origin']}`
        const target = targetsOf(context.plan.current).find((each) => nameOf(each) === wanted)
        if (target === undefined) return refused(404, `the origin ${wanted} has no originVerify`)
        const snapshot = secrets.handle(target.config.secret).current
        if (snapshot === undefined) return refused(503, `there is no secret "${target.config.secret}" yet`)
        const sha256 = acceptedVersions(snapshot).map(({ value }) => digestOf(value.reveal()))
        return { body: writeAccepted({ header: target.config.header, sha256 }), type: 'application/json' }
      },
    },
  ]
}

function metricsText(context: ModuleContext, keeper: Keeper): string {
  const names = [...targetsBySecret(context.plan.current).keys()]
  if (names.length === 0) return ''
  const series = (name: string, type: string, help: string, value: (secret: string) => number): string[] => [
    `# HELP ${name} ${help}`,
    `# TYPE ${name} ${type}`,
    ...names.map((secret) => `${name}{secret=${JSON.stringify(secret)}} ${value(secret)}`),
  ]
  return [
    ...series(
      'edgeward_origin_verify_rotations_total',
      'counter',
      'Rotations that were finished.',
      (secret) => keeper.facts(secret).rotations,
    ),
    ...series(
      'edgeward_origin_verify_failures_total',
      'counter',
      'Rotations that failed, and origins that could not be told.',
      (secret) => keeper.facts(secret).failures,
    ),
    ...series(
      'edgeward_origin_verify_alarm',
      'gauge',
      '1 while the last rotation is one that failed.',
      (secret) => (keeper.facts(secret).alarm === undefined ? 0 : 1),
    ),
  ].join('\n')
}
