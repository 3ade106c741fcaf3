import { compileGlob } from '../../http/glob.ts'
import type { CallersConfig, FieldEncryptionConfig } from './config.ts'
import { detectors, patternDetector } from './detectors.ts'
import { FORMATS } from './formats/format.ts'
import { compileNative, type CompiledNative } from './native.ts'
import { anywhere, parsePathPattern } from './path-pattern.ts'
import { createProtection, type DetectorRule, type FieldRule, type Protection } from './protect.ts'

/** `fieldEncryption` of one behavior, compiled. */
export interface CompiledFieldEncryption {
  readonly protection: Protection
  readonly malformed: 'reject' | 'forward'
  /** Whether a body of a content type without fields is forwarded. */
  readonly forwards: (contentType: string) => boolean
  readonly maxBytes: number
  readonly memoryBytes: number
  readonly streaming: boolean
  readonly callers: readonly CallersConfig[]
  readonly native: CompiledNative | undefined
  /** Names of all keys that encrypt. */
  readonly keys: readonly string[]
}

export function compileFieldEncryption(config: FieldEncryptionConfig): CompiledFieldEncryption {
  const rules = config.fields.map((field): FieldRule => {
    const pattern = field.path === undefined ? anywhere(field.name!) : parsePathPattern(field.path)
    // The schema has refused what is no path, and `checkFieldEncryption` fields without a key.
    if (typeof pattern === 'string') throw new Error(pattern)
    return {
      name: field.path ?? field.name!,
      pattern,
      formats: new Set(field.in ?? FORMATS),
      key: field.key ?? config.key ?? '',
    }
  })
  const detectorRules = config.detect.map((item): DetectorRule => {
    if (typeof item === 'string') return { name: item, detector: detectors[item], key: config.key ?? '' }
    const key = item.key ?? config.key ?? ''
    return 'detector' in item
      ? { name: item.detector, detector: detectors[item.detector], key }
      : { name: item.name, detector: patternDetector(item.name, item.pattern), key }
  })
  const allowed = config.forwardContentTypes.map(compileGlob)
  return {
    protection: createProtection({
      rules,
      detectors: detectorRules,
      wrap: { prefix: config.prefix, suffix: config.suffix },
      maxFields: config.maxFields,
      maxFieldBytes: config.maxFieldBytes,
    }),
    malformed: config.malformed,
    forwards: (contentType) => {
      if (config.otherContentTypes === 'forward') return true
      const type = contentType.split(';', 1)[0]!.trim().toLowerCase()
      return allowed.some((fits) => fits(type))
    },
    maxBytes: config.maxBytes,
    memoryBytes: config.memoryBytes,
    streaming: config.streaming,
    callers: config.callers,
    native: config.native === undefined ? undefined : compileNative(config.native),
    keys: [...new Set([...rules, ...detectorRules].map(({ key }) => key))],
  }
}
