import { ImageError } from '../image-error.ts'

export function noSuchKey(detail: string): ImageError {
  return new ImageError(404, 'NoSuchKey', 'The picture does not exist or cannot be read.', {
    cause: new Error(detail),
  })
}

export function tooLarge(maxBytes: number): ImageError {
  return new ImageError(413, 'TooLargeImageException', `The source is larger than ${maxBytes} bytes.`)
}

/** The promise, or a rejection as soon as its user has gone; the work goes on for others. */
export function untilGone<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const left = () =>
      reject(new ImageError(499, 'ClientClosedRequest', 'Nobody waits for this picture any more.'))
    if (signal.aborted) left()
    signal.addEventListener('abort', left)
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', left))
  })
}
