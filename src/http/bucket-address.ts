/** Takes `s3://name/prefix` apart; a sentence where it is none. */
export function parseBucketAddress(
  text: string,
): { readonly bucket: string; readonly path: string } | string {
  const match = /^s3:\/\/([^/?#]+)((?:\/[^?#]*)?)$/.exec(text)
  if (match === null) return `"${text}" is no bucket; write it like s3://name or s3://name/prefix`
  const bucket = match[1]!
  if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(bucket)) {
    return `"${bucket}" is no bucket name: 3 to 63 lower-case letters, digits, dots and hyphens`
  }
  return { bucket, path: match[2]!.replace(/\/+$/, '') }
}
