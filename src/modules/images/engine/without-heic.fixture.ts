import { registerHooks } from 'node:module'

/** The program of image processes where nobody has installed a decoder for HEIC. */
registerHooks({
  resolve(specifier, context, next) {
    return next(specifier === 'heic-decode' ? 'heic-decode-that-is-not-there' : specifier, context)
  },
})
await import('./child.ts')
