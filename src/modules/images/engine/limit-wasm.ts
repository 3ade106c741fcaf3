/** Bytes of a page (WebAssembly Core Specification, 4.2.8). */
const PAGE = 65_536

/** The types of Node leave WebAssembly to those of browsers. */
interface Memory {
  readonly buffer: ArrayBuffer
  grow: (this: Memory, pages: number) => number
}

/**
 * Bounds what WebAssembly in this process may use, before any of it is loaded: it runs on the thread whose timer watches the
 * memory, so that a decoder could take all there is before anybody looks. What is refused is an allocation that fails.
 */
export function limitWasm(maxBytes: number): void {
  const { WebAssembly } = globalThis as unknown as { WebAssembly: { Memory: { prototype: Memory } } }
  const { prototype } = WebAssembly.Memory
  const { grow } = prototype
  prototype.grow = function (pages): number {
    if (this.buffer.byteLength + pages * PAGE > maxBytes)
      throw new RangeError(`WebAssembly may not use more than ${maxBytes} bytes`)
    return grow.call(this, pages)
  }
}
