/**
 * Writes files: rows are encoded as they come and written in blocks, one write after another. At most MAX_UNWRITTEN_BYTES
 * wait; then processBatch holds back its task. Files stay in the staging directory until the committer shows them (committer.ts).
 * A subtask without rows makes no file.
 *
 * Every barrier ends the file: it is closed in the background, and what comes next goes into a new one. A file is named to the committer
 * with each checkpoint until one is complete, so that none is lost with a checkpoint that is given up.
 */
import { parseDuration, parseMemorySize } from '#core/config/units.js'
import type { FileSystem, FileWriter } from '#core/fs/file-system.js'
import type { SpecOf } from '#core/graph/operator-spec.js'
import { ROW_KIND_SYMBOLS, RowKind } from '#core/types/row-kind.js'
import type { Batch } from '../../columnar/batch.js'
import type { RowEncoder } from '../../formats/format.js'
import { findFormat } from '../../formats/registry.js'
import type { Operator, OperatorContext } from '../../operators/operator.js'
import type { OperatorSnapshot, RestoredState, SnapshotRequest } from '../../state/snapshot.js'
import { InvalidTable, SinkTakesInsertsOnly } from '../errors.js'
import { formatOptions } from '../format-options.js'
import * as z from '#core/zod.js'
import { partFileName, partFilePrefix, stagingName, type PartFile } from './part-files.js'

const BLOCK_BYTES = 256 * 1024
const MAX_UNWRITTEN_BYTES = 4 * 1024 * 1024
/** Files that are being closed at once. */
const MAX_CLOSING = 4
const DEFAULT_FILE_SIZE = '128 mb'
const DEFAULT_ROLLOVER_INTERVAL = '30 min'

export async function createSink(spec: SpecOf<'sink'>): Promise<FileSink> {
  const name = spec.options['format'] ?? ''
  const format = await findFormat(name)?.load()
  if (format === undefined) throw new InvalidTable({ connector: 'filesystem', problem: `there is no format '${name}'` })
  return new FileSink(spec, format.createEncoder(spec.schema, formatOptions(spec.options, name)), findFormat(name)?.changelog === true)
}

/** List state: the interval that follows the checkpoint, the same from every subtask. */
const INTERVAL_STATE = 'interval'
const IntervalSchema = z.int().min(1)

/** The file being written; `bytes` were handed to it, in part still waiting. */
interface OpenFile {
  readonly part: Omit<PartFile, 'length'>
  readonly interval: number
  readonly openedAt: number
  bytes: number
  writer: FileWriter | undefined
}

export class FileSink implements Operator {
  readonly #spec: SpecOf<'sink'>
  readonly #encoder: RowEncoder
  readonly #changes: boolean
  readonly #fileSize: number
  readonly #rolloverMillis: number
  #context: OperatorContext | undefined
  #fileSystem: FileSystem | undefined
  #path = ''
  #prefix = ''
  #file: OpenFile | undefined
  /** Between which checkpoints rows come now (part-files.ts), and files begun in it. */
  #interval = 0
  #files = 0
  /** Files whose writer is not closed yet. */
  readonly #open = new Set<OpenFile>()
  /** Closed, or about to be, and not known to be committed. */
  #finished: { readonly part: PartFile; readonly interval: number }[] = []
  readonly #closing = new Set<Promise<void>>()
  /** Encoded for #file, not yet handed to it. */
  #block: Uint8Array[] = []
  #blockBytes = 0
  #unwritten = 0
  /** All writes so far, in order. Never rejects: a failure is kept in #failure. */
  #writes: Promise<void> = Promise.resolve()
  #failure: { readonly error: unknown } | undefined

  /** `changes`: the format takes rows of any kind. */
  constructor(spec: SpecOf<'sink'>, encoder: RowEncoder, changes = false) {
    this.#spec = spec
    this.#changes = changes
    this.#encoder = encoder
    this.#fileSize = parseMemorySize(spec.options['sink.rolling-policy.file-size'] ?? DEFAULT_FILE_SIZE) ?? Infinity
    this.#rolloverMillis = parseDuration(spec.options['sink.rolling-policy.rollover-interval'] ?? DEFAULT_ROLLOVER_INTERVAL) ?? Infinity
  }

