/**
 * Writes files: rows are encoded as they come and written in blocks, one write after another. At most MAX_UNWRITTEN_BYTES
 * wait; then processBatch holds back its task. Files stay in the staging directory until the job has ended (committer.ts).
 * A subtask without rows makes no file.
 */
import { parseDuration, parseMemorySize } from '#core/config/units.js'
import type { FileSystem, FileWriter } from '#core/fs/file-system.js'
import type { SpecOf } from '#core/graph/operator-spec.js'
import { ROW_KIND_SYMBOLS, RowKind } from '#core/types/row-kind.js'
import type { Batch } from '../../columnar/batch.js'
import type { RowEncoder } from '../../formats/format.js'
import { findFormat } from '../../formats/registry.js'
import type { Operator, OperatorContext } from '../../operators/operator.js'
import { InvalidTable, SinkTakesInsertsOnly } from '../errors.js'
import { formatOptions } from '../format-options.js'
import { partFileName, stagingDirectory, type PartFile } from './part-files.js'

const BLOCK_BYTES = 256 * 1024
const MAX_UNWRITTEN_BYTES = 4 * 1024 * 1024
const DEFAULT_FILE_SIZE = '128 mb'
const DEFAULT_ROLLOVER_INTERVAL = '30 min'

export async function createSink(spec: SpecOf<'sink'>): Promise<FileSink> {
  const name = spec.options['format'] ?? ''
  const format = await findFormat(name)?.load()
  if (format === undefined) throw new InvalidTable({ connector: 'filesystem', problem: `there is no format '${name}'` })
  return new FileSink(spec, format.createEncoder(spec.schema, formatOptions(spec.options, name)))
}

/** The file being written; `bytes` were handed to it, in part still waiting. */
interface OpenFile {
  readonly part: { readonly staged: string; readonly name: string }
  readonly openedAt: number
  bytes: number
  writer: FileWriter | undefined
}

export class FileSink implements Operator {
  readonly #spec: SpecOf<'sink'>
  readonly #encoder: RowEncoder
  readonly #fileSize: number
  readonly #rolloverMillis: number
  #context: OperatorContext | undefined
  #fileSystem: FileSystem | undefined
  #staging = ''
  #file: OpenFile | undefined
  #files = 0
  /** Files whose writer is not closed yet. */
  readonly #open = new Set<OpenFile>()
  readonly #finished: PartFile[] = []
  /** Encoded for #file, not yet handed to it. */
  #block: Uint8Array[] = []
  #blockBytes = 0
  #unwritten = 0
  /** All writes so far, in order. Never rejects: a failure is kept in #failure. */
  #writes: Promise<void> = Promise.resolve()
  #failure: { readonly error: unknown } | undefined

  constructor(spec: SpecOf<'sink'>, encoder: RowEncoder) {
    this.#spec = spec
    this.#encoder = encoder
    this.#fileSize = parseMemorySize(spec.options['sink.rolling-policy.file-size'] ?? DEFAULT_FILE_SIZE) ?? Infinity
    this.#rolloverMillis = parseDuration(spec.options['sink.rolling-policy.rollover-interval'] ?? DEFAULT_ROLLOVER_INTERVAL) ?? Infinity
  }

  open(context: OperatorContext): void {
    const path = context.fileSystems.resolve(this.#spec.options['path'] ?? '')
    this.#context = context
    this.#fileSystem = context.fileSystems.of(path)
    this.#staging = stagingDirectory(path, context.jobId, context.operatorId)
  }

  /** @throws SINK_TAKES_INSERTS_ONLY, errors of the file system */
  processBatch(batch: Batch): void | Promise<void> {
    this.#check()
    if (batch.length === 0) return
    this.#checkKinds(batch)
    const bytes = this.#encoder.encode(batch)
    const file = (this.#file ??= this.#newFile())
    this.#block.push(bytes)
    this.#blockBytes += bytes.length
    file.bytes += bytes.length
    const full = file.bytes >= this.#fileSize || this.#now() - file.openedAt >= this.#rolloverMillis
    if (full || this.#blockBytes >= BLOCK_BYTES) this.#writeBlock(file)
    if (full) this.#finish(file)
    if (this.#unwritten > MAX_UNWRITTEN_BYTES) return this.#written()
  }

  processWatermark(): void {}

  endInput(): Promise<void> {
    const file = this.#file
    if (file !== undefined) {
      this.#writeBlock(file)
      this.#finish(file)
    }
    return this.#written()
  }

  async prepareCommit(): Promise<readonly PartFile[]> {
    await this.#written()
    return this.#finished
  }

  /** A failed task's open files are removed; the committer removes the rest. */
  async close(failed: boolean): Promise<void> {
    await this.#writes
    if (failed) for (const file of this.#open) await file.writer?.abort()
  }

  #newFile(): OpenFile {
    if (this.#context === undefined) throw new Error('the sink is not open')
    const { jobId, operatorId, subtaskIndex, attemptNumber, environment } = this.#context
    const name = partFileName(jobId, operatorId, subtaskIndex, this.#files++)
    const file: OpenFile = {
      part: { name, staged: `${name}.${attemptNumber}-${environment.random.bytes(4).toString('hex')}` },
      openedAt: this.#now(),
      bytes: 0,
      writer: undefined,
    }
    this.#open.add(file)
    return file
  }

  #writeBlock(file: OpenFile): void {
    if (this.#blockBytes === 0) return
    const block = this.#block.length === 1 ? (this.#block[0] as Uint8Array) : Buffer.concat(this.#block, this.#blockBytes)
    this.#block = []
    this.#blockBytes = 0
    this.#unwritten += block.length
    this.#inOrder(async () => {
      file.writer ??= await this.#fileSystem?.create(`${this.#staging}/${file.part.staged}`)
      await file.writer?.write(block)
      this.#unwritten -= block.length
    })
  }

  #finish(file: OpenFile): void {
    this.#inOrder(async () => {
      await file.writer?.close()
      this.#open.delete(file)
      this.#finished.push({ ...file.part, length: file.bytes })
    })
    this.#file = undefined
  }

  #inOrder(action: () => Promise<void>): void {
    this.#writes = this.#writes.then(async () => {
      if (this.#failure !== undefined) return
      try {
        await action()
      } catch (error) {
        this.#failure = { error }
      }
    })
  }

  async #written(): Promise<void> {
    await this.#writes
    this.#check()
  }

  #check(): void {
    if (this.#failure !== undefined) throw this.#failure.error
  }

  #checkKinds(batch: Batch): void {
    if (batch.rowKinds === undefined) return
    for (let row = 0; row < batch.length; row++) {
      const kind = batch.rowKind(batch.position(row))
      if (kind !== RowKind.INSERT) {
        throw new SinkTakesInsertsOnly({ table: this.#spec.tableName, connector: this.#spec.connector, kind: ROW_KIND_SYMBOLS[kind] })
      }
    }
  }

  #now(): number {
    return this.#context?.environment.clock.monotonic() ?? 0
  }
}
