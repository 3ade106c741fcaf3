import { readFileSync, watchFile, unwatchFile } from 'node:fs'
import { createSecureContext, type SecureContext, type TlsOptions } from 'node:tls'
import { X509Certificate } from 'node:crypto'
import type { PlannedTls } from '../plan.ts'

/** The certificates of one listener, by server name; reloaded when their files change. */
export interface CertificateShelf {
  /** Options for `tls.createServer`: certificates by server name, the first for those who name none. */
  readonly options: TlsOptions
  /** Called with the certificate for those who name no server whenever it has changed. */
  onDefault(changed: (options: TlsOptions) => void): void
  /** Reads the files again; a certificate that cannot be used leaves the old ones in place and is told. */
  reload(): void
  close(): void
}

interface Shelved {
  readonly context: SecureContext
  readonly names: readonly string[]
  readonly cert: string
  readonly key: string
}

const WATCH_MS = 2000

/**
 * Opens the certificates of a listener. Throws an Error that names the file when one cannot be used at start;
 * later, `report` is told and the old ones stay.
 */
export async function openCertificates(
  tls: PlannedTls,
  hostNames: readonly string[],
  report: (problem: string) => void,
): Promise<CertificateShelf> {
  const settings = { minVersion: tls.minVersion, ciphers: tls.ciphers } as const
  let shelved: readonly Shelved[]
  let changed: ((options: TlsOptions) => void) | undefined
  const files = tls.certificates.flatMap((certificate) => [certificate.certFile, certificate.keyFile])
  if (tls.selfSigned) shelved = [await selfSigned(hostNames, settings)]
  else shelved = tls.certificates.map((certificate) => shelve(certificate, settings))

  function reload(): void {
    if (tls.selfSigned) return
    try {
      shelved = tls.certificates.map((certificate) => shelve(certificate, settings))
      changed?.({ ...settings, cert: shelved[0]!.cert, key: shelved[0]!.key })
    } catch (error) {
      report(
        `${error instanceof Error ? error.message : String(error)}; the certificates in use stay as they are`,
      )
    }
  }

  for (const file of files) watchFile(file, { interval: WATCH_MS, persistent: false }, reload)

  return {
    options: {
      ...settings,
      ALPNProtocols: ['h2', 'http/1.1'],
      SNICallback: (name, answer) => answer(null, (find(shelved, name) ?? shelved[0]!).context),
      cert: shelved[0]!.cert,
      key: shelved[0]!.key,
    },
    onDefault(tell) {
      changed = tell
    },
    reload,
    close() {
      for (const file of files) unwatchFile(file, reload)
    },
  }
}

function find(shelved: readonly Shelved[], serverName: string): Shelved | undefined {
  const name = serverName.toLowerCase()
  const exact = shelved.find((each) => each.names.includes(name))
  if (exact !== undefined) return exact
  const dot = name.indexOf('.')
  const wildcard = dot === -1 ? undefined : `*${name.slice(dot)}`
  return wildcard === undefined ? undefined : shelved.find((each) => each.names.includes(wildcard))
}

function shelve({ certFile, keyFile }: { certFile: string; keyFile: string }, settings: TlsOptions): Shelved {
  const cert = read(certFile)
  const key = read(keyFile)
  try {
    const certificate = new X509Certificate(cert)
    return {
      context: createSecureContext({ ...settings, cert, key }),
      names: namesOf(certificate),
      cert,
      key,
    }
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new Error(`the certificate ${certFile} with the key ${keyFile} cannot be used: ${why}`, {
      cause: error,
    })
  }
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw new Error(
      `the file ${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`,
      { cause: error },
    )
  }
}

/** The DNS names of a certificate, in lower case: subjectAltName, or the common name of an old one. */
function namesOf(certificate: X509Certificate): string[] {
  const alternative = certificate.subjectAltName
  if (alternative !== undefined) {
    return alternative
      .split(', ')
      .filter((entry) => entry.startsWith('DNS:'))
      .map((entry) => entry.slice(4).toLowerCase())
  }
  const common = /^CN=(.*)$/m.exec(certificate.subject)?.[1]
  return common === undefined ? [] : [common.toLowerCase()]
}

/** A certificate for development: localhost, the aliases of every distribution, and the loopback addresses. */
async function selfSigned(hostNames: readonly string[], settings: TlsOptions): Promise<Shelved> {
  // Loaded only here: it costs eight megabytes that a real certificate does not need.
  const { generate } = await import('selfsigned')
  const names = [...new Set(['localhost', '*.localhost', ...hostNames])]
  const pem = await generate([{ name: 'commonName', value: 'edgeward development certificate' }], {
    keyType: 'ec',
    curve: 'P-256',
    algorithm: 'sha256',
    notAfterDate: new Date(Date.now() + 365 * 86_400_000),
    extensions: [
      { name: 'basicConstraints', cA: false },
      { name: 'keyUsage', digitalSignature: true },
      { name: 'extKeyUsage', serverAuth: true },
      {
        name: 'subjectAltName',
        altNames: [
          ...names.map((value) => ({ type: 2 as const, value })),
          { type: 7 as const, ip: '127.0.0.1' },
          { type: 7 as const, ip: '::1' },
        ],
      },
    ],
  })
  return {
    context: createSecureContext({ ...settings, cert: pem.cert, key: pem.private }),
    names,
    cert: pem.cert,
    key: pem.private,
  }
}
