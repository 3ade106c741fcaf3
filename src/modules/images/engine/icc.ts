/** A colour space that layers can be brought to: sharp has profiles of these, and of no others for RGB. */
export type KnownSpace = 'srgb' | 'p3'

const HEADER_BYTES = 128
const MAX_TAGS = 100
/** Fractions of 65536 (s15Fixed16Number, ICC.1:2022 section 4.6); profiles of one space differ in the last digits. */
const TOLERANCE = 0.002

/** Red, green and blue in the connection space, adapted to D50: IEC 61966-2-1, and SMPTE EG 432-1 with its white point D65. */
const PRIMARIES: Readonly<Record<KnownSpace, readonly (readonly number[])[]>> = {
  srgb: [
    [0.4361, 0.2225, 0.0139],
    [0.3851, 0.7169, 0.0971],
    [0.1431, 0.0606, 0.7141],
  ],
  p3: [
    [0.5151, 0.2412, -0.0011],
    [0.292, 0.6922, 0.0419],
    [0.1571, 0.0666, 0.7841],
  ],
}

/** Whether a profile is of red, green and blue (ICC.1:2022 section 7.2.6): others do not fit the pixels of results. */
export function isRgbProfile(profile: Buffer): boolean {
  return profile.length > HEADER_BYTES + 4 && profile.toString('latin1', 16, 20) === 'RGB '
}

/** sRGB or Display P3 by the primaries and the curve of a profile; undefined for every other space. */
export function spaceOf(profile: Buffer): KnownSpace | undefined {
  if (!isRgbProfile(profile)) return undefined
  const tags = tagsOf(profile)
  const colours = ['rXYZ', 'gXYZ', 'bXYZ'].map((name) => xyz(profile, tags.get(name)))
  if (!hasUsualCurve(profile, tags.get('rTRC'))) return undefined
  const spaces = Object.keys(PRIMARIES) as KnownSpace[]
  return spaces.find((space) =>
    PRIMARIES[space].every((primary, index) =>
      primary.every((part, axis) => Math.abs(part - (colours[index]?.[axis] ?? Infinity)) <= TOLERANCE),
    ),
  )
}

/** Where the data of each tag begins (ICC.1:2022 section 7.3); what points out of the profile is left out. */
function tagsOf(profile: Buffer): ReadonlyMap<string, number> {
  const tags = new Map<string, number>()
  const count = Math.min(profile.readUInt32BE(HEADER_BYTES), MAX_TAGS)
  for (let at = HEADER_BYTES + 4; at + 12 <= profile.length && tags.size < count; at += 12) {
    const offset = profile.readUInt32BE(at + 4)
    if (offset + 20 > profile.length) break
    tags.set(profile.toString('latin1', at, at + 4), offset)
  }
  return tags
}

function xyz(profile: Buffer, at: number | undefined): readonly number[] | undefined {
  if (at === undefined || profile.toString('latin1', at, at + 4) !== 'XYZ ') return undefined
  return [8, 12, 16].map((offset) => profile.readInt32BE(at + offset) / 65_536)
}

/** The curve of sRGB as a formula, as a table, or as the power of 2.2 that stands for it; not the straight line of raw pixels. */
function hasUsualCurve(profile: Buffer, at: number | undefined): boolean {
  if (at === undefined) return false
  const kind = profile.toString('latin1', at, at + 4)
  if (kind === 'para') {
    const gamma = profile.readInt32BE(at + 12) / 65_536
    return gamma > 2.1 && gamma < 2.5
  }
  if (kind !== 'curv') return false
  const points = profile.readUInt32BE(at + 8)
  if (points !== 1) return points > 1
  const gamma = profile.readUInt16BE(at + 12) / 256
  return gamma > 2.1 && gamma < 2.3
}
