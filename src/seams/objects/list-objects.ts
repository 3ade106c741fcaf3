import { SeamError } from '../seam-error.ts'
import { MAX_KEY_BYTES } from './key-path.ts'
import { readObjectHead } from './object-file.ts'
import { walkKeys } from './object-tree.ts'
import type { WalkScope } from './object-tree.ts'
import type { ListObjectsOptions, ObjectHead, ObjectPage } from './objects.ts'

const MAX_PAGE = 1_000

/** One page of the objects under `root`; see Objects.list. */
export async function listObjects(root: string, options: ListObjectsOptions): Promise<ObjectPage> {
  const { prefix = '', delimiter = '', limit = MAX_PAGE } = options
  if (!prefix.isWellFormed())
    throw new SeamError('invalid', 'the prefix of a listing is not well-formed Unicode')
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_PAGE) {
    throw new SeamError('invalid', `a listing was asked for ${limit} entries; expected 1 to ${MAX_PAGE}`)
  }
  // No key is as long, and no path can be made of it.
  if (Buffer.byteLength(prefix) > MAX_KEY_BYTES) return { objects: [], prefixes: [], continuation: undefined }
  const start = options.continuation === undefined ? undefined : readContinuation(options.continuation)
  const scope: WalkScope = {
    prefix,
    after: start?.last ?? '',
    skip: start?.isPrefix ? start.last : undefined,
  }
  const objects: ObjectHead[] = []
  const prefixes: string[] = []
  let last: Position | undefined
  for await (const { key, path } of walkKeys(root, scope)) {
    const end = delimiter === '' ? -1 : key.indexOf(delimiter, prefix.length)
    const common = end === -1 ? undefined : key.slice(0, end + delimiter.length)
    // One that was deleted since its folder was read is not there.
    const head = common === undefined ? await readObjectHead(path) : undefined
    if (common === undefined && head === undefined) continue
    if (last !== undefined && objects.length + prefixes.length === limit) {
      return { objects, prefixes, continuation: writeContinuation(last) }
    }
    if (head !== undefined) objects.push(head)
    if (common !== undefined) {
      prefixes.push(common)
      scope.skip = common
    }
    last = { last: common ?? key, isPrefix: common !== undefined }
  }
  return { objects, prefixes, continuation: undefined }
}

/** The last entry of a page. */
interface Position {
  readonly last: string
  readonly isPrefix: boolean
}

function writeContinuation({ last, isPrefix }: Position): string {
  return Buffer.from((isPrefix ? 'p' : 'k') + last).toString('base64url')
}

function readContinuation(token: string): Position {
  const text = Buffer.from(token, 'base64url').toString('utf8')
  const kind = text[0]
  if ((kind !== 'p' && kind !== 'k') || Buffer.from(text).toString('base64url') !== token) {
    throw new SeamError('invalid', 'the continuation of a listing is not one this store gave')
  }
  return { last: text.slice(1), isPrefix: kind === 'p' }
}
