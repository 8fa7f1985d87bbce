/** What state of one thread puts on the local disk. */
import { randomBytes } from 'node:crypto'
import { closeSync, ftruncateSync, mkdirSync, openSync, readSync, unlinkSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { defineError } from '#core/errors/define-error.js'

export const StateSpillFailed = defineError('STATE_SPILL_FAILED', {
  recovery: 'retry-elsewhere',
  message: (d: { directory: string; action: 'written to' | 'read from'; reason: string }) =>
    `State that exceeds the slot's memory could not be ${d.action} ${d.directory}: ${d.reason}. ` +
    'Free the disk, name another directory (io.tmp.dirs), or give the TaskManager more memory (taskmanager.memory.process.size).',
})

/** A file that no name leads to: it is gone when it is closed or collected, or its process ends. */
export class SpillFile {
  readonly #directory: string
  readonly #descriptor: number

  /** @throws STATE_SPILL_FAILED */
  constructor(directory: string) {
    this.#directory = directory
    try {
      mkdirSync(directory, { recursive: true, mode: 0o700 })
      const path = join(directory, `weft-state-${randomBytes(8).toString('hex')}`)
      this.#descriptor = openSync(path, 'wx+', 0o600)
      unlinkSync(path)
    } catch (cause) {
      throw this.#failed('written to', cause)
    }
    OPEN_FILES.register(this, this.#descriptor, this)
  }

  /** @throws STATE_SPILL_FAILED */
  write(bytes: Uint8Array, position: number): void {
    try {
      for (let at = 0; at < bytes.length;) at += writeSync(this.#descriptor, bytes, at, bytes.length - at, position + at)
    } catch (cause) {
      throw this.#failed('written to', cause)
    }
  }

  /** @throws STATE_SPILL_FAILED */
  read(bytes: Uint8Array, position: number): void {
    try {
      for (let at = 0; at < bytes.length;) {
        const read = readSync(this.#descriptor, bytes, at, bytes.length - at, position + at)
        if (read === 0) throw new Error('the file ends too early')
        at += read
      }
    } catch (cause) {
      throw this.#failed('read from', cause)
    }
  }

  /** Nothing of it is needed any more: its room on disk is free. */
  empty(): void {
    ftruncateSync(this.#descriptor)
  }

  close(): void {
    OPEN_FILES.unregister(this)
    closeSync(this.#descriptor)
  }

  #failed(action: 'written to' | 'read from', cause: unknown): Error {
    const reason = cause instanceof Error ? cause.message : String(cause)
    return new StateSpillFailed({ directory: this.#directory, action, reason }, { cause })
  }
}

const OPEN_FILES = new FinalizationRegistry<number>((descriptor) => closeSync(descriptor))

/** Bytes that a part takes of the file at once. What is not written of them takes no room on disk. */
const CHUNK_BYTES = 1024 * 1024

/** Parts of one file, however many operators there are: descriptors are scarcer than room. */
export class SpillFiles {
  readonly #directory: string
  #file: SpillFile | undefined
  #chunks = 0
  #free: number[] = []
  /** State of a task that has ended is simply forgotten: the collector gives its chunks back. */
  readonly #forgotten = new FinalizationRegistry<number[]>((chunks) => this.#giveBack(chunks))

  constructor(directory: string) {
    this.#directory = directory
  }

  /** @throws STATE_SPILL_FAILED */
  create(): SpillPart {
    const file = (this.#file ??= new SpillFile(this.#directory))
    const chunks: number[] = []
    const part = new SpillPart(
      file,
      chunks,
      () => this.#free.pop() ?? this.#chunks++,
      () => {
        this.#forgotten.unregister(part)
        this.#giveBack(chunks)
      },
    )
    this.#forgotten.register(part, chunks, part)
    return part
  }

  #giveBack(chunks: number[]): void {
    this.#free.push(...chunks)
    chunks.length = 0
    if (this.#chunks === 0 || this.#free.length < this.#chunks) return
    this.#file?.empty()
    this.#chunks = 0
    this.#free = []
  }
}

/** As a file of its own. */
export class SpillPart {
  readonly #file: SpillFile
  /** Where each CHUNK_BYTES of it lie in the file, in chunks. */
  readonly #chunks: number[]
  readonly #take: () => number
  readonly #end: () => void

  constructor(file: SpillFile, chunks: number[], take: () => number, end: () => void) {
    this.#file = file
    this.#chunks = chunks
    this.#take = take
    this.#end = end
  }

  /** @throws STATE_SPILL_FAILED */
  write(bytes: Uint8Array, position: number): void {
    while (this.#chunks.length * CHUNK_BYTES < position + bytes.length) this.#chunks.push(this.#take())
    this.#pieces(bytes, position, (piece, at) => this.#file.write(piece, at))
  }

  /** What was written there. @throws STATE_SPILL_FAILED */
  read(bytes: Uint8Array, position: number): void {
    this.#pieces(bytes, position, (piece, at) => this.#file.read(piece, at))
  }

  close(): void {
    this.#end()
  }

  #pieces(bytes: Uint8Array, position: number, move: (piece: Uint8Array, at: number) => void): void {
    for (let done = 0; done < bytes.length;) {
      const inChunk = (position + done) % CHUNK_BYTES
      const chunk = this.#chunks[Math.floor((position + done) / CHUNK_BYTES)] as number
      const length = Math.min(bytes.length - done, CHUNK_BYTES - inChunk)
      move(bytes.subarray(done, done + length), chunk * CHUNK_BYTES + inChunk)
      done += length
    }
  }
}
