/**
 * Parts of segments that were read and checked before anybody asks for them, in a file on the local disk that no name leads to. Only a
 * shortcut: what is not here, or is not as it was, is read where it came from.
 */
import type { StateBytes } from '#core/checkpoint/state-handles.js'
import { SpillFile } from '../state/spill-file.js'

type FileBytes = Extract<StateBytes, { kind: 'file' }>

export class SegmentCopies {
  readonly #directory: string
  readonly #mostBytes: number
  #file: SpillFile | undefined
  /** Where parts lie in the file, by place and length. */
  readonly #parts = new Map<string, number>()
  #bytes = 0
  #closed = false

  constructor(directory: string, mostBytes: number) {
    this.#directory = directory
    this.#mostBytes = mostBytes
  }

  /** Bytes that are here. */
  get bytes(): number {
    return this.#bytes
  }

  /** No more can be put. */
  get full(): boolean {
    return this.#closed || this.#bytes >= this.#mostBytes
  }

  has(bytes: FileBytes, offset: number, length: number): boolean {
    return this.#parts.has(keyOf(bytes, offset, length))
  }

  /** `length` bytes from `offset` of the handle's range; undefined: they are not here. They begin at a multiple of 8 in memory. */
  get(bytes: FileBytes, offset: number, length: number): Uint8Array<ArrayBuffer> | undefined {
    const at = this.#parts.get(keyOf(bytes, offset, length))
    if (at === undefined || this.#file === undefined) return undefined
    const part = new Uint8Array(length)
    try {
      this.#file.read(part, at)
      return part
    } catch {
      return undefined
    }
  }

  /** Unless there is no room for it. @throws STATE_SPILL_FAILED */
  put(bytes: FileBytes, offset: number, part: Uint8Array): void {
    const key = keyOf(bytes, offset, part.length)
    if (this.full || this.#parts.has(key)) return
    this.#file ??= new SpillFile(this.#directory)
    this.#file.write(part, this.#bytes)
    this.#parts.set(key, this.#bytes)
    this.#bytes += part.length
  }

  /** Gives the disk back. */
  close(): void {
    this.#closed = true
    this.#parts.clear()
    this.#file?.close()
    this.#file = undefined
  }
}

function keyOf({ path, offset: start }: FileBytes, offset: number, length: number): string {
  return `${path} ${start + offset} ${length}`
}
