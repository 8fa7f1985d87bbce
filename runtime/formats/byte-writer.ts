/** A growing buffer that encoders write into. Text goes in as UTF-8. */
import { copyBytes, viewOf } from '../columnar/copy-bytes.js'

const encoder = new TextEncoder()

export class ByteWriter {
  bytes: Uint8Array
  #view: DataView
  length = 0

  constructor(capacity = 64 * 1024) {
    this.bytes = new Uint8Array(capacity)
    this.#view = viewOf(this.bytes)
  }

  /** Makes sure that `count` more bytes fit. */
  reserve(count: number): void {
    if (this.length + count <= this.bytes.length) return
    const bigger = new Uint8Array(Math.max(this.length + count, this.bytes.length * 2))
    bigger.set(this.bytes.subarray(0, this.length))
    this.bytes = bigger
    this.#view = viewOf(bigger)
  }

  byte(value: number): void {
    if (this.length >= this.bytes.length) this.reserve(1)
    this.bytes[this.length++] = value
  }

  slice(source: Uint8Array, start = 0, end = source.length): void {
    const count = end - start
    this.reserve(count)
    copyBytes(source, start, end, this.bytes, this.#view, this.length)
    this.length += count
  }

  text(value: string): void {
    this.reserve(value.length * 3)
    if (value.length <= 32) {
      let at = this.length
      let i = 0
      for (; i < value.length; i++) {
        const code = value.charCodeAt(i)
        if (code > 127) break
        this.bytes[at++] = code
      }
      if (i === value.length) {
        this.length = at
        return
      }
    }
    this.length += encoder.encodeInto(value, this.bytes.subarray(this.length)).written
  }

  /** What was written since the last take, as bytes of their own. */
  take(): Uint8Array {
    const taken = this.bytes.slice(0, this.length)
    this.length = 0
    return taken
  }
}
