/** A text column written at any position, each position at most once; positions that are not written are empty. */
import type { LogicalType } from '#core/types/logical-type.js'
import { copyBytes, viewOf } from '../columnar/copy-bytes.js'
import type { Utf8Vector } from '../columnar/vector.js'

const encoder = new TextEncoder()
const SHORT_TEXT = 32

export class TextWriter {
  readonly #offsets: Int32Array
  readonly #lengths: Int32Array
  #bytes: Uint8Array
  #view: DataView
  #end = 0

  constructor(positions: number) {
    this.#offsets = new Int32Array(positions)
    this.#lengths = new Int32Array(positions)
    this.#bytes = new Uint8Array(Math.max(64, positions * 16))
    this.#view = viewOf(this.#bytes)
  }

  put(position: number, text: string): void {
    const start = this.#end
    this.#reserve(text.length * 3)
    const bytes = this.#bytes
    let written = 0
    if (text.length <= SHORT_TEXT) {
      for (; written < text.length; written++) {
        const unit = text.charCodeAt(written)
        if (unit > 127) break
        bytes[start + written] = unit
      }
    }
    if (written < text.length) written = encoder.encodeInto(text, bytes.subarray(start)).written
    this.#offsets[position] = start
    this.#lengths[position] = written
    this.#end = start + written
  }

  /** A binary string. */
  putBinary(position: number, value: string): void {
    const bytes = Buffer.from(value, 'latin1')
    this.putBytes(position, bytes, 0, bytes.length)
  }

  putBytes(position: number, source: Uint8Array, from: number, length: number): void {
    const start = this.#end
    this.#reserve(length)
    const bytes = this.#bytes
    copyBytes(source, from, from + length, bytes, this.#view, start)
    this.#offsets[position] = start
    this.#lengths[position] = length
    this.#end = start + length
  }

  #reserve(length: number): void {
    const needed = this.#end + length
    if (needed <= this.#bytes.length) return
    const bigger = new Uint8Array(Math.max(needed, this.#bytes.length * 2))
    bigger.set(this.#bytes.subarray(0, this.#end))
    this.#bytes = bigger
    this.#view = viewOf(bigger)
  }

  finish(type: LogicalType, nulls: Uint8Array | undefined): Utf8Vector {
    return { kind: 'utf8', type, nulls, offsets: this.#offsets, lengths: this.#lengths, bytes: this.#bytes.subarray(0, this.#end) }
  }
}
