import { appendFile, mkdir, open } from 'node:fs/promises'
import { dirname } from 'node:path'
import { z } from 'zod'
import { SeamError, systemCode } from '../seam-error.ts'

const MODE = 0o600

/** The four steps in which AWS Secrets Manager rotates (User Guide, "Lambda rotation functions"). */
export const rotationSteps = ['createSecret', 'setSecret', 'testSecret', 'finishSecret'] as const
export type RotationStep = (typeof rotationSteps)[number]

const entrySchema = z.object({
  /** ISO 8601. */
  time: z.string(),
  secret: z.string(),
  /** What happened: a step of a rotation began, was done or failed; a rotation went on after a crash or was taken back; a value was set by hand or the secret removed. */
  event: z.enum(['begin', 'done', 'failed', 'resumed', 'rolled-back', 'rollback-failed', 'set', 'deleted']),
  step: z.enum(rotationSteps).optional(),
  /** The version it is about; never its value. */
  versionId: z.string().optional(),
  /** Who asked: `schedule`, `command line`, `admin`. */
  by: z.string(),
  message: z.string().optional(),
})

/** One line of the audit. */
export type AuditEntry = z.infer<typeof entrySchema>

/** What was done to secrets, by whom and when. Values never stand in it. */
export interface SecretsAudit {
  /** Rejects when the entry could not be kept: what cannot be audited does not happen. */
  write(entry: Omit<AuditEntry, 'time'>): Promise<void>
  /** Entries of one secret, oldest first. */
  read(secret: string): Promise<readonly AuditEntry[]>
}

/** The audit as a file of JSON lines that only its owner can read. Appends are whole lines, from any process. */
export function createFileAudit(path: string, now: () => number): SecretsAudit {
  return {
    async write(entry) {
      const line = `${JSON.stringify({ time: new Date(now()).toISOString(), ...entry })}\n`
      try {
        await mkdir(dirname(path), { recursive: true, mode: 0o700 })
        // One write of a line below PIPE_BUF with O_APPEND is not torn by other processes.
        await appendFile(path, line, { mode: MODE })
      } catch (error) {
        throw new SeamError(
          'unavailable',
          `the audit of secrets ${path} cannot be written (${systemCode(error) ?? 'unknown'}): nothing is changed without it`,
          { cause: error },
        )
      }
    },
    async read(secret) {
      const entries: AuditEntry[] = []
      for (const line of (await textOf(path)).split('\n')) {
        const entry = parseLine(line)
        if (entry?.secret === secret) entries.push(entry)
      }
      return entries
    },
  }
}

/** A line cut off by a crash is passed over. */
function parseLine(line: string): AuditEntry | undefined {
  if (line === '') return undefined
  try {
    return entrySchema.safeParse(JSON.parse(line)).data
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

async function textOf(path: string): Promise<string> {
  try {
    const file = await open(path, 'r')
    try {
      return await file.readFile('utf8')
    } finally {
      await file.close()
    }
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return ''
    throw error
  }
}
