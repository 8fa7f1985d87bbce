/** Small functions that generated code calls through its constants table. They never throw, whatever garbage a NULL row holds. */
import { byteLanes } from '../columnar/lanes.js'
import { locateTexts, textsContaining, worthwhile } from '../columnar/text-kernels.js'
import { decodeUtf8, textBuffer } from '../columnar/value.js'
import type { Utf8Vector } from '../columnar/vector.js'

export function decodeText(bytes: Uint8Array, start: number, length: number): string {
  return decodeUtf8(textBuffer(bytes), start, start + length)
}

export function binaryText(bytes: Uint8Array, start: number, length: number): string {
  return textBuffer(bytes).toString('latin1', start, start + length)
}

export function startsWithBytes(bytes: Uint8Array, start: number, length: number, part: Uint8Array): boolean {
  if (length < part.length) return false
  for (let i = 0; i < part.length; i++) if (bytes[start + i] !== part[i]) return false
  return true
}

export function endsWithBytes(bytes: Uint8Array, start: number, length: number, part: Uint8Array): boolean {
  return length >= part.length && startsWithBytes(bytes, start + length - part.length, part.length, part)
}

export function containsBytes(bytes: Uint8Array, start: number, length: number, part: Uint8Array): boolean {
  const last = start + length - part.length
  for (let at = start; at <= last; at++) {
    let i = 0
    while (i < part.length && bytes[at + i] === part[i]) i++
    if (i === part.length) return true
  }
  return false
}

/** By row: 1 where the text holds `part`, which is not empty. */
export function rowsContaining(vector: Utf8Vector, selection: Int32Array | undefined, rows: number, part: Uint8Array): Uint8Array {
  const found = byteLanes(rows)
  const texts = locateTexts({ vector, positions: selection, length: rows }, 0)
  if (worthwhile(texts, rows, 4, 16)) textsContaining(vector.bytes, texts, rows, part, found)
  else
    for (let r = 0; r < rows; r++)
      found[r] = containsBytes(vector.bytes, texts.offsets[r] as number, texts.lengths[r] as number, part) ? 1 : 0
  return found
}

export function readDecimal(lanes: BigInt64Array, position: number): bigint {
  return ((lanes[2 * position + 1] as bigint) << 64n) | BigInt.asUintN(64, lanes[2 * position] as bigint)
}

export function writeDecimal(lanes: BigInt64Array, position: number, unscaled: bigint): void {
  lanes[2 * position] = BigInt.asIntN(64, unscaled)
  lanes[2 * position + 1] = BigInt.asIntN(64, unscaled >> 64n)
}