  open(context: OperatorContext): void {
    this.#path = context.fileSystems.resolve(this.#spec.options['path'] ?? '')
    this.#context = context
    this.#fileSystem = context.fileSystems.of(this.#path)
    this.#prefix = partFilePrefix(context.jobId, context.operatorId)
  }

  restoreState({ lists }: RestoredState): void {
    for (const item of lists[INTERVAL_STATE] ?? []) this.#interval = Math.max(this.#interval, IntervalSchema.parse(item))
  }

  /** @throws SINK_TAKES_INSERTS_ONLY, errors of the file system */
  processBatch(batch: Batch): void | Promise<void> {
    this.#check()
    if (batch.length === 0) return
    if (!this.#changes) this.#checkKinds(batch)
    const bytes = this.#encoder.encode(batch)
    if (bytes.length === 0) return
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
    this.#finishFile()
    return this.#written()
  }

  async prepareCommit(): Promise<readonly PartFile[]> {
    this.#finishFile()
    const parts = this.#finished.map(({ part }) => part)
    await this.#written()
    await Promise.all(this.#closing)
    this.#check()
    return parts
  }

  snapshotState({ checkpointId }: SnapshotRequest): OperatorSnapshot {
    this.#interval = checkpointId + 1
    this.#files = 0
    return { lists: { [INTERVAL_STATE]: { mode: 'UNION', items: [this.#interval] } } }
  }

  /** Its committables are the committer's from now on. */
  checkpointComplete(checkpointId: number): void {
    this.#finished = this.#finished.filter((file) => file.interval > checkpointId)
  }

  /** Open files are removed; of what a failed task has finished the committer removes what is not committed. */
  async close(): Promise<void> {
    await this.#writes
    await Promise.all(this.#closing)
    for (const file of this.#open) await file.writer?.abort()
  }

  #newFile(): OpenFile {
    if (this.#context === undefined) throw new Error('the sink is not open')
    const { jobId, operatorId, subtaskIndex, attemptNumber, environment } = this.#context
    const name = partFileName(this.#prefix, { subtask: subtaskIndex, interval: this.#interval, n: this.#files++ })
    const file: OpenFile = {
      part: {
        directory: this.#path,
        staging: stagingName(jobId, operatorId),
        staged: `${name}.${attemptNumber}-${environment.random.bytes(4).toString('hex')}`,
        name,
      },
      interval: this.#interval,
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
      file.writer ??= await this.#fileSystem?.create(`${this.#path}/${file.part.staging}/${file.part.staged}`)
      await file.writer?.write(block)
      this.#unwritten -= block.length
    })
  }

  #finishFile(): void {
    const file = this.#file
    if (file === undefined) return
    this.#writeBlock(file)
    this.#finish(file)
  }

  /** Its bytes are all on their way. The next file is written while this one is closed. */
  #finish(file: OpenFile): void {
    this.#finished.push({ part: { ...file.part, length: file.bytes }, interval: file.interval })
    this.#file = undefined
    this.#inOrder(async () => {
      while (this.#closing.size >= MAX_CLOSING) await Promise.race(this.#closing)
      const closing = this.#close(file)
      this.#closing.add(closing)
      void closing.then(() => this.#closing.delete(closing))
    })
  }

  /** Never rejects: a failure is kept in #failure. */
  async #close(file: OpenFile): Promise<void> {
    try {
      await file.writer?.close()
      this.#open.delete(file)
    } catch (error) {
      this.#failure ??= { error }
    }
  }

  #inOrder(action: () => Promise<void>): void {
    this.#writes = this.#writes.then(async () => {
      if (this.#failure !== undefined) return
      try {
        await action()
      } catch (error) {
        this.#failure ??= { error }
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
