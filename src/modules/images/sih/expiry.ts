import { ImageError } from '../image-error.ts'

const FORMAT = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/

/** Seconds until `expires=YYYYMMDDTHHmmssZ`, or undefined without one. Throws when it is past or malformed. */
export function secondsLeft(expires: string | undefined, nowMs: number): number | undefined {
  if (expires === undefined) return undefined
  const parts = FORMAT.exec(expires)?.slice(1).map(Number)
  const at = parts === undefined ? Number.NaN : timeOf(parts)
  if (Number.isNaN(at))
    throw new ImageError(
      400,
      'ImageRequestExpiryFormat',
      'The query parameter expires must have the form YYYYMMDDTHHmmssZ.',
    )
  if (at <= nowMs) throw new ImageError(400, 'ImageRequestExpired', 'The request has expired.')
  return Math.floor((at - nowMs) / 1000)
}

/** NaN for a date that the calendar does not have. */
function timeOf([year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0]: readonly number[]): number {
  const at = new Date(Date.UTC(year, month - 1, day, hour, minute, second))
  const isReal =
    at.getUTCMonth() === month - 1 && at.getUTCDate() === day && hour < 24 && minute < 60 && second < 60
  return isReal ? at.getTime() : Number.NaN
}
