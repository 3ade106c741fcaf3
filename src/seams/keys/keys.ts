import type { KeyObject } from 'node:crypto'

/** What is known of a key without its private half. */
export interface KeyInfo {
  /** 1 to 128 letters, digits, `_`, `-` and `.`, beginning with a letter or digit. */
  readonly id: string
  readonly description: string
  /** A disabled key decrypts nothing; its public half can still be read, as with AWS KMS. */
  readonly status: 'enabled' | 'disabled'
  readonly createdAt: number
  /** 2048, 3072 or 4096. */
  readonly modulusBits: number
}

export type RsaBits = 2048 | 3072 | 4096

export interface CreateKeyOptions {
  /** 2048 unless given. */
  readonly bits?: RsaBits
  readonly description?: string
}

/**
 * RSA key pairs by id, for field-level encryption. The private half stays behind the seam: callers hand over what is
 * to be decrypted, as with AWS KMS. Errors: `invalid`, `exists`, `not-found`, `conflict` (the key is disabled).
 */
export interface Keys extends AsyncDisposable {
  /** Makes a pair. Rejects with `exists` when the id is taken. */
  create(id: string, options?: CreateKeyOptions): Promise<KeyInfo>
  /** All keys, by id. */
  list(): Promise<readonly KeyInfo[]>
  describe(id: string): Promise<KeyInfo>
  setStatus(id: string, status: KeyInfo['status']): Promise<KeyInfo>
  publicKey(id: string): Promise<KeyObject>
  /** The public half as PEM (SubjectPublicKeyInfo), the form CloudFront takes for public keys. */
  exportPublicPem(id: string): Promise<string>
  /**
   * Opens RSAES-OAEP with SHA-256 for both hash and MGF1 (RFC 8017 section 7.1; KMS RSAES_OAEP_SHA_256). Rejects
   * with `invalid` when the bytes were not made with this key; the message does not say what was wrong with them.
   */
  decryptOaepSha256(id: string, bytes: Uint8Array): Promise<Buffer>
  close(): Promise<void>
}
