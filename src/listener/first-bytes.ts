import type { Socket } from 'node:net'
import type { Clock, Timer } from '../base/clock.ts'
import type { Endpoint } from '../visit.ts'
import { MAX_CLIENT_HELLO_BYTES, parseClientHello } from './client-hello.ts'
import type { ClientHello } from './client-hello.ts'
import { ja3, ja4 } from './fingerprint.ts'
import { parseProxyHeader } from './proxy-protocol.ts'

export interface FirstBytesOptions {
  /**
   * `required`: a connection without a PROXY header is refused. There is nothing between: a listener that guesses
   * lets anybody claim any address (haproxy.org, proxy-protocol.txt, section 2), so `required` is for peers that
   * are trusted.
   */
  readonly expectProxyProtocol: 'never' | 'required'
  /** Whether TLS is expected here, so that the ClientHello is waited for and read. */
  readonly tls: boolean
  /** For everything that is read, from the call on. */
  readonly timeoutMs: number
  readonly clock: Clock
}

/** What the first bytes of a connection said. */
export interface ConnectionFacts {
  readonly kind: 'ready'
  /** The ends that the PROXY header names; undefined when the real ends count (no header, or one without addresses). */
  readonly proxy: { readonly source: Endpoint; readonly destination: Endpoint } | undefined
  /**
   * What is spoken, whether expected or not: `tls` on a plaintext listener and `http1` on a TLS one are both
   * told. `h2c` is HTTP/2 with prior knowledge, told on plaintext listeners only.
   */
  readonly protocol: 'tls' | 'h2c' | 'http1' | 'unknown'
  /** The four below are read from the ClientHello where TLS was expected. */
  readonly sni: string | undefined
  readonly alpn: readonly string[]
  /** MD5 in hexadecimal. */
  readonly ja3: string | undefined
  readonly ja4: string | undefined
}

/**
 * The outcome of reading the first bytes. Only after `ready` does the socket live: it was destroyed when the peer
 * was gone (`closed`), too slow (`timed-out`) or sent what cannot be taken (`refused`).
 */
export type FirstBytes =
  | ConnectionFacts
  | { readonly kind: 'closed' }
  | { readonly kind: 'timed-out' }
  | { readonly kind: 'refused'; readonly reason: string }

/**
 * Reads what a fresh connection says before TLS and HTTP, and puts the bytes back (all but the PROXY header), so
 * that a TLS, HTTP/1 or HTTP/2 server given the socket within `done` reads it as if untouched. `done` runs once,
 * never before this returns unless the socket is gone already. A plaintext listener that neither expects a PROXY
 * header nor offers h2c has no need of this.
 */
export function readFirstBytes(
  socket: Socket,
  options: FirstBytesOptions,
  done: (first: FirstBytes) => void,
): void {
  if (socket.destroyed) done(CLOSED)
  else new FirstBytesReader(socket, options, done)
}

class FirstBytesReader {
  readonly #socket: Socket
  readonly #isTlsExpected: boolean
  readonly #done: (first: FirstBytes) => void
  readonly #timer: Timer
  #isProxyExpected: boolean
  #proxy: ConnectionFacts['proxy']
  /** Bytes read and not yet given back; `#storage` has room behind them once they came in several pieces. */
  #held: Buffer = EMPTY
  #storage: Buffer = EMPTY
  #neededBytes = 1

