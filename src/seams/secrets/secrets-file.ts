import { open, stat } from 'node:fs/promises'
import { z } from 'zod'
import { Secret } from '../../base/secret.ts'
import { replaceFile } from '../replace-file.ts'
import { SeamError, asError, isSeamError, systemCode } from '../seam-error.ts'
import type { Versions } from './versions.ts'

const FORMAT = 1
const MODE = 0o600

/** Encrypts what the file holds. Without one the values stand in the file as they are, behind its mode alone. */
export interface Sealing {
  /** Written into the file, so that it is opened the way it was sealed. */
  readonly name: string
  seal(plain: Uint8Array): Promise<string>
  open(sealed: string): Promise<Uint8Array>
}

/** All secrets by name. */
export type AllSecrets = ReadonlyMap<string, Versions>

const envelopeSchema = z.strictObject({
  edgeward: z.literal('secrets'),
  format: z.literal(FORMAT),
  /** `none`, or the name of a Sealing; `body` is then what it sealed. */
  sealing: z.string(),
  body: z.unknown(),
})
// A list and not an object: a secret may be called `__proto__`.
const bodySchema = z.array(
  z.strictObject({
    name: z.string(),
    versions: z.array(
      z.strictObject({
        id: z.string(),
        value: z.string(),
        createdAt: z.number(),
        stages: z.array(z.string()),
      }),
    ),
  }),
)

/** What tells one state of the file from the next; undefined where there is no file. */
export type FileStamp = string | undefined

/** The stamp of the file now. */
export async function stampOf(path: string): Promise<FileStamp> {
  try {
    const { ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true })
    return `${ino}:${size}:${mtimeNs}:${ctimeNs}`
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw unreadable(path, error)
  }
}

/** All secrets in the file, or undefined where there is none. Throws `permission` or `corrupt`, naming the file. */
export async function readSecretsFile(
  path: string,
  sealing: Sealing | undefined,
): Promise<AllSecrets | undefined> {
  const text = await readPrivateFile(path)
  if (text === undefined) return undefined
  try {
    const envelope = envelopeSchema.parse(JSON.parse(text))
    const body = await openBody(path, envelope.sealing, envelope.body, sealing)
    const all = new Map<string, Versions>()
    for (const { name, versions } of bodySchema.parse(body)) {
      all.set(
        name,
        versions.map((version) => Object.freeze({ ...version, value: new Secret(version.value) })),
      )
    }
    return all
  } catch (error) {
    if (isSeamError(error)) throw error
    // The cause would show parts of the file, and with them of the secrets.
    const what =
      error instanceof z.ZodError ? z.prettifyError(error) : 'it is not JSON, or was sealed with another key'
    throw new SeamError(
      'corrupt',
      `the secrets file ${path} cannot be read: ${what}. Nothing was changed. Put a good copy in its place, or move it away to start empty`,
    )
  }
}

/** What the file was sealed with: `none`, the name of a Sealing, or undefined where there is no file or no sense in it. */
export async function sealingOf(path: string): Promise<string | undefined> {
  const text = await readPrivateFile(path)
  if (text === undefined) return undefined
  try {
    return envelopeSchema.safeParse(JSON.parse(text)).data?.sealing
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

/** Writes all secrets in one step, readable by the owner only. */
export async function writeSecretsFile(
  path: string,
  all: AllSecrets,
  sealing: Sealing | undefined,
): Promise<void> {
  const plain: z.infer<typeof bodySchema> = [...all].map(([name, versions]) => ({
    name,
    versions: versions.map((version) => ({
      ...version,
      stages: [...version.stages],
      value: version.value.reveal(),
    })),
  }))
  const body = sealing === undefined ? plain : await sealing.seal(Buffer.from(JSON.stringify(plain)))
  const envelope = { edgeward: 'secrets', format: FORMAT, sealing: sealing?.name ?? 'none', body }
  try {
    await replaceFile(path, JSON.stringify(envelope, undefined, 2) + '\n', MODE)
  } catch (error) {
    throw new SeamError(
      'unavailable',
      `the secrets file ${path} cannot be written: ${asError(error).message}`,
      {
        cause: error,
      },
    )
  }
}

async function openBody(
  path: string,
  name: string,
  body: unknown,
  sealing: Sealing | undefined,
): Promise<unknown> {
  if (name === 'none') return body
  if (name !== sealing?.name || typeof body !== 'string') {
    throw new SeamError(
      'corrupt',
      `the secrets file ${path} is sealed with "${name}", and ${sealing === undefined ? 'no sealing' : `"${sealing.name}"`} is configured: configure the one it was written with`,
    )
  }
  return JSON.parse(Buffer.from(await sealing.open(body)).toString('utf8'))
}

/** The text of a file that only its owner may read. The mode is that of the file opened, so no swap fools it. */
async function readPrivateFile(path: string): Promise<string | undefined> {
  let file
  try {
    file = await open(path, 'r')
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw unreadable(path, error)
  }
  try {
    const { mode } = await file.stat()
    if (process.platform !== 'win32' && (mode & 0o077) !== 0) throw openToOthers(path, mode)
    return await file.readFile('utf8')
  } finally {
    await file.close()
  }
}

function openToOthers(path: string, mode: number): SeamError {
  const octal = (mode & 0o777).toString(8).padStart(4, '0')
  return new SeamError(
    'permission',
    `the secrets file ${path} is open to others (mode ${octal}): run "chmod 600 ${path}", and replace the secrets if others may have read them`,
  )
}

function unreadable(path: string, error: unknown): SeamError {
  return new SeamError(
    'permission',
    `the secrets file ${path} cannot be read (${systemCode(error) ?? 'unknown'}): it must be a file of the user that runs edgeward`,
    { cause: error },
  )
}
