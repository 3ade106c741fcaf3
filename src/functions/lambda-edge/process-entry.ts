/** The program of a worker process: user code on one side, the edge on file descriptor 3 on the other. */
import { writeSync } from 'node:fs'
import { Socket } from 'node:net'
import { LineReader } from './protocol.ts'
import { createWorkerHost } from './worker-host.ts'

const CHANNEL = 3
const socket = new Socket({ fd: CHANNEL, readable: true, writable: true })
socket.setEncoding('utf8')

const host = createWorkerHost({
  send: (text) => void socket.write(text),
  whenIdle: (action) => {
    socket.unref()
    process.once('beforeExit', () => {
      socket.ref()
      action()
    })
  },
})

process.on('exit', () => {
  const text = host.lastWords()
  try {
    if (text !== '') writeSync(CHANNEL, text)
  } catch {
    // The pipe is full or gone: nobody is left to be told.
  }
})

// Signals reach this process alone: a handler that aims at the edge by its parent's id hits nothing.
const kill = process.kill.bind(process)
process.kill = (pid: number, signal?: string | number): true => {
  if (pid !== process.pid) throw new Error('a function may send signals to its own process only')
  return kill(pid, signal)
}

const reader = new LineReader(
  Number.POSITIVE_INFINITY,
  (line) => host.receive(line),
  () => undefined,
)
socket.on('data', (text: string) => reader.read(text))
// Without its edge a worker has nothing to do.
const leave = () => process.exit(0)
socket.on('end', leave)
socket.on('close', leave)
socket.on('error', leave)
