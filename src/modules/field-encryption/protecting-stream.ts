import { Transform, type Readable } from 'node:stream'
import type { CompiledFieldEncryption } from './compile.ts'
import { createScanner, type Format } from './formats/format.ts'
import { sealField, type KeyOf, ProtectError, replaced, splice, type Task } from './protect.ts'

/**
 * Encrypts a body while it passes. What has been sent cannot be taken back: where the body turns out to be malformed, the
 * stream fails, and whoever sends it cuts the connection, so that the origin never takes it for whole.
 */
export function createProtectingStream(
  source: Readable,
  format: Format,
  boundary: string | undefined,
  planned: CompiledFieldEncryption,
  keyOf: KeyOf,
  counted: (rule: string) => void,
): Readable {
  const { protection } = planned
  const { rules, matcher } = protection.byFormat[format]
  const scanner = createScanner(format, { matcher, everyText: protection.detectors.length > 0, boundary })
  let held: Buffer = Buffer.alloc(0)
  let fields = 0

  function work(isLast: boolean): Buffer[] {
    const tasks: Task[] = []
    const used = scanner.scan(held, isLast, (field) => {
      const task = sealField(field, held, rules[field.pattern], protection, keyOf)
      if (task === undefined) return
      if (++fields > protection.maxFields)
        throw new ProtectError(
          'too-many-fields',
          `more than ${protection.maxFields} fields are to be encrypted`,
        )
      tasks.push(task)
      for (const rule of task.rules) counted(rule)
    })
    const pieces = splice(held.subarray(0, used), replaced(tasks, protection.wrap))
    held = held.subarray(used)
    // A value that does not end would otherwise be held for ever.
    if (held.length > planned.maxBytes || held.length > protection.maxFieldBytes * 8 + 65_536)
      throw new ProtectError('field-too-long', `a value is longer than ${protection.maxFieldBytes} bytes`)
    return pieces
  }

  const transform = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      try {
        held = held.length === 0 ? chunk : Buffer.concat([held, chunk])
        for (const piece of work(false)) this.push(piece)
        done()
      } catch (error) {
        done(error as Error) // What is thrown here is an Error.
      }
    },
    flush(done) {
      try {
        for (const piece of work(true)) this.push(piece)
        done()
      } catch (error) {
        done(error as Error) // As above.
      }
    },
  })
  // It may fail before anybody sends it; who does sees that it has failed.
  transform.on('error', () => undefined)
  source.on('error', (error) => transform.destroy(error))
  source.on('close', () => {
    if (!source.readableEnded) transform.destroy(new Error('the body ended before it was complete'))
  })
  transform.on('close', () => {
    // The rest of a body that nobody wants is read and thrown away: the connection of the viewer is needed for the answer.
    if (!source.readableEnded) source.resume()
  })
  return source.pipe(transform)
}
