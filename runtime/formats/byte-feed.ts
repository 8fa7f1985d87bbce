/**
 * The bytes a decoder works on: what is left of the last chunk, then the new one, in one array. Grows by doubling, so a record
 * over many chunks is copied a bounded number of times.
 */
import { isUtf8 } from 'node:buffer'
import { viewOf } from '../columnar/copy-bytes.js'
import { RowProblem } from './format.js'

/** Longest record that is read. Longer ones are taken for a file of another kind. */
export const MAX_RECORD_BYTES = 16 * 1024 * 1024

const NEWLINE = 10
const CARRIAGE_RETURN = 13

export class ByteFeed {
  bytes: Uint8Array = new Uint8Array(0)
  /** Of `bytes`. */
  view: DataView = new DataView(new ArrayBuffer(0))
  /** First byte that is not consumed, and the end of the bytes there are. */
  position = 0
  end = 0
  ended = false
  /** True: some bytes here may not be UTF-8, so strings have to be checked one by one. */
  suspect = false
  #owned = false
  #first: boolean
  #fed = 0

  /** `fileStart`: the first byte is the file's first, where a byte order mark may stand. */
  constructor(fileStart = true) {
    this.#first = fileStart
  }

  /** Bytes that were fed and lie before `position`. */
  get consumed(): number {
    return this.#fed - (this.end - this.position)
  }

  feed(chunk: Uint8Array): void {
    this.#fed += chunk.length
    const rest = this.end - this.position
    if (rest === 0) {
      // A plain Uint8Array also of a Buffer: loops over one kind of array are faster.
      this.bytes = new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length)
      this.position = 0
      this.end = chunk.length
      this.#owned = false
    } else {
      if (!this.#owned || this.end + chunk.length > this.bytes.length) {
        const room = new Uint8Array(Math.max(rest + chunk.length, rest * 2))
        room.set(this.bytes.subarray(this.position, this.end))
        this.bytes = room
        this.position = 0
        this.end = rest
        this.#owned = true
      }
      this.bytes.set(chunk, this.end)
      this.end += chunk.length
    }
    this.view = viewOf(this.bytes)
    if (this.#first && this.end >= 3) this.#skipByteOrderMark()
    // Whole lines are whole characters; the rest is checked with the next chunk.
    const lines = this.end - chunk.length + Math.max(chunk.lastIndexOf(NEWLINE), chunk.lastIndexOf(CARRIAGE_RETURN)) + 1
    this.suspect = lines > this.position && !isUtf8(this.bytes.subarray(this.position, lines))
  }

  finish(): void {
    this.ended = true
    if (this.#first) this.#skipByteOrderMark()
    this.suspect = !isUtf8(this.bytes.subarray(this.position, this.end))
  }

  /** Called when no record ends in the bytes there are. @throws RowProblem when that is too much. */
  checkSize(line: number): void {
    if (this.end - this.position > MAX_RECORD_BYTES) {
      throw new RowProblem(`the row is longer than ${MAX_RECORD_BYTES / 1024 / 1024} MiB`, {
        line,
        column: 1,
        text: new TextDecoder().decode(this.bytes.subarray(this.position, this.position + 100)),
      })
    }
  }

  #skipByteOrderMark(): void {
    this.#first = false
    const { bytes, position } = this
    if (this.end - position >= 3 && bytes[position] === 0xef && bytes[position + 1] === 0xbb && bytes[position + 2] === 0xbf)
      this.position += 3
  }
}
