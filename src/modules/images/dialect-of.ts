import type { Secret } from '../../base/secret.ts'
import type { ImagesConfig } from './config.ts'
import { createDit } from './dit/dit.ts'
import { compilePolicy } from './dit/policy.ts'
import type { HintSettings } from './readable/hints.ts'
import { createReadable } from './readable/readable.ts'
import { compileRewrite } from './sih/compile-rewrite.ts'
import { createSih } from './sih/sih.ts'
import { addressOfUrl } from './source/address-of-url.ts'
import type { ImageSource } from './source/sources.ts'
import type { Dialect } from './task.ts'
import { withAutomaticQuality } from './with-automatic-quality.ts'

/** The dialect that the configuration of a behavior names, with what it needs of it. */
export function dialectOf(
  config: ImagesConfig,
  sources: ReadonlyMap<string, ImageSource>,
  signingKeys: (() => readonly Secret[]) | undefined,
): Dialect {
  const dialect = namedDialect(config, sources, signingKeys)
  return config.quality === 'auto' ? withAutomaticQuality(dialect) : dialect
}

function namedDialect(
  config: ImagesConfig,
  sources: ReadonlyMap<string, ImageSource>,
  signingKeys: (() => readonly Secret[]) | undefined,
): Dialect {
  const { dialect, autoFormats, rewrite, corsOrigin, strict, presets, hints } = config
  const common = { autoFormats, corsOrigin, buckets: new Set(sources.keys()), signingKeys }
  switch (dialect) {
    case 'sih':
      return createSih({
        ...common,
        rewrite: rewrite && compileRewrite(rewrite.match, rewrite.substitution),
        isStrict: strict,
      })
    case 'dit':
      return createDit({
        policies: new Map(
          Object.entries(config.policies).map(([name, policy]) => [name, compilePolicy(policy)]),
        ),
        defaultPolicy: config.policy,
        mappings: config.mappings,
        originHeader: config.originHeader,
        folders: foldersOf(config),
        addressOf: (url) => addressOfUrl(url, sources),
        corsOrigin,
        maxTransformations: config.maxTransformations,
      })
    case 'edge':
      return createReadable({
        ...common,
        presets: new Map(Object.entries(presets)),
        hints: hints && hintSettings(hints),
      })
  }
}

/** `originPath` of sources, with a slash at its end alone. */
function foldersOf({ sources }: ImagesConfig): ReadonlyMap<string, string> {
  const folder = (path: string) => `${path.replace(/^\/+|\/+$/g, '')}/`
  return new Map(
    Object.entries(sources ?? {}).flatMap(([name, { originPath }]) =>
      originPath === undefined ? [] : [[name, folder(originPath)] as const],
    ),
  )
}

function hintSettings(hints: NonNullable<ImagesConfig['hints']>): HintSettings {
  const ascending = (steps: readonly number[]) => steps.toSorted((a, b) => a - b)
  const widths = ascending(hints.widths)
  return {
    widths,
    densities: hints.densities && ascending(hints.densities),
    defaultWidth: hints.defaultWidth ?? widths.at(-1)!,
    saveDataFactor: hints.saveData === false || hints.saveData === 1 ? undefined : hints.saveData,
  }
}
