import { MAX_PAGE, badContinuation, checkListing } from './check-listing.ts'
import { MAX_KEY_BYTES } from './key-path.ts'
import { readObjectHead } from './object-file.ts'
import { walkKeys } from './object-tree.ts'
import type { WalkScope } from './object-tree.ts'
import type { ListObjectsOptions, ObjectHead, ObjectPage, ObjectSummary } from './objects.ts'

/** One page of the objects under `root`; see Objects.list. */
export async function listObjects(root: string, options: ListObjectsOptions): Promise<ObjectPage> {
  const { prefix = '', delimiter = '', limit = MAX_PAGE } = options
  checkListing(options)
  // No key is as long, and no path can be made of it.
  if (Buffer.byteLength(prefix) > MAX_KEY_BYTES) return { objects: [], prefixes: [], continuation: undefined }
  const start = options.continuation === undefined ? undefined : readContinuation(options.continuation)
  const scope: WalkScope = {
    prefix,
    after: start?.last ?? '',
    skip: start?.isPrefix ? start.last : undefined,
  }
  const objects: ObjectSummary[] = []
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
    if (head !== undefined) objects.push(summaryOf(head))
    if (common !== undefined) {
      prefixes.push(common)
      scope.skip = common
    }
    last = { last: common ?? key, isPrefix: common !== undefined }
  }
  return { objects, prefixes, continuation: undefined }
}

function summaryOf({ key, size, etag, lastModified }: ObjectHead): ObjectSummary {
  return { key, size, etag, lastModified }
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
    throw badContinuation()
  }
  return { last: text.slice(1), isPrefix: kind === 'p' }
}
