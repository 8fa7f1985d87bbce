/**
 * Scanners over JSON text in bytes (RFC 8259; as Flink configures Jackson, control characters are allowed in strings). Each
 * takes the position of the value's first byte and returns the position behind its last, or -1 when it is not such a value.
 */

export const QUOTE = 34
export const BACKSLASH = 92
export const NEWLINE = 10

/** What a field's value is. */
export const MISSING = 0
export const NULL_VALUE = 1
export const TRUE = 2
export const FALSE = 3
export const INTEGER = 4
/** A number with fraction or exponent. */
export const FRACTION = 5
/** Text between the quotes stands for itself. */
export const PLAIN_STRING = 6
export const ESCAPED_STRING = 7
/** An object or array. */
export const CONTAINER = 8

/** Kind of the value that the last successful scanValue found. */
export let scannedKind = MISSING

/** Says that the value just passed was an object or array. */
export function markContainer(): void {
  scannedKind = CONTAINER
}

function digitsEnd(bytes: Uint8Array, at: number, end: number): number {
  while (at < end) {
    const byte = bytes[at] as number
    if (byte < 48 || byte > 57) break
    at++
  }
  return at
}

function scanNumber(bytes: Uint8Array, start: number, end: number): number {
  let at = start
  if (bytes[at] === 45) at++
  const from = at
  at = digitsEnd(bytes, at, end)
  if (at === from || (at > from + 1 && bytes[from] === 48)) return -1
  scannedKind = INTEGER
  if (at < end && bytes[at] === 46) {
    const fraction = at + 1
    at = digitsEnd(bytes, fraction, end)
    if (at === fraction) return -1
    scannedKind = FRACTION
  }
  if (at < end && ((bytes[at] as number) | 32) === 101) {
    at++
    if (at < end && (bytes[at] === 43 || bytes[at] === 45)) at++
    const exponent = at
    at = digitsEnd(bytes, exponent, end)
    if (at === exponent) return -1
    scannedKind = FRACTION
  }
  return at
}

/** 1: a byte that ends or interrupts the plain text of a string. */
const STOPS = new Uint8Array(256)
STOPS[QUOTE] = STOPS[BACKSLASH] = STOPS[NEWLINE] = 1

/** Position behind the closing quote; `at` is the opening one. A newline ends the search: rows are lines. */
export function scanString(bytes: Uint8Array, start: number, end: number): number {
  let at = start + 1
  scannedKind = PLAIN_STRING
  for (;;) {
    while (at < end && STOPS[bytes[at] as number] === 0) at++
    if (at >= end) return -1
    const byte = bytes[at] as number
    if (byte === QUOTE) return at + 1
    if (byte === BACKSLASH) {
      scannedKind = ESCAPED_STRING
      if (at + 1 >= end) return -1
      const escape = bytes[at + 1] as number
      if (escape === 117) {
        if (at + 6 > end) return -1
        for (let i = at + 2; i < at + 6; i++) if (hexDigit(bytes[i] as number) < 0) return -1
        at += 6
        continue
      }
      if (!isSimpleEscape(escape)) return -1
      at += 2
      continue
    }
    return -1
  }
}

/**
 * Position of the first byte from `at` on that is a quote, a backslash or a newline, or `end`; `view` is of `bytes`. Four bytes at a time:
 * x - 0x01010101 & ~x has the high bit of each byte of x that is 0 (and, behind one, perhaps of others: the bytes are looked at once more).
 */
export function plainEnd(bytes: Uint8Array, view: DataView, from: number, end: number): number {
  let at = from
  for (; at + 4 <= end; at += 4) {
    const word = view.getInt32(at, true)
    const quote = word ^ 0x22222222
    const backslash = word ^ 0x5c5c5c5c
    const newline = word ^ 0x0a0a0a0a
    const zeros = ((quote - 0x01010101) & ~quote) | ((backslash - 0x01010101) & ~backslash) | ((newline - 0x01010101) & ~newline)
    if ((zeros & 0x80808080) !== 0) break
  }
  while (at < end && STOPS[bytes[at] as number] === 0) at++
  return at
}

function isSimpleEscape(byte: number): boolean {
  // " \ / b f n r t
  return byte === 34 || byte === 92 || byte === 47 || byte === 98 || byte === 102 || byte === 110 || byte === 114 || byte === 116
}

export function hexDigit(byte: number): number {
  if (byte >= 48 && byte <= 57) return byte - 48
  const letter = byte | 32
  return letter >= 97 && letter <= 102 ? letter - 87 : -1
}

function scanWord(bytes: Uint8Array, start: number, end: number, word: string): number {
  if (start + word.length > end) return -1
  for (let i = 0; i < word.length; i++) if (bytes[start + i] !== word.charCodeAt(i)) return -1
  return start + word.length
}

/** A string, number, true, false or null. Sets scannedKind. */
export function scanScalar(bytes: Uint8Array, start: number, end: number): number {
  const byte = bytes[start] as number
  if (byte === QUOTE) return scanString(bytes, start, end)
  if (byte === 45 || (byte >= 48 && byte <= 57)) return scanNumber(bytes, start, end)
  let at = -1
  if (byte === 116) {
    at = scanWord(bytes, start, end, 'true')
    scannedKind = TRUE
  } else if (byte === 102) {
    at = scanWord(bytes, start, end, 'false')
    scannedKind = FALSE
  } else if (byte === 110) {
    at = scanWord(bytes, start, end, 'null')
    scannedKind = NULL_VALUE
  }
  return at
}

/** Blank, tab and carriage return; rows are lines, so not a newline. */
export function skipBlanks(bytes: Uint8Array, start: number, end: number): number {
  let at = start
  while (at < end) {
    const byte = bytes[at]
    if (byte !== 32 && byte !== 9 && byte !== 13) break
    at++
  }
  return at
}
