/** A part of a text that a detector found, in characters. */
export interface Span {
  readonly start: number
  readonly end: number
}

/** Looks for one kind of sensitive text. */
export interface Detector {
  readonly name: string
  find(text: string): Span[]
}

/** What can be looked for by name. */
export const DETECTORS = [
  'card',
  'email',
  'phone',
  'iban',
  'us-ssn',
  'uk-nino',
  'es-dni',
  'fr-nir',
  'nl-bsn',
  'pl-pesel',
] as const
export type DetectorName = (typeof DETECTORS)[number]

/** Texts longer than this are looked at in pieces that overlap, so that no expression runs over megabytes at once. */
const NOT_IN_WORD = '(?<![A-Za-z0-9_])'
const NOT_BEFORE_WORD = '(?![A-Za-z0-9_])'

/**
 * 13 to 19 digits in groups, with the prefix of a network and a valid check digit (ISO/IEC 7812-1, Luhn).
 */
const card = matching('card', `${NOT_IN_WORD}[2-6]\\d(?:[ -]?\\d){11,17}${NOT_BEFORE_WORD}`, (text) => {
  const digits = digitsOf(text)
  return digits.length >= 13 && digits.length <= 19 && hasLuhn(digits)
})

/** The local part and domain of RFC 5321 addresses as people have them; no quoted local parts, no address literals. */
const email = matching(
  'email',
  "(?<![A-Za-z0-9.!#$%&'*+/=?^_`{|}~-])[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]{1,64}(?:\\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]{1,64}){0,8}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\\.){1,8}[A-Za-z]{2,63}(?![A-Za-z0-9-])",
  () => true,
)

/** E.164 numbers with their plus sign and 8 to 15 digits, in any grouping. */
const phone = matching('phone', `(?<![\\w+])\\+[1-9](?:[ ().-]{0,2}\\d){7,14}${NOT_BEFORE_WORD}`, (text) => {
  const { length } = digitsOf(text)
  return length >= 8 && length <= 15
})

/** ISO 13616 with its check digits (ISO 7064, MOD 97-10), in groups of four or without. */
const iban = matching(
  'iban',
  `${NOT_IN_WORD}[A-Z]{2}\\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?${NOT_BEFORE_WORD}`,
  (text) => {
    const plain = text.replaceAll(' ', '')
    if (plain.length < 15 || plain.length > 34) return false
    let rest = 0
    for (const character of plain.slice(4) + plain.slice(0, 4)) {
      const value = Number.parseInt(character, 36)
      rest = (rest * (value > 9 ? 100 : 10) + value) % 97
    }
    return rest === 1
  },
)

/** United States: never 000, 666 or 9xx, no group of zeros (SSA). */
const usSsn = matching(
  'us-ssn',
  `${NOT_IN_WORD}(?!000|666|9)\\d{3}-(?!00)\\d{2}-(?!0000)\\d{4}${NOT_BEFORE_WORD}`,
  () => true,
)

/** United Kingdom: two letters, six digits, a letter from A to D (HMRC, NIM39110). */
const ukNino = matching(
  'uk-nino',
  `${NOT_IN_WORD}(?!BG|GB|KN|NK|NT|TN|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\\d{2} ?\\d{2} ?\\d{2} ?[A-D]${NOT_BEFORE_WORD}`,
  () => true,
)

/** Spain: eight digits, or X, Y, Z and seven, and the letter that the number gives modulo 23. */
const esDni = matching(
  'es-dni',
  `${NOT_IN_WORD}(?:\\d{8}|[XYZ]-?\\d{7})-?[A-HJ-NP-TV-Z]${NOT_BEFORE_WORD}`,
  (text) => {
    const plain = text.replaceAll('-', '')
    const number = Number(plain.slice(0, -1).replace(/^[XYZ]/, (letter) => String('XYZ'.indexOf(letter))))
    return 'TRWAGMYFPDXBNJZSQVHLCKE'[number % 23] === plain.at(-1)
  },
)

/** France: 13 characters and a key of two digits, 97 less the number modulo 97. */
const frNir = matching(
  'fr-nir',
  `${NOT_IN_WORD}[12] ?\\d{2} ?(?:0[1-9]|1[0-2]|[2-9]\\d) ?(?:\\d{2}|2[AB]) ?\\d{3} ?\\d{3} ?\\d{2}${NOT_BEFORE_WORD}`,
  (text) => {
    const plain = text.replaceAll(' ', '')
    const number = BigInt(plain.slice(0, 13).replace('2A', '19').replace('2B', '18'))
    return 97n - (number % 97n) === BigInt(plain.slice(13))
  },
)

/** The Netherlands: nine digits that pass the eleven test. */
const nlBsn = matching('nl-bsn', `${NOT_IN_WORD}\\d{9}${NOT_BEFORE_WORD}`, (text) => {
  let sum = -Number(text[8])
  for (let i = 0; i < 8; i++) sum += Number(text[i]) * (9 - i)
  return sum % 11 === 0 && text !== '000000000'
})

/** Poland: eleven digits with weights 1, 3, 7, 9. */
const plPesel = matching('pl-pesel', `${NOT_IN_WORD}\\d{11}${NOT_BEFORE_WORD}`, (text) => {
  const weights = [1, 3, 7, 9, 1, 3, 7, 9, 1, 3]
  const sum = weights.reduce((total, weight, i) => total + weight * Number(text[i]), 0)
  return (10 - (sum % 10)) % 10 === Number(text[10])
})

export const detectors: Readonly<Record<DetectorName, Detector>> = {
  card,
  email,
  phone,
  iban,
  'us-ssn': usSsn,
  'uk-nino': ukNino,
  'es-dni': esDni,
  'fr-nir': frNir,
  'nl-bsn': nlBsn,
  'pl-pesel': plPesel,
}

/** A detector of an operator's own: whatever the expression matches. It is compiled with `g` and `u`. */
export function patternDetector(name: string, source: string): Detector {
  return matching(name, source, () => true, 'gu')
}

function matching(name: string, source: string, isValid: (text: string) => boolean, flags = 'g'): Detector {
  const pattern = new RegExp(source, flags)
  return {
    name,
    find(text) {
      const found: Span[] = []
      for (const match of text.matchAll(pattern)) {
        if (match[0] !== '' && isValid(match[0]))
          found.push({ start: match.index, end: match.index + match[0].length })
      }
      return found
    },
  }
}

function digitsOf(text: string): string {
  return text.replace(/\D/g, '')
}

function hasLuhn(digits: string): boolean {
  let sum = 0
  for (let i = 0; i < digits.length; i++) {
    let digit = digits.charCodeAt(digits.length - 1 - i) - 48
    if (i % 2 === 1) {
      digit *= 2
      if (digit > 9) digit -= 9
    }
    sum += digit
  }
  return sum % 10 === 0
}
