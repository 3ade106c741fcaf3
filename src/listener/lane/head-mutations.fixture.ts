/** Numbers from 0 (inclusive) to 1 (exclusive) that are the same for the same seed (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000
  }
}

const BROWSER = [
  'Host: www.example.org',
  'Connection: keep-alive',
  'User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36',
  'sec-ch-ua: "Chromium";v="140", "Not=A?Brand";v="24"',
  'Accept: text/html,application/xhtml+xml;q=0.9,*/*;q=0.8',
  'Accept-Encoding: gzip, deflate, br, zstd',
  'Cookie: session=0123456789abcdef; theme=dark',
  'If-None-Match: "5f3c-61a"',
].join('\r\n')

/** Heads to begin with: plain ones, and those in which requests have been smuggled. */
export const SEEDS: readonly string[] = [
  'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
  `GET /static/app.js?v=1&a[]=2 HTTP/1.1\r\n${BROWSER}\r\n\r\n`,
  'HEAD /a%20b/c;d=e HTTP/1.1\r\nHost: example.org:8080\r\nRange: bytes=0-9\r\n\r\n',
  'GET /one HTTP/1.1\r\nHost: a\r\n\r\nGET /two HTTP/1.1\r\nHost: b\r\n\r\nHEAD /three HTTP/1.1\r\nHost: c\r\n\r\n',
  'GET / HTTP/1.1\r\nHost: a\r\nX-Empty:\r\nX-Tab: a\tb\r\n\r\n',
  'GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello',
  'GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n',
  'GET / HTTP/1.0\r\nHost: a\r\n\r\n',
  'GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n',
  'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n',
  'GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n',
  'POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 30\r\n\r\nGET /inner HTTP/1.1\r\nHost: b\r\n\r\n',
  'GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n',
  'GET / HTTP/1.1\nHost: a\n\n',
]

const PIECES: readonly string[] = [
  '\r\n',
  '\n',
  '\r',
  '\r\r\n',
  ' ',
  '\t',
  '\0',
  '\x0b',
  '\x0c',
  '\x7f',
  '\x80',
  '\xff',
  '\x85',
  '\xa0',
  ':',
  '::',
  ' :',
  ';',
  ',',
  '?',
  '#',
  '%',
  '/',
  '//',
  '*',
  '@',
  '"',
  '<',
  '\\',
  '^',
  '|',
  '{',
  '[',
  'G',
  'GET ',
  'HEAD ',
  'POST ',
  'PRI ',
  'get ',
  ' HTTP/1.1',
  ' HTTP/1.0',
  ' HTTP/2.0',
  ' HTTP/1.10',
  ' HTTP/0.9',
  ' http/1.1',
  'http://b',
  'Host: b\r\n',
  'Host:\r\n',
  'host: a b\r\n',
  'Host : b\r\n',
  'Content-Length: 0\r\n',
  'Content-Length: 5\r\n',
  'content-length:7\r\n',
  'Content-Length : 5\r\n',
  'Content_Length: 5\r\n',
  'Transfer-Encoding: chunked\r\n',
  'Transfer-Encoding:\tchunked\r\n',
  'Transfer-Encoding: identity\r\n',
  'transfer-encoding: xchunked\r\n',
  'Connection: close\r\n',
  'Connection: keep-alive\r\n',
  'Connection: keep-alive, close\r\n',
  'Connection: upgrade\r\n',
  'Upgrade: websocket\r\n',
  'Expect: 100-continue\r\n',
  'TE: trailers\r\n',
  'Trailer: x\r\n',
  'Proxy-Connection: close\r\n',
  'HTTP2-Settings: AAMAAABkAAQAAP__\r\n',
  'Keep-Alive: timeout=5\r\n',
  'X: a\r\n b\r\n',
  'X: a\r\n\tb\r\n',
  '0\r\n\r\n',
  '5\r\nhello\r\n',
  'GET /x HTTP/1.1\r\nHost: x\r\n\r\n',
  '\r\n\r\n',
  '\n\n',
  '\n\r\n',
]

/** A seed with up to five small changes: bytes changed, pieces put in, ranges removed or doubled, heads joined. */
export function mutatedHead(random: () => number): Buffer {
  const below = (limit: number) => Math.floor(random() * limit)
  const pick = <T>(list: readonly T[]): T => list[below(list.length)]!
  let bytes = pick(SEEDS)
  if (random() < 0.4) bytes += pick(SEEDS)
  for (let left = below(6); left > 0; left--) {
    const at = below(bytes.length + 1)
    const until = Math.min(bytes.length, at + 1 + below(random() < 0.7 ? 3 : 40))
    const before = bytes.slice(0, at)
    switch (below(6)) {
      case 0:
        bytes = before + String.fromCharCode(below(256)) + bytes.slice(at + 1)
        break
      case 1:
      case 2:
        bytes = before + pick(PIECES) + bytes.slice(at)
        break
      case 3: {
        // Where fields begin, so that most of what is put in is read as one.
        const line = bytes.indexOf('\r\n', at)
        if (line !== -1) bytes = bytes.slice(0, line + 2) + pick(PIECES) + bytes.slice(line + 2)
        break
      }
      case 4:
        bytes = before + bytes.slice(until)
        break
      default:
        bytes = bytes.slice(0, until) + bytes.slice(at)
    }
  }
  return Buffer.from(bytes, 'latin1')
}

/** Cuts bytes at random places; one time in four behind each byte. */
export function cut(bytes: Buffer, random: () => number): Buffer[] {
  const length = random() < 0.25 ? 1 : 1 + Math.floor(random() * bytes.length)
  const pieces: Buffer[] = []
  for (let at = 0; at < bytes.length;) {
    const next = length === 1 ? at + 1 : Math.min(bytes.length, at + 1 + Math.floor(random() * length))
    pieces.push(bytes.subarray(at, next))
    at = next
  }
  return pieces
}
