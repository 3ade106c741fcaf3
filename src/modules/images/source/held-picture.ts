import type { ByteShelf } from './byte-shelf.ts'
import type { Picture } from './picture.ts'

/** A picture that several may hold at a time. Where its bytes lie in the shelf, they go back when the last lets go. */
export class HeldPicture {
  #picture: Picture
  readonly #place: Buffer | undefined
  readonly #shelf: ByteShelf
  #holders = 0

  constructor(picture: Picture, place: Buffer | undefined, shelf: ByteShelf) {
    this.#picture = picture
    this.#place = place
    this.#shelf = shelf
  }

  get picture(): Picture {
    return this.#picture
  }

  /** Memory it takes, in bytes. */
  get cost(): number {
    return this.#place?.length ?? this.#picture.bytes.length
  }

  /** The same bytes under fields that its source has said anew. */
  renew(picture: Picture): void {
    this.#picture = picture
  }

  hold(): void {
    this.#holders++
  }

  release(): void {
    this.#holders--
    if (this.#holders === 0 && this.#place !== undefined) this.#shelf.give(this.#place)
  }
}
