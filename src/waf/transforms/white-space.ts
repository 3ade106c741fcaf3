/** Space, tab, line feed, vertical tab, form feed, carriage return. */
export function isWhiteSpace(code: number): boolean {
  return code === 0x20 || (code >= 0x09 && code <= 0x0d)
}

/** The same and the no-break space of latin1. */
export function isWhiteSpaceOrNbsp(code: number): boolean {
  return isWhiteSpace(code) || code === 0xa0
}
