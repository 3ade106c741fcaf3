/** A configuration that could not even be read. The message is meant for the user and names file and place. */
export class ConfigLoadError extends Error {
  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.name = 'ConfigLoadError'
  }
}
