/**
 * Reads files: asks the enumerator for splits one after another and decodes their bytes. The next chunk is on its way while
 * one is decoded. A batch is filled as long as bytes are there and handed on when they run out.
 *
 * Between polls no row is half way: what is decoded is emitted. So a snapshot is the split with the offset of its next row, and
 * restored splits that were not begun again yet.
 */
import type { SpecOf } from '#core/graph/operator-spec.js'
import { projectSchema, type Schema } from '#core/types/schema.js'
import { SourceAnswerSchema } from '#core/rpc/operator-events.js'
import { BatchBuilder } from '../../columnar/batch-builder.js'
import { BATCH_CAPACITY } from '../../columnar/batch.js'
import { RowProblem, type FormatRuntime, type RowDecoder } from '../../formats/format.js'
import { findFormat } from '../../formats/registry.js'
import type { OperatorContext, Output, SourceOperator } from '../../operators/operator.js'
import type { OperatorSnapshot, RestoredState } from '../../state/snapshot.js'
import { InvalidTable, MalformedRow } from '../errors.js'
import { formatOptions } from '../format-options.js'
import { countLines, readSplit, SplitSchema, type Split } from './split.js'

/** Batches that one poll emits at most. */
const BATCHES_PER_POLL = 4
/** List state: splits this subtask has to read on. */
const SPLITS_STATE = 'splits'

export async function createSource(spec: SpecOf<'source'>): Promise<FileSource> {
  const name = spec.options['format'] ?? ''
  const format = await findFormat(name)?.load()
  if (format === undefined) throw new InvalidTable({ connector: 'filesystem', problem: `there is no format '${name}'` })
  return new FileSource(spec, name, format)
}

type Chunk = IteratorResult<Uint8Array, unknown>

/** A split being read. */
interface Reading {
  readonly split: Split
  readonly chunks: AsyncGenerator<Uint8Array>
  readonly decoder: RowDecoder
  /** Where in the file the decoder's first byte is, once that is known. */
  firstByte: number | undefined
  /** The chunk on its way. Its failure is seen when it is awaited. */
  next: Promise<Chunk>
  /** That chunk, once it is here. */
  arrived: Chunk | undefined
  finished: boolean
}

export class FileSource implements SourceOperator {
  readonly #spec: SpecOf<'source'>
  readonly #schema: Schema
  readonly #formatName: string
  readonly #format: FormatRuntime
  #context: OperatorContext | undefined
  #output: Output | undefined
  #reading: Reading | undefined
  /** To be read before the enumerator is asked. */
  #restored: Split[] = []
  #builder: BatchBuilder
  #closed = false

  constructor(spec: SpecOf<'source'>, formatName: string, format: FormatRuntime) {
    this.#spec = spec
    this.#formatName = formatName
    this.#format = format
    this.#schema = projectSchema(spec.schema, spec.projection)
    this.#builder = new BatchBuilder(this.#schema)
  }

  open(context: OperatorContext, output: Output): void {
    this.#context = context
    this.#output = output
  }

  restoreState({ lists }: RestoredState): void {
    this.#restored = (lists[SPLITS_STATE] ?? []).map((item) => SplitSchema.parse(item))
  }

  snapshotState(): OperatorSnapshot {
    const items = this.#reading === undefined ? this.#restored : [rest(this.#reading), ...this.#restored]
    return { lists: { [SPLITS_STATE]: { mode: 'SPLIT', items } } }
  }

