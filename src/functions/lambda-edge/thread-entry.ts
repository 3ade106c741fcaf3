/** The program of a worker thread. */
import { parentPort } from 'node:worker_threads'
import { LineReader } from './protocol.ts'
import { createWorkerHost } from './worker-host.ts'

const port = parentPort
if (port === null) throw new Error('this program runs as a worker thread only')

const host = createWorkerHost({
  send: (text) => port.postMessage(text),
  whenIdle: (action) => {
    port.unref()
    process.once('beforeExit', () => {
      port.ref()
      action()
    })
  },
})

process.on('exit', () => {
  const text = host.lastWords()
  if (text !== '') port.postMessage(text)
})

const reader = new LineReader(
  Number.POSITIVE_INFINITY,
  (line) => host.receive(line),
  () => undefined,
)
port.on('message', (text: string) => reader.read(text))
