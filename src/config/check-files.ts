import { createPrivateKey, createPublicKey, type KeyObject, X509Certificate } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Findings, Segments } from '../base/problem.ts'
import type { EdgeConfig } from './schema.ts'
import type { Salvaged } from './salvage.ts'

/** What reading the files of a configuration gave. */
export interface ReadFiles {
  /** By the reference that names the file, or by the text itself. */
  readonly pemTexts: ReadonlyMap<string, string>
  /** Absolute names of all files that were looked for. */
  readonly files: readonly string[]
}

/** Reads every file that a configuration names and tells of those that are missing or cannot be used. */
export async function checkFiles(
  view: Salvaged<EdgeConfig>,
  baseFolder: string,
  now: number,
  findings: Findings,
): Promise<ReadFiles> {
  const pemTexts = new Map<string, string>()
  const files = new Set<string>()

  /** The text behind a reference; undefined, and told, when there is none. */
  async function pem(reference: string | undefined, segments: Segments): Promise<string | undefined> {
    if (reference === undefined) return undefined
    if (reference.includes('-----BEGIN')) {
      pemTexts.set(reference, reference)
      return reference
    }
    const file = resolve(baseFolder, reference)
    files.add(file)
    try {
      const text = await readFile(file, 'utf8')
      if (!text.includes('-----BEGIN')) {
        findings.error(segments, `the file ${file} holds no PEM text`, {
          expected: 'text with a line like -----BEGIN CERTIFICATE-----',
        })
        return undefined
      }
      pemTexts.set(reference, text)
      return text
    } catch (error) {
      findings.error(segments, `the file ${file} cannot be read: ${reasonOf(error)}`, { hint: FILES_HINT })
      return undefined
    }
  }

  for (const [index, listener] of (view.listeners ?? []).entries()) {
    if (listener === undefined || typeof listener.tls !== 'object') continue
    for (const [at, pair] of (listener.tls.certificates ?? []).entries()) {
      const place: Segments = ['listeners', index, 'tls', 'certificates', at]
      const inline = (['cert', 'key'] as const).filter((key) => pair?.[key]?.includes('-----BEGIN') === true)
      for (const key of inline)
        findings.error([...place, key], 'found PEM text', {
          expected: 'the name of a file, which is read again when it changes',
        })
      if (inline.length > 0) continue
      checkPair(
        await pem(pair?.cert, [...place, 'cert']),
        await pem(pair?.key, [...place, 'key']),
        place,
        now,
        findings,
      )
    }
  }

  for (const [id, key] of Object.entries(view.publicKeys ?? {})) {
    const place: Segments = ['publicKeys', id, 'pem']
    const text = await pem(key?.pem, place)
    if (text !== undefined) checkPublicKey(text, place, findings)
  }

  const made = foldersMade(view, baseFolder)
  for (const [name, distribution] of Object.entries(view.distributions ?? {})) {
    for (const [origin, config] of Object.entries(distribution?.origins ?? {})) {
      const place: Segments = ['distributions', name, 'origins', origin]
      const folder = config?.folder === undefined ? undefined : resolve(baseFolder, config.folder)
      if (folder !== undefined && !made.has(folder)) await checkFolder(folder, [...place, 'folder'], findings)
      const { ca, cert, key } = config?.tls ?? {}
      checkCertificates(await pem(ca, [...place, 'tls', 'ca']), [...place, 'tls', 'ca'], findings)
      checkPair(
        await pem(cert, [...place, 'tls', 'cert']),
        await pem(key, [...place, 'tls', 'key']),
        [...place, 'tls'],
        now,
        findings,
      )
    }
  }

  for (const key of ['countryFile', 'asnFile'] as const) {
    const name = view.geo?.[key]
    if (name === undefined) continue
    const file = resolve(baseFolder, name)
    files.add(file)
    await checkFile(file, ['geo', key], findings)
  }
  return { pemTexts, files: [...files] }
}

const FILES_HINT = 'files are relative to the folder of the configuration'