  constructor(socket: Socket, options: FirstBytesOptions, done: (first: FirstBytes) => void) {
    this.#socket = socket
    this.#isTlsExpected = options.tls
    this.#isProxyExpected = options.expectProxyProtocol === 'required'
    this.#done = done
    this.#timer = options.clock.after(options.timeoutMs, () => this.#giveUp(TIMED_OUT))
    // `readable` and not `data`: it leaves no explicit pause behind, which would keep the next owner from flowing.
    socket.on('readable', this.#read)
    socket.on('end', this.#closed)
    socket.on('close', this.#closed)
    socket.on('error', this.#closed)
  }

  readonly #read = (): void => {
    // The socket has no encoding set, so it gives Buffers; null is the end, which has its own event.
    const chunk = this.#socket.read() as Buffer | null
    if (chunk === null) return
    this.#hold(chunk)
    if (this.#isProxyExpected && !this.#readProxyHeader()) return
    if (this.#held.length < this.#neededBytes) return
    if (this.#isTlsExpected) this.#readClientHello()
    else this.#recognisePlaintext()
  }

  readonly #closed = (): void => this.#giveUp(CLOSED)

  /** False while the header is incomplete, and after a refusal. */
  #readProxyHeader(): boolean {
    const header = parseProxyHeader(this.#held)
    switch (header.kind) {
      case 'incomplete':
        return false
      case 'absent':
        this.#giveUp({
          kind: 'refused',
          reason: 'the connection does not begin with a PROXY protocol header',
        })
        return false
      case 'invalid':
        this.#giveUp({ kind: 'refused', reason: `PROXY protocol: ${header.reason}` })
        return false
      case 'found': {
        const { source, destination } = header
        if (source !== undefined && destination !== undefined) this.#proxy = { source, destination }
        this.#isProxyExpected = false
        this.#held = this.#held.subarray(header.length)
        this.#storage = EMPTY
        return true
      }
    }
  }

  #readClientHello(): void {
    const parsed = parseClientHello(this.#held)
    switch (parsed.kind) {
      case 'incomplete':
        this.#neededBytes = parsed.neededBytes
        return
      case 'absent':
        return this.#giveBack(beginsLikeHttp1(this.#held[0]!) ? 'http1' : 'unknown')
      case 'invalid':
        return this.#giveUp({ kind: 'refused', reason: `TLS: ${parsed.reason}` })
      case 'found':
        return this.#giveBack('tls', parsed.hello)
    }
  }

  #recognisePlaintext(): void {
    const held = this.#held
    if (held[0] === 0x16) {
      if (held.length < 2) this.#neededBytes = 2
      else this.#giveBack(held[1] === 3 ? 'tls' : 'unknown')
      return
    }
    const compared = Math.min(held.length, HTTP2_PREFACE.length)
    if (HTTP2_PREFACE.compare(held, 0, compared, 0, compared) !== 0) {
      this.#giveBack(beginsLikeHttp1(held[0]!) ? 'http1' : 'unknown')
    } else if (compared === HTTP2_PREFACE.length) this.#giveBack('h2c')
  }

  #hold(chunk: Buffer): void {
    const heldBytes = this.#held.length
    if (heldBytes === 0) {
      this.#held = chunk
      return
    }
    const total = heldBytes + chunk.length
    if (this.#storage.length < total) {
      // Doubled, so that a hello in one-byte pieces is not copied once per byte.
      this.#storage = Buffer.allocUnsafe(Math.max(total, Math.min(total * 2, MAX_CLIENT_HELLO_BYTES)))
      this.#held.copy(this.#storage)
    }
    chunk.copy(this.#storage, heldBytes)
    this.#held = this.#storage.subarray(0, total)
  }

  #giveBack(protocol: ConnectionFacts['protocol'], hello?: ClientHello): void {
    this.#stop()
    this.#socket.unshift(this.#held)
    this.#done({
      kind: 'ready',
      proxy: this.#proxy,
      protocol,
      sni: hello?.serverName,
      alpn: hello?.alpnProtocols ?? NO_PROTOCOLS,
      ja3: hello && ja3(hello).hash,
      ja4: hello && ja4(hello, 't'),
    })
  }

  #giveUp(outcome: FirstBytes): void {
    this.#stop()
    this.#socket.on('error', ignoreError)
    this.#socket.destroy()
    this.#done(outcome)
  }

  #stop(): void {
    this.#timer.cancel()
    this.#socket.off('readable', this.#read)
    this.#socket.off('end', this.#closed)
    this.#socket.off('close', this.#closed)
    this.#socket.off('error', this.#closed)
  }
}

const CLOSED: FirstBytes = Object.freeze({ kind: 'closed' })
const TIMED_OUT: FirstBytes = Object.freeze({ kind: 'timed-out' })
const EMPTY = Buffer.alloc(0)
const NO_PROTOCOLS: readonly string[] = Object.freeze([])

/** RFC 9113 section 3.4. */
const HTTP2_PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')

/** A method's first character (RFC 9110 section 5.6.2), or the empty line that RFC 9112 section 2.2 forgives. */
function beginsLikeHttp1(code: number): boolean {
  if (code === 0x0d || code === 0x0a) return true
  const lower = code | 0x20
  return (lower >= 0x61 && lower <= 0x7a) || (code >= 0x30 && code <= 0x39) || TOKEN_MARKS.includes(code)
}

const TOKEN_MARKS = Buffer.from("!#$%&'*+-.^_`|~")

function ignoreError(): void {
  // The socket has been given up, so its failure concerns nobody.
}
