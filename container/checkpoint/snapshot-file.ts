/**
 * The file of one subtask and checkpoint while it is written: pieces go in without waiting, the file system takes them at its pace. Less
 * than the threshold in all becomes no file, the bytes lie in the handles.
 *
 *   write ─▶ pieces in memory ─ over the threshold ─▶ <name>.tmp ─ finish ─▶ <name>
 */
import type { StateBytes } from '#core/checkpoint/state-handles.js'
import type { LocalCopy } from './local-state.js'
import type { FileWriter } from '#core/fs/file-system.js'
import type { FileSystems } from '#core/fs/file-systems.js'

/** Bytes that may wait for the file system before the snapshot is read on. */
const MAX_WAITING_BYTES = 8 * 1024 * 1024
/** Small pieces are written together. */
const WRITE_BYTES = 256 * 1024
/** Handles go through the master: whatever the threshold says, larger ones become files. */
const MAX_INLINE_BYTES = 1024 * 1024

/** A range of what was written. */
export interface WrittenRange {
  readonly offset: number
  readonly length: number
  readonly checksum: number
}

export interface SnapshotFileOptions {
  readonly fileSystems: FileSystems
  /** Full URI. */
  readonly directory: string
  readonly name: string
  /** Handles name the file relative to the directory of `_metadata` (which is `directory`), not by its full URI. */
  readonly relative: boolean
  /** execution.checkpointing.data-inline-threshold, bytes. */
  readonly inlineThreshold: number
  /** A copy on the worker's own disk. */
  readonly copy?: LocalCopy | undefined
  /** There is room again. */
  onRoom(): void
}

export class SnapshotFile {
  readonly #options: SnapshotFileOptions
  readonly #path: string
  #pieces: Uint8Array<ArrayBuffer>[] = []
  #waiting = 0
  #length = 0
  #writing: Promise<void> | undefined
  #writer: FileWriter | undefined
  #stored = false
  #failure: { readonly error: unknown } | undefined
  #abandoned = false

  constructor(options: SnapshotFileOptions) {
    this.#options = options
    this.#path = `${options.directory}/${options.name}`
  }

  /** Bytes so far. */
  get length(): number {
    return this.#length
  }

  /** False: read no more of the snapshot; `onRoom` tells. */
  get hasRoom(): boolean {
    return this.#waiting < MAX_WAITING_BYTES
  }

  write(piece: Uint8Array<ArrayBuffer>): void {
    this.#pieces.push(piece)
    this.#length += piece.length
    this.#waiting += piece.length
    if (!this.#inline && this.#waiting >= WRITE_BYTES) this.#pump()
  }

  /** Resolves when everything is durable, with how handles name what lies there. @throws what the file system throws */
  async finish(): Promise<(range: WrittenRange) => StateBytes> {
    if (this.#inline) {
      const whole = Buffer.concat(this.#pieces)
      return ({ offset, length, checksum }) => ({
        kind: 'inline',
        base64: whole.toString('base64', offset, offset + length),
        length,
        checksum,
      })
    }
    do {
      this.#pump()
      await this.#writing
    } while (this.#pieces.length > 0 && this.#failure === undefined)
    if (this.#failure !== undefined) throw this.#failure.error
    await this.#writer?.close()
    await this.#options.fileSystems.of(this.#path).rename(this.#temporary, this.#path)
    this.#stored = true
    await this.#options.copy?.finish()
    if (this.#abandoned) await this.abort()
    const path = this.#options.relative ? this.#options.name : this.#path
    return ({ offset, length, checksum }) => ({ kind: 'file', path, offset, length, checksum })
  }

  /** The checkpoint is not to be: nothing stays behind. Never throws; says whether it could be removed. */
  async abort(): Promise<boolean> {
    this.#abandoned = true
    this.#pieces = []
    this.#waiting = 0
    await this.#options.copy?.abort()
    try {
      while (this.#writing !== undefined) await this.#writing
      const fileSystem = this.#options.fileSystems.of(this.#path)
      if (this.#stored) await fileSystem.delete(this.#path)
      else if (this.#writer !== undefined) {
        await this.#writer.abort()
        await fileSystem.delete(this.#temporary)
      }
      return true
    } catch {
      return false
    }
  }

  get #inline(): boolean {
    if (this.#writer !== undefined || this.#writing !== undefined) return false
    return this.#length === 0 || this.#length < Math.min(this.#options.inlineThreshold, MAX_INLINE_BYTES)
  }

  get #temporary(): string {
    return `${this.#path}.tmp`
  }

  #pump(): void {
    if (this.#writing !== undefined || this.#failure !== undefined) return
    this.#writing = this.#writeAll()
      .catch((error: unknown) => (this.#failure = { error }))
      .then(() => {
        this.#writing = undefined
        this.#options.onRoom()
      })
  }

  async #writeAll(): Promise<void> {
    this.#writer ??= await this.#options.fileSystems.of(this.#path).create(this.#temporary, { overwrite: true })
    while (this.#pieces.length > 0) {
      let bytes = 0
      let count = 0
      while (count < this.#pieces.length && bytes < WRITE_BYTES) bytes += (this.#pieces[count++] as Uint8Array).length
      const pieces = this.#pieces.splice(0, count)
      const piece = pieces.length === 1 ? (pieces[0] as Uint8Array) : Buffer.concat(pieces, bytes)
      await this.#writer.write(piece)
      await this.#options.copy?.write(piece)
      const wasFull = !this.hasRoom
      this.#waiting = Math.max(0, this.#waiting - bytes)
      if (wasFull && this.hasRoom) this.#options.onRoom()
    }
  }
}
