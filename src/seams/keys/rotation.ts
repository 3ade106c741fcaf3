import { SeamError } from '../seam-error.ts'
import type { CreateKeyOptions, KeyInfo, Keys } from './keys.ts'

/*
 * Rotations of a key are keys of their own, named `cards`, `cards.2`, `cards.3`, …: the newest enabled one encrypts, all
 * enabled ones decrypt. So what was encrypted says by its id which key opens it, and every engine can hold them.
 */

const NUMBERED = /^(.+)\.(\d{1,9})$/

/** The name and number of a rotation. */
function rotationOf(id: string): { readonly name: string; readonly number: number } {
  const match = NUMBERED.exec(id)
  return match === null ? { name: id, number: 1 } : { name: match[1]!, number: Number(match[2]) }
}

/** The name that rotations of a key share: `cards` of `cards.3`. */
export function nameOfKey(id: string): string {
  return rotationOf(id).name
}

/** The id of the key that encrypts for a name: the newest rotation that is enabled; undefined for none. */
export function currentIdOf(infos: readonly KeyInfo[], name: string): string | undefined {
  let best: { readonly id: string; readonly number: number } | undefined
  for (const { id, status } of infos) {
    const rotation = rotationOf(id)
    if (rotation.name !== name || status !== 'enabled') continue
    if (best === undefined || rotation.number > best.number) best = { id, number: rotation.number }
  }
  return best?.id
}

/** Makes the next rotation of a key, of the same size unless told otherwise. Rejects with `not-found` for an unknown name. */
export async function rotateKey(keys: Keys, name: string, options: CreateKeyOptions = {}): Promise<KeyInfo> {
  const infos = await keys.list()
  const own = infos.filter(({ id }) => rotationOf(id).name === name)
  const newest = own.reduce<KeyInfo | undefined>(
    (best, info) =>
      best === undefined || rotationOf(info.id).number > rotationOf(best.id).number ? info : best,
    undefined,
  )
  if (newest === undefined) throw new SeamError('not-found', `there is no key "${name}": create it first`)
  const bits = newest.modulusBits === 3072 || newest.modulusBits === 4096 ? newest.modulusBits : 2048
  const { number } = rotationOf(newest.id)
  return keys.create(`${name}.${number + 1}`, { bits, description: newest.description, ...options })
}
