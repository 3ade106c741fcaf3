import type { Objects, ObjectSummary } from './objects.ts'

/** All objects whose key begins with `prefix`, page by page, in the order of `list`; none after an abort. */
export async function* allObjects(
  objects: Objects,
  prefix: string,
  signal?: AbortSignal,
): AsyncGenerator<ObjectSummary, void, void> {
  let continuation: string | undefined
  do {
    const page = await objects.list({ prefix, ...(continuation !== undefined && { continuation }) })
    for (const object of page.objects) {
      if (signal?.aborted === true) return
      yield object
    }
    continuation = page.continuation
  } while (continuation !== undefined)
}
