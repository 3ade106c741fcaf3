const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
const DAYS = '(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)'
const LONG_DAYS = '(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day'
const TIME = String.raw`(\d\d):(\d\d):(\d\d)`
const IMF = new RegExp(String.raw`^${DAYS}, (\d\d) (\w{3}) (\d{4}) ${TIME} GMT$`)
const RFC_850 = new RegExp(String.raw`^${LONG_DAYS}, (\d\d)-(\w{3})-(\d\d) ${TIME} GMT$`)
const ASCTIME = new RegExp(String.raw`^${DAYS} (\w{3}) ([ \d]\d) ${TIME} (\d{4})$`)

/**
 * Parses an HTTP date in any of its three forms (RFC 9110 section 5.6.7) to milliseconds since the epoch; undefined
 * where it is none. Two-digit years more than 50 years ahead of `nowMs` lie in the past.
 */
export function parseHttpDate(text: string, nowMs: number): number | undefined {
  let match = IMF.exec(text)
  if (match !== null) return moment(match[3]!, match[2]!, match[1]!, match[4]!, match[5]!, match[6]!)
  match = ASCTIME.exec(text)
  if (match !== null) return moment(match[6]!, match[1]!, match[2]!, match[3]!, match[4]!, match[5]!)
  match = RFC_850.exec(text)
  if (match === null) return undefined
  const thisYear = new Date(nowMs).getUTCFullYear()
  let year = Math.floor(thisYear / 100) * 100 + Number(match[3])
  if (year > thisYear + 50) year -= 100
  return moment(String(year), match[2]!, match[1]!, match[4]!, match[5]!, match[6]!)
}

/** An IMF-fixdate: `Tue, 24 Nov 2026 12:00:00 GMT`. */
export function formatHttpDate(ms: number): string {
  return new Date(ms).toUTCString()
}

function moment(
  year: string,
  month: string,
  day: string,
  hour: string,
  minute: string,
  second: string,
): number | undefined {
  const index = MONTHS.indexOf(month)
  const dayOfMonth = Number(day)
  if (
    index === -1 ||
    dayOfMonth < 1 ||
    dayOfMonth > 31 ||
    Number(hour) > 23 ||
    Number(minute) > 59 ||
    Number(second) > 60
  )
    return undefined
  return Date.UTC(Number(year), index, dayOfMonth, Number(hour), Number(minute), Number(second))
}
