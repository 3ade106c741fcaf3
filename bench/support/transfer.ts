import { request } from 'node:http'
import type { IncomingMessage } from 'node:http'

const CHUNK = Buffer.alloc(64 * 1024, 'edgeward ')

/** Downloads `bytes` bytes of the stream origin through the server at `url`; resolves with how many came. */
export function download(url: string, bytes: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const asked = request(`${url}/${bytes}`, { agent: false }, (response) => {
      let received = 0
      response.on('data', (chunk: Buffer) => {
        received += chunk.length
      })
      response.on('error', reject)
      response.on('end', () => resolve(response.statusCode === 200 ? received : 0))
    })
    asked.on('error', reject)
    asked.end()
  })
}

/** Uploads `bytes` bytes through the server at `url`; resolves with how many the stream origin says it received. */
export function upload(url: string, bytes: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = { 'Content-Length': bytes, 'Content-Type': 'application/octet-stream' }
    const asked = request(`${url}/upload`, { agent: false, method: 'POST', headers }, (response) => {
      readText(response).then((text) => resolve(response.statusCode === 200 ? Number(text) : 0), reject)
    })
    asked.on('error', reject)
    let left = bytes
    const fill = (): void => {
      while (left > 0) {
        const size = Math.min(left, CHUNK.length)
        left -= size
        if (!asked.write(size === CHUNK.length ? CHUNK : CHUNK.subarray(0, size))) return
      }
      asked.end()
    }
    asked.on('drain', fill)
    fill()
  })
}

async function readText(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  // A response without encoding yields buffers.
  for await (const chunk of response) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}
