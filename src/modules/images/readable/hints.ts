import type { ImageRequest } from '../task.ts'
import { numberOf, step, tenths } from '../viewer-hints.ts'
import { isPictureParameter } from './parameters.ts'

/** What a behavior makes of the client hints of its viewers; all lists ascend. */
export interface HintSettings {
  /** Widths of `w=auto`, in pixels of the picture. A viewer cannot ask for others. */
  readonly widths: readonly number[]
  /** Densities of `dpr=auto`; undefined takes tenths up to 5. */
  readonly densities: readonly number[] | undefined
  /** Width of `w=auto` for viewers that do not tell theirs. */
  readonly defaultWidth: number
  /** Factor of the quality for viewers who save data; undefined passes Save-Data over. */
  readonly saveDataFactor: number | undefined
}

/** What a request makes of the hints, and what had to be looked at to know it. */
export interface ResolvedHints {
  /** The parameters with numbers in the places of `auto`. */
  readonly parameters: ReadonlyMap<string, string>
  readonly savesData: boolean
  /** Every field that was looked at, whether it was there or not: a cache that compares them finds the right answer. */
  readonly fields: readonly string[]
}

/** What pages and pictures ask browsers for (RFC 8942 section 3.1); Save-Data comes without being asked for. */
export const ACCEPT_CH = 'Sec-CH-DPR, Sec-CH-Width, Sec-CH-Viewport-Width'

/**
 * Puts what the hints say in the places of `w=auto` and `dpr=auto`, rounded to the steps of the settings so that few
 * variants are made and kept. Width (pixels of the picture, which a browser tells of an `<img sizes>`) goes before Viewport-Width
 * (CSS pixels, times the density). The names without `Sec-CH-` are what browsers sent before
 * (https://wicg.github.io/responsive-image-client-hints/).
 */
export function resolveHints(
  parameters: ReadonlyMap<string, string>,
  headers: ImageRequest['headers'],
  settings: HintSettings,
): ResolvedHints {
  const fields: string[] = []
  const look = (name: string): string | undefined => {
    if (!fields.includes(name)) fields.push(name)
    return headers.getJoined(name.toLowerCase())
  }
  const number = (name: string): number | undefined =>
    numberOf(look(`Sec-CH-${name}`)) ?? numberOf(look(name))

  const isPicture = [...parameters.keys()].some((name) => isPictureParameter(name) && name !== 'from')
  const savesData =
    settings.saveDataFactor !== undefined && isPicture && parameters.get('f') !== 'json'
      ? isOn(look('Save-Data'))
      : false
  const isWide = parameters.get('w') === 'auto'
  if (!isWide && parameters.get('dpr') !== 'auto') return { parameters, savesData, fields }

  const given = numberOf(parameters.get('dpr'))
  const density = (): number => given ?? rounded(number('DPR') ?? 1, settings.densities)
  const resolved = new Map(parameters)
  if (!isWide) {
    resolved.set('dpr', String(savesData ? 1 : density()))
    return { parameters: resolved, savesData, fields }
  }
  // The width is in pixels of the picture already; only a height beside it still has to be multiplied.
  const shown = savesData ? 1 : undefined
  const height = Number(parameters.get('h'))
  if (height > 0) resolved.set('h', String(Math.max(1, Math.round(height * (shown ?? density())))))
  resolved.delete('dpr')
  resolved.set('w', String(widthStep()))
  return { parameters: resolved, savesData, fields }

  function widthStep(): number {
    const told = number('Width')
    if (told !== undefined) return step(savesData ? told / density() : told, settings.widths)
    const viewport = number('Viewport-Width')
    if (viewport === undefined) return settings.defaultWidth
    return step(viewport * (shown ?? density()), settings.widths)
  }
}

function rounded(density: number, densities: readonly number[] | undefined): number {
  // Two browsers that differ in a rounding error are not meant to get two pictures.
  return densities === undefined ? tenths(density) : step(tenths(density), densities)
}

/** `Save-Data: on` (https://wicg.github.io/savedata/); what else may stand there is not defined. */
function isOn(text: string | undefined): boolean {
  return text !== undefined && /^\s*on\s*(?:;|$)/i.test(text)
}
