import { join } from 'node:path'
import { andThen } from '../../base/promise.ts'
import { Fault } from '../../faults.ts'
import type { PlannedBehavior } from '../../plan.ts'
import type { Passage } from '../../visit.ts'
import { defineModule, type Hooks, type RunningModule } from '../module.ts'
import { type Callers, createCallers, type Scope } from './callers.ts'
import { checkFieldEncryption } from './check.ts'
import { addFieldCommands } from './commands.ts'
import { type CompiledFieldEncryption, compileFieldEncryption } from './compile.ts'
import type { FieldEncryptionConfig } from './config.ts'
import { explainFields } from './explain.ts'
import { MalformedError } from './formats/found-field.ts'
import { nameOfKey } from '../../seams/keys/rotation.ts'
import { KeyRing } from './key-ring.ts'
import { MemoryGate } from './memory-gate.ts'
import { protectNatively } from './native.ts'
import { openResponse } from './open-response.ts'
import { ProtectError, protectDocument, splice } from './protect.ts'
import { protectRequest } from './protect-request.ts'
import { createSealFinder } from './wire.ts'

export { fieldEncryptionSchema } from './config.ts'

const KEY = 'fieldEncryption'
/** Bytes of long bodies in memory at once. */
const GATE_BYTES = 64 << 20

interface Compiled extends CompiledFieldEncryption {
  readonly baseFolder: string
}

