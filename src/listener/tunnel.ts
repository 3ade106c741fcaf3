import { STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Timer } from '../base/clock.ts'
import type { EdgeResponse, Outcome, Passage } from '../visit.ts'
import type { Door } from './door.ts'

/**
 * Joins a viewer and an origin after 101 (RFC 6455, RFC 9110 section 7.8): bytes flow both ways with back-pressure
 * until one side closes or nothing has moved for the idle limit (CloudFront: ten minutes).
 */
export function joinTunnel(
  door: Door,
  passage: Passage,
  viewer: Duplex,
  response: EdgeResponse,
  origin: Duplex,
  done: (outcome: Outcome) => void,
): void {
  const { visit } = passage
  const idleMs = passage.plan.limits.tunnelIdleTimeoutMs
  let lastMoved = door.clock.monotonic()
  let timer: Timer | undefined
  const raw = response.headers.raw
  let head = `HTTP/1.1 101 ${STATUS_CODES[101]}\r\n`
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i]!.toLowerCase()
    if (name !== 'connection' && name !== 'upgrade') head += `${raw[i]!}: ${raw[i + 1]!}\r\n`
  }
  head += 'Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n'
  visit.isTunnel = true
  visit.firstByteAt = door.clock.monotonic()
  visit.headerBytes = head.length
  viewer.write(head, 'latin1')

  const close = (outcome: Outcome) => {
    door.tunnels.delete(closeWell)
    timer?.cancel()
    viewer.destroy()
    origin.destroy()
    done(outcome)
  }
  const closeWell = () => close({ complete: true, failure: undefined, cause: undefined })
  door.tunnels.add(closeWell)
  const watch = () => {
    timer = door.clock.after(Math.max(50, lastMoved + idleMs - door.clock.monotonic()), () => {
      if (door.clock.monotonic() - lastMoved >= idleMs) {
        close({
          complete: true,
          failure: 'timeout',
          cause: 'nothing moved through the tunnel for its idle limit',
        })
      } else watch()
    })
  }
  viewer.on('data', (chunk: Buffer) => {
    lastMoved = door.clock.monotonic()
    visit.requestBodyBytes += chunk.length
    if (!origin.write(chunk)) {
      viewer.pause()
      origin.once('drain', () => viewer.resume())
    }
  })
  origin.on('data', (chunk: Buffer) => {
    lastMoved = door.clock.monotonic()
    visit.bodyBytes += chunk.length
    if (!viewer.write(chunk)) {
      origin.pause()
      viewer.once('drain', () => origin.resume())
    }
  })
  viewer.on('end', () => origin.end())
  origin.on('end', () => viewer.end())
  viewer.on('error', closeWell)
  origin.on('error', closeWell)
  viewer.on('close', closeWell)
  origin.on('close', () => {
    // What the origin said last still has to leave.
    if (viewer.writableLength === 0) closeWell()
    else viewer.end(closeWell)
  })
  // Both were paused while nobody read them.
  viewer.resume()
  origin.resume()
  watch()
}