  /** Emits only before it returns, never while its promise is pending. @throws FORMAT_MALFORMED_ROW */
  poll(): 'more' | 'end' | Promise<'more' | 'end'> {
    const reading = this.#reading
    if (reading === undefined) return this.#nextSplit()
    try {
      for (let emitted = 0; emitted < BATCHES_PER_POLL;) {
        reading.decoder.read(this.#builder, BATCH_CAPACITY - this.#builder.length)
        if (this.#builder.length >= BATCH_CAPACITY) {
          this.#emit()
          emitted++
          continue
        }
        if (reading.finished) {
          this.#reading = undefined
          return this.#nextSplit()
        }
        if (reading.arrived === undefined) {
          this.#emit()
          return this.#awaitChunk(reading)
        }
        this.#feed(reading, reading.arrived)
      }
    } catch (error) {
      if (error instanceof RowProblem) return this.#explain(error, reading.split)
      throw error
    }
    return 'more'
  }

  async close(): Promise<void> {
    const reading = this.#reading
    this.#closed = true
    this.#reading = undefined
    // Ends the file system's read; a chunk still on its way no longer matters.
    await reading?.chunks.return(undefined).catch(() => undefined)
  }

  #emit(): void {
    if (this.#builder.length === 0) return
    const filled = this.#builder
    this.#output?.collect(filled.finish())
    this.#builder = new BatchBuilder(this.#schema, BATCH_CAPACITY, filled)
  }

  #feed(reading: Reading, chunk: Chunk): void {
    reading.arrived = undefined
    if (chunk.done === true) {
      reading.finished = true
      reading.decoder.finish()
      return
    }
    reading.decoder.feed(chunk.value)
    this.#prefetch(reading)
  }

  #prefetch(reading: Reading): void {
    reading.next = reading.chunks.next()
    reading.next.then(
      (chunk) => (reading.arrived = chunk),
      () => undefined,
    )
  }

  async #awaitChunk(reading: Reading): Promise<'more'> {
    await reading.next
    return 'more'
  }

  /** Takes up the next split; all rows of the one before are emitted. */
  #nextSplit(): 'more' | Promise<'more' | 'end'> {
    this.#emit()
    const restored = this.#restored.shift()
    if (restored === undefined) return this.#requestSplit()
    this.#begin(restored)
    return 'more'
  }

  async #requestSplit(): Promise<'more' | 'end'> {
    if (this.#context === undefined) throw new Error('the source is not open')
    const { split } = SourceAnswerSchema.parse(await this.#context.requestCoordinator({ type: 'requestSplit' }))
    if (split === null || split === undefined || this.#closed) return 'end'
    this.#begin(SplitSchema.parse(split))
    return 'more'
  }

  #begin(split: Split): void {
    const { fileSystems } = this.#context as OperatorContext
    const fileStart = split.start === 0 && (split.position ?? 0) === 0
    const reading: Reading = {
      split,
      chunks: readSplit(fileSystems.of(split.path), split, (offset) => (reading.firstByte = offset)),
      decoder: this.#format.createDecoder(
        this.#spec.schema,
        formatOptions(this.#spec.options, this.#formatName),
        this.#spec.projection,
        fileStart,
      ),
      firstByte: undefined,
      next: Promise.resolve({ done: true, value: undefined }),
      arrived: undefined,
      finished: false,
    }
    this.#prefetch(reading)
    this.#reading = reading
  }

  async #explain(problem: RowProblem, split: Split): Promise<never> {
    const fileSystem = this.#context?.fileSystems.of(split.path)
    // Without a position the part begins behind the first newline at or after start - 1, so one more line is before it.
    const begun = split.position !== undefined || split.start === 0
    const until = begun ? (split.position ?? 0) : split.start - 1
    const before = fileSystem === undefined ? undefined : await countLines(fileSystem, split.path, until).catch(() => undefined)
    throw new MalformedRow({
      problem: problem.message,
      format: this.#formatName,
      table: this.#spec.tableName,
      file: split.path,
      line: before === undefined ? null : before + (begun ? 0 : 1) + problem.line,
      offset: split.position ?? split.start,
      column: problem.column,
      field: problem.field ?? null,
      fieldNumber: problem.fieldNumber ?? null,
      text: problem.text,
    })
  }
}

/** What is left of a split: from its first row that is not emitted. */
function rest({ split, decoder, firstByte }: Reading): Split {
  return decoder.consumed === 0 || firstByte === undefined ? split : { ...split, position: firstByte + decoder.consumed }
}
