import type { Clock } from '../base/clock.ts'
import { Body } from '../http/body.ts'
import { evaluateConditions, rangeApplies } from '../http/conditional.ts'
import { HeaderList } from '../http/header-list.ts'
import { formatHttpDate } from '../http/http-date.ts'
import { type RangeAnswer, resolveRange } from '../http/range.ts'
import type { FolderOrigin } from '../plan.ts'
import type { EdgeResponse, OriginRequest } from '../visit.ts'
import { bodyOf, closeFile, FolderFiles, type OpenFile } from './folder-files.ts'
import { readFolderPath, referenceToFolder } from './folder-path.ts'
import { mediaTypeOf } from './media-type.ts'

const ALLOW = 'GET, HEAD, OPTIONS'

/**
 * The kind of origin that is a folder of files: a static site with index files, conditional requests and ranges.
 * `send` takes a request whose path already has the origin path, and leaves the request's body to the caller. Every
 * refusal is a response; it rejects only when the file system fails (no descriptors left, a read error).
 */
export function createFolderOrigin({ clock }: { readonly clock: Clock }): {
  send(request: OriginRequest, origin: FolderOrigin): Promise<EdgeResponse>
} {
  const files = new FolderFiles()

  async function send(request: OriginRequest, origin: FolderOrigin): Promise<EdgeResponse> {
    const { method } = request
    if (method !== 'GET' && method !== 'HEAD') return answerOther(method)
    const asked = readFolderPath(request.path)
    if (asked.kind === 'malformed') return page(method, 400)
    if (asked.kind === 'missing') return page(method, 404)
    if (asked.path.endsWith('/')) return sendIndex(request, origin, asked.path)
    const opened = await files.open(origin.folder, asked.path)
    switch (opened.kind) {
      case 'file':
        return answer(request, opened.file)
      case 'directory':
        return redirect(request, origin, asked.path)
      case 'missing':
        return page(method, 404)
      case 'forbidden':
        return page(method, 403)
    }
  }

  async function sendIndex(
    request: OriginRequest,
    origin: FolderOrigin,
    path: string,
  ): Promise<EdgeResponse> {
    const found = await openIndex(origin, path)
    return typeof found === 'number' ? page(request.method, found) : answer(request, found)
  }

  /** The first index file of a directory (path ends in `/`), or the status that says why there is none. */
  async function openIndex(origin: FolderOrigin, path: string): Promise<OpenFile | 403 | 404> {
    let status: 403 | 404 = 404
    for (const name of origin.indexFiles) {
      const opened = await files.open(origin.folder, path + name)
      if (opened.kind === 'file') return opened.file
      if (opened.kind === 'forbidden') status = 403
    }
    return status
  }

  /** To the directory's own address, where it has an index; what has none is not there. */
  async function redirect(request: OriginRequest, origin: FolderOrigin, path: string): Promise<EdgeResponse> {
    const found = await openIndex(origin, `${path}/`)
    if (typeof found === 'number') return page(request.method, found)
    closeFile(found)
    return page(request.method, 301, ['Location', referenceToFolder(request.path, request.query)])
  }

  async function answer(request: OriginRequest, file: OpenFile): Promise<EdgeResponse> {
    let isKept = false
    try {
      const { method, headers } = request
      const nowMs = clock.now()
      // Never later than now (RFC 9110 section 8.8.2.1).
      const lastModified = formatHttpDate(Math.min(file.modifiedMs, nowMs))
      const validators = { etag: file.etag, lastModified }
      const condition = evaluateConditions(headers, method, validators, nowMs)
      if (condition === 'precondition-failed') return page(method, 412)
      if (condition === 'not-modified') {
        const fields = new HeaderList(['ETag', file.etag, 'Last-Modified', lastModified])
        return { status: 304, headers: fields, body: Body.none() }
      }
      const answered = rangeOf(request, validators, file.size)
      if (answered.kind === 'unsatisfiable') {
        return page(method, 416, ['Content-Range', `bytes */${file.size}`])
      }
      const isPart = answered.kind === 'range'
      const first = isPart ? answered.range.first : 0
      const length = isPart ? answered.range.last - first + 1 : file.size
      const raw = ['Content-Type', mediaTypeOf(file.path), 'Content-Length', String(length)]
      raw.push('Accept-Ranges', 'bytes', 'ETag', file.etag, 'Last-Modified', lastModified)
      if (isPart) raw.push('Content-Range', `bytes ${first}-${first + length - 1}/${file.size}`)
      const status = isPart ? 206 : 200
      if (method === 'HEAD') return { status, headers: new HeaderList(raw), body: Body.none() }
      isKept = true
      return { status, headers: new HeaderList(raw), body: await bodyOf(file, first, length) }
    } finally {
      if (!isKept) closeFile(file)
    }
  }

  return { send }
}

function answerOther(method: string): EdgeResponse {
  if (method !== 'OPTIONS') return page(method, 405, ['Allow', ALLOW])
  return { status: 204, headers: new HeaderList(['Allow', ALLOW]), body: Body.none() }
}

const WHOLE: RangeAnswer = { kind: 'whole' }

/** Ranges are for GET alone (RFC 9110 section 14.2), and If-Range must still hold. */
function rangeOf(
  { method, headers }: OriginRequest,
  validators: { readonly etag: string; readonly lastModified: string },
  size: number,
): RangeAnswer {
  const range = headers.getJoined('range')
  if (range === undefined || method !== 'GET') return WHOLE
  return rangeApplies(headers.getJoined('if-range'), validators) ? resolveRange(range, size) : WHOLE
}

const REASONS = {
  301: 'Moved Permanently',
  400: 'Bad Request',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  412: 'Precondition Failed',
  416: 'Range Not Satisfiable',
} as const

/** A small page that says the status, with the given name/value pairs among its headers. */
function page(
  method: string,
  status: keyof typeof REASONS,
  fields?: readonly [name: string, value: string],
): EdgeResponse {
  const title = `${status} ${REASONS[status]}`
  const html = `<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<title>${title}</title>\n<h1>${title}</h1>\n</html>\n`
  const headers = new HeaderList([
    'Content-Type',
    'text/html; charset=utf-8',
    'Content-Length',
    String(html.length),
  ])
  if (fields !== undefined) headers.append(fields[0], fields[1])
  return { status, headers, body: method === 'HEAD' ? Body.none() : Body.bytes(html) }
}
