import { hash } from 'node:crypto'

/** The sixteen bytes of the MD5 digest, not their hexadecimal form. */
export function md5(text: string): string {
  return digest('md5', text)
}

/** The twenty bytes of the SHA-1 digest. */
export function sha1(text: string): string {
  return digest('sha1', text)
}

/** The 32 bytes of the SHA-256 digest. */
export function sha256(text: string): string {
  return digest('sha256', text)
}

function digest(algorithm: string, text: string): string {
  return hash(algorithm, Buffer.from(text, 'latin1'), 'buffer').toString('latin1')
}
