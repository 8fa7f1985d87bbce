/** Strings with escapes to UTF-8. */
import { hexDigit, BACKSLASH } from './scan.js'

const REPLACEMENT = 0xfffd

/** Escaped text, resolved: bytes[0, length) of the scratch. Never longer than the text itself. */
export class Unescaper {
  bytes = new Uint8Array(1024)
  length = 0

  /** Resolves the checked text in source[start, end), quotes not included. A half of a surrogate pair becomes U+FFFD. */
  resolve(source: Uint8Array, start: number, end: number): void {
    if (this.bytes.length < end - start) this.bytes = new Uint8Array((end - start) * 2)
    const out = this.bytes
    let length = 0
    for (let at = start; at < end;) {
      const byte = source[at] as number
      if (byte !== BACKSLASH) {
        out[length++] = byte
        at++
        continue
      }
      const escape = source[at + 1] as number
      if (escape !== 117) {
        out[length++] = SIMPLE[escape] ?? escape
        at += 2
        continue
      }
      let code = unit(source, at + 2)
      at += 6
      if (code >= 0xd800 && code <= 0xdfff) {
        const low = code < 0xdc00 && at + 6 <= end && source[at] === BACKSLASH && source[at + 1] === 117 ? unit(source, at + 2) : 0
        if (low >= 0xdc00 && low <= 0xdfff) {
          code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00)
          at += 6
        } else code = REPLACEMENT
      }
      if (code < 0x80) out[length++] = code
      else if (code < 0x800) {
        out[length++] = 0xc0 | (code >> 6)
        out[length++] = 0x80 | (code & 0x3f)
      } else {
        if (code < 0x10000) out[length++] = 0xe0 | (code >> 12)
        else {
          out[length++] = 0xf0 | (code >> 18)
          out[length++] = 0x80 | ((code >> 12) & 0x3f)
        }
        out[length++] = 0x80 | ((code >> 6) & 0x3f)
        out[length++] = 0x80 | (code & 0x3f)
      }
    }
    this.length = length
  }
}

const SIMPLE: Readonly<Record<number, number>> = { 98: 8, 102: 12, 110: 10, 114: 13, 116: 9 }

function unit(source: Uint8Array, at: number): number {
  let code = 0
  for (let i = at; i < at + 4; i++) code = code * 16 + hexDigit(source[i] as number)
  return code
}
