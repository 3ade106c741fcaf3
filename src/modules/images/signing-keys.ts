import { Secret } from '../../base/secret.ts'
import type { ModuleContext } from '../module.ts'

/** The keys that sign URLs at this moment, current and previous, read off a secret and followed through rotations. */
export interface SigningKeys {
  current(): readonly Secret[]
  /** Resolves when the keys have been read for the first time. */
  readonly ready: Promise<void>
  close(): void
}

const STAGES = ['AWSCURRENT', 'AWSPREVIOUS'] as const

/** Until they are `ready`, and while the secret has none, nothing is valid. */
export function followKeys(
  context: Pick<ModuleContext, 'seams' | 'report'>,
  name: string,
  field: string | undefined,
): SigningKeys {
  let keys: readonly Secret[] = []
  let isClosed = false
  let unsubscribe: (() => void) | undefined
  const ready = context.seams.secrets().then(
    (secrets) => {
      if (isClosed) return
      const handle = secrets.handle(name)
      const read = (snapshot: typeof handle.current) => {
        keys = STAGES.flatMap((stage) => keyOf(snapshot?.stages.get(stage)?.value, field) ?? [])
        if (keys.length === 0)
          context.report.warn(`images: the secret ${name} has no key yet; what is signed with it is refused`)
      }
      unsubscribe = handle.subscribe(read)
      read(handle.current)
    },
    (error: unknown) => context.report.error(`images: the secrets cannot be opened: ${String(error)}`),
  )
  return {
    current: () => keys,
    ready,
    close() {
      isClosed = true
      unsubscribe?.()
    },
  }
}

/** The value itself, or one field of its JSON. */
function keyOf(value: Secret | undefined, field: string | undefined): Secret | undefined {
  if (value === undefined || field === undefined) return value
  try {
    const found = (JSON.parse(value.reveal()) as Readonly<Record<string, unknown>> | null)?.[field]
    return typeof found === 'string' && found !== '' ? new Secret(found) : undefined
  } catch {
    return undefined
  }
}
