/** Sets the eighth bit so that the number of ones is even. */
export function parityEven7bit(text: string): string {
  return withParity(text, 0)
}

/** Sets the eighth bit so that the number of ones is odd. */
export function parityOdd7bit(text: string): string {
  return withParity(text, 1)
}

/** Clears the eighth bit. */
export function parityZero7bit(text: string): string {
  let out = ''
  for (let i = 0; i < text.length; i++) out += String.fromCharCode(text.charCodeAt(i) & 0x7f)
  return out
}

function withParity(text: string, wanted: number): string {
  let out = ''
  for (let i = 0; i < text.length; i++) {
    const low = text.charCodeAt(i) & 0x7f
    let ones = 0
    for (let bits = low; bits > 0; bits >>= 1) ones += bits & 1
    out += String.fromCharCode(ones % 2 === wanted ? low : low | 0x80)
  }
  return out
}