/** Encrypts fields of requests at the edge, for their whole life, and opens them for whom may read them. */
export const fieldEncryption = defineModule({
  name: 'field-encryption',
  key: KEY,
  check: checkFieldEncryption,
  compile: ({ config }, { baseFolder }): Compiled => ({
    // The schema of this place has made it.
    ...compileFieldEncryption(config as FieldEncryptionConfig),
    baseFolder,
  }),
  commands: addFieldCommands,

  async open({ clock, seams, dataFolder, report, plan }): Promise<RunningModule> {
    const ring = new KeyRing(await seams.keys(), clock, (problem) => report.error(problem))
    await ring.refresh()
    const names = new Set(
      plan.current.distributions.flatMap(({ behaviors }) =>
        behaviors.flatMap((behavior) => compiledOf(behavior)?.keys ?? []),
      ),
    )
    const missing = [...names].filter((name) => ring.current(name) === undefined)
    if (missing.length > 0)
      throw new Error(
        `there is no key ${missing.map((name) => `"${name}"`).join(', ')}; make it with: edgeward keys create ${missing[0]}`,
      )
    ring.watch()
    const counts = new Map<string, number>()
    const count = (rule: string, fields: number): void =>
      void counts.set(rule, (counts.get(rule) ?? 0) + fields)
    let opened = 0
    const context = {
      keyOf: ring.current,
      gate: new MemoryGate(GATE_BYTES),
      spoolFolder: join(dataFolder, 'spool'),
      count,
    }

    return {
      bind: ({ behavior }) => {
        const planned = compiledOf(behavior)
        if (planned === undefined) return undefined
        return planned.native === undefined ? bind(planned) : bindNative(planned.native)
      },
      adminRoutes: [
        {
          method: 'POST',
          path: '/keys/refresh',
          handle: async () => {
            await ring.refresh()
            return { body: { refreshed: true } }
          },
        },
      ],
      metrics: () => {
        const lines = [
          '# HELP edgeward_fields_encrypted_total Fields encrypted, by rule.',
          '# TYPE edgeward_fields_encrypted_total counter',
          ...[...counts].map(
            ([rule, fields]) => `edgeward_fields_encrypted_total{rule=${JSON.stringify(rule)}} ${fields}`,
          ),
          '# HELP edgeward_fields_opened_total Fields opened for callers.',
          '# TYPE edgeward_fields_opened_total counter',
          `edgeward_fields_opened_total ${opened}`,
        ]
        return lines.join('\n')
      },
      async close() {
        ring.close()
      },
    }

    function bindNative(native: NonNullable<CompiledFieldEncryption['native']>): Hooks {
      return {
        send: (passage, request, next) =>
          andThen(protectNatively(passage, request, native, count), (result) =>
            result instanceof Fault ? result : next(passage, result),
          ),
        explain: () => [{ stage: 'send', says: "field-level encryption by CloudFront's configuration" }],
      }
    }

    function bind(planned: Compiled): Hooks {
      const callers =
        planned.callers.length === 0
          ? undefined
          : createCallers({
              callers: planned.callers,
              baseFolder: planned.baseFolder,
              clock,
              report: (problem) => report.warn(problem),
            })
      const scopes = new WeakMap<Passage, { readonly keys: Scope; readonly maxFields: number }>()
      const protectsQuery =
        planned.protection.byFormat.query.rules.length > 0 || planned.protection.detectors.length > 0
      const protectsBody = planned.keys.length > 0
      return {
        ...((protectsQuery || callers !== undefined) && {
          viewerRequest: async (passage: Passage) => {
            if (callers !== undefined) await learnScope(passage, callers, scopes)
            const refused = protectsQuery ? await protectQuery(passage, planned) : undefined
            return refused === undefined
              ? { kind: 'continue' as const }
              : { kind: 'failed' as const, fault: refused }
          },
        }),
        ...(protectsBody && {
          send: (passage, request, next) => {
            if (request.body.kind === 'none') return next(passage, request)
            return andThen(protectRequest(passage, request, planned, context), (result) =>
              result instanceof Fault ? result : next(passage, result),
            )
          },
        }),
        ...(callers !== undefined && {
          shape: (passage, response) => {
            const scope = scopes.get(passage)
            if (scope === undefined) return response
            const opener = {
              finder: createSealFinder(planned.protection.wrap),
              blockBytes: (id: string) =>
                scope.keys.has(nameOfKey(id)) ? ring.byId(id)?.blockBytes : undefined,
              open: ring.open,
              maxFields: scope.maxFields,
            }
            return andThen(
              openResponse(response, passage.request.method, opener, planned.maxBytes),
              (result) => {
                opened += result.opened
                return result
              },
            )
          },
        }),
        explain: (passage) => explainFields(passage, planned),
      }
    }

    /** Protects the query string before the cache sees it, so that no key, log or capture holds what is sensitive. */
    async function protectQuery(passage: Passage, planned: Compiled): Promise<Fault | undefined> {
      const { query } = passage.request
      if (query === undefined || query === '') return undefined
      const bytes = Buffer.from(query)
      try {
        const { replacements, counts: found } = await protectDocument(
          bytes,
          'query',
          undefined,
          planned.protection,
          ring.current,
        )
        if (replacements.length === 0) return undefined
        for (const [rule, fields] of found) count(rule, fields)
        const protectedQuery = Buffer.concat(splice(bytes, replacements)).toString()
        passage.request = { ...passage.request, query: protectedQuery }
        passage.visit.shownQuery = protectedQuery
        passage.visit.fleStatus = 'Processed'
        passage.visit.fleFields = replacements.length
        return undefined
      } catch (error) {
        if (error instanceof MalformedError && planned.malformed === 'forward') return undefined
        if (!(error instanceof MalformedError) && !(error instanceof ProtectError)) throw error
        passage.visit.shownQuery = ''
        passage.visit.fleStatus = 'MalformedQueryArgsClientError'
        return new Fault('FieldEncryptionRejected', error.message)
      }
    }
  },
})

/** Who asks, and that the whole response is wanted, uncoded: what is opened is neither a range nor a copy. */
async function learnScope(
  passage: Passage,
  callers: Callers,
  scopes: WeakMap<Passage, { readonly keys: Scope; readonly maxFields: number }>,
): Promise<void> {
  const scope = await callers.verify(passage.request.headers.get('authorization'))
  if (scope === undefined) return
  scopes.set(passage, scope)
  const headers = passage.request.headers.clone()
  for (const name of ['range', 'if-range', 'if-none-match', 'if-modified-since', 'accept-encoding'])
    headers.delete(name)
  passage.request = { ...passage.request, headers }
}

function compiledOf(behavior: PlannedBehavior): Compiled | undefined {
  // What `compile` above gave.
  return behavior.modules[KEY] as Compiled | undefined
}
