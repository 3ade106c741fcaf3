import { promisify } from 'node:util'
import { brotliDecompress, gunzip, inflate } from 'node:zlib'

const coders = {
  gzip: promisify(gunzip),
  'x-gzip': promisify(gunzip),
  deflate: promisify(inflate),
  br: promisify(brotliDecompress),
}

/** A coding that is not known, or bytes that are not in it; whoever sent them is told. */
export class CodingError extends Error {}

/**
 * Takes the codings of Content-Encoding off (RFC 9110 section 8.4), at most `limit` bytes. Rejects with a CodingError;
 * also where more than `limit` bytes would come out.
 */
export async function decodeContent(
  bytes: Buffer,
  contentEncoding: string | undefined,
  limit: number,
): Promise<Buffer> {
  const codings = (contentEncoding ?? '')
    .split(',')
    .map((coding) => coding.trim().toLowerCase())
    .filter((coding) => coding !== '' && coding !== 'identity')
  if (codings.length > 3) throw new CodingError('the body is in more than three codings')
  let decoded = bytes
  for (const coding of codings.toReversed()) {
    if (!Object.hasOwn(coders, coding))
      throw new CodingError(`the content coding ${JSON.stringify(coding.slice(0, 32))} is not known`)
    // The name was looked up just now.
    const decode = coders[coding as keyof typeof coders]
    try {
      decoded = await decode(decoded, { maxOutputLength: limit })
    } catch (error) {
      throw new CodingError(`the body is not in the coding ${coding}, or larger than ${limit} bytes`, {
        cause: error,
      })
    }
  }
  return decoded
}