function checkPair(
  cert: string | undefined,
  key: string | undefined,
  segments: Segments,
  now: number,
  findings: Findings,
): void {
  const certificate = cert === undefined ? undefined : attempt(() => new X509Certificate(cert))
  if (certificate instanceof Error)
    findings.error([...segments, 'cert'], `holds no certificate that can be read: ${certificate.message}`)
  const privateKey = key === undefined ? undefined : attempt(() => createPrivateKey(key))
  if (privateKey instanceof Error) {
    findings.error([...segments, 'key'], `holds no private key that can be read: ${privateKey.message}`, {
      hint: 'keys with a passphrase cannot be used',
    })
  }
  if (certificate === undefined || certificate instanceof Error) return
  if (
    privateKey !== undefined &&
    !(privateKey instanceof Error) &&
    !certificate.checkPrivateKey(privateKey)
  ) {
    findings.error([...segments, 'key'], 'is not the key of the certificate', {
      expected: `the private key for ${certificate.subject.replaceAll('\n', ', ')}`,
    })
  }
  if (now > certificate.validToDate.getTime()) {
    findings.warning(
      [...segments, 'cert'],
      `the certificate expired on ${certificate.validToDate.toISOString().slice(0, 10)}`,
    )
  } else if (now < certificate.validFromDate.getTime()) {
    findings.warning(
      [...segments, 'cert'],
      `the certificate is not valid before ${certificate.validFromDate.toISOString().slice(0, 10)}`,
    )
  }
}

function checkCertificates(text: string | undefined, segments: Segments, findings: Findings): void {
  if (text === undefined) return
  const certificate = attempt(() => new X509Certificate(text))
  if (certificate instanceof Error)
    findings.error(segments, `holds no certificate that can be read: ${certificate.message}`)
}

/** RSA with 2048 bits or ECDSA on P-256 (fact sheet section 15). */
function checkPublicKey(text: string, segments: Segments, findings: Findings): void {
  const expected = 'an RSA key of 2048 bits or an ECDSA key on P-256, as -----BEGIN PUBLIC KEY-----'
  if (text.includes('PRIVATE KEY-----')) {
    findings.error(segments, 'holds a private key', {
      expected,
      hint: 'the edge only checks signatures; keep the private key with whoever signs',
    })
    return
  }
  const key = attempt(() => createPublicKey(text))
  if (key instanceof Error)
    findings.error(segments, `holds no public key that can be read: ${key.message}`, { expected })
  else if (!isUsable(key))
    findings.error(segments, `holds a key of another kind (${key.asymmetricKeyType ?? key.type})`, {
      expected,
    })
  else if (key.asymmetricKeyType === 'rsa' && key.asymmetricKeyDetails?.modulusLength !== 2048) {
    findings.warning(
      segments,
      `the key has ${key.asymmetricKeyDetails?.modulusLength} bits; CloudFront takes 2048`,
    )
  }
}

function isUsable(key: KeyObject): boolean {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key
  if (type === 'rsa') return (details?.modulusLength ?? 0) >= 2048
  return type === 'ec' && details?.namedCurve === 'prime256v1'
}

/** Folders that the edge makes itself when it first has something for them: they need not be there when it starts. */
function foldersMade({ images }: Salvaged<EdgeConfig>, baseFolder: string): ReadonlySet<string> {
  return new Set(
    Object.values(images?.optimise ?? {}).flatMap((optimiser) => {
      const to = optimiser?.to
      return to !== undefined && 'folder' in to && to.folder !== undefined
        ? [resolve(baseFolder, to.folder)]
        : []
    }),
  )
}

async function checkFolder(folder: string, segments: Segments, findings: Findings): Promise<void> {
  try {
    if (!(await stat(folder)).isDirectory())
      findings.error(segments, `${folder} is not a folder`, { hint: FILES_HINT })
  } catch (error) {
    findings.error(segments, `the folder ${folder} cannot be read: ${reasonOf(error)}`, { hint: FILES_HINT })
  }
}

async function checkFile(file: string, segments: Segments, findings: Findings): Promise<void> {
  try {
    if (!(await stat(file)).isFile()) findings.error(segments, `${file} is not a file`, { hint: FILES_HINT })
  } catch (error) {
    findings.error(segments, `the file ${file} cannot be read: ${reasonOf(error)}`, { hint: FILES_HINT })
  }
}

function attempt<T>(make: () => T): T | Error {
  try {
    return make()
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error), { cause: error })
  }
}

function reasonOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (code === 'ENOENT') return 'it does not exist'
  if (code === 'EACCES') return 'permission is denied'
  if (code === 'EISDIR') return 'it is a folder'
  return error instanceof Error ? error.message : String(error)
}
