/**
 * Reads files: asks the enumerator for splits one after another and decodes their bytes. The next chunk is on its way while
 * one is decoded. A batch is filled as long as bytes are there and handed on when they run out.
 */
import type { SpecOf } from '#core/graph/operator-spec.js'
import { projectSchema, type Schema } from '#core/types/schema.js'
import { SourceAnswerSchema } from '#core/rpc/operator-events.js'
import { BatchBuilder } from '../../columnar/batch-builder.js'
import { BATCH_CAPACITY } from '../../columnar/batch.js'
import { RowProblem, type FormatRuntime, type RowDecoder } from '../../formats/format.js'
import { findFormat } from '../../formats/registry.js'
import type { OperatorContext, Output, SourceOperator } from '../../operators/operator.js'
import { InvalidTable, MalformedRow } from '../errors.js'
import { formatOptions } from '../format-options.js'
import { countLines, readSplit, SplitSchema, type Split } from './split.js'

/** Batches that one poll emits at most. */
const BATCHES_PER_POLL = 4

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

  /** Takes up the next split. Rows of the one before are emitted by now or stay in the builder for the next batch. */
  async #nextSplit(): Promise<'more' | 'end'> {
    if (this.#context === undefined) throw new Error('the source is not open')
    if (this.#builder.length > 0) this.#emit()
    const { split: answered } = SourceAnswerSchema.parse(await this.#context.requestCoordinator({ type: 'requestSplit' }))
    if (answered === null || answered === undefined || this.#closed) return 'end'
    const split = SplitSchema.parse(answered)
    const { fileSystems } = this.#context
    const chunks = readSplit(fileSystems.of(split.path), split)
    const decoder = this.#format.createDecoder(
      this.#spec.schema,
      formatOptions(this.#spec.options, this.#formatName),
      this.#spec.projection,
    )
    const reading: Reading = {
      split,
      chunks,
      decoder,
      next: Promise.resolve({ done: true, value: undefined }),
      arrived: undefined,
      finished: false,
    }
    this.#prefetch(reading)
    this.#reading = reading
    return 'more'
  }

  async #explain(problem: RowProblem, split: Split): Promise<never> {
    const fileSystem = this.#context?.fileSystems.of(split.path)
    // The part begins behind the first newline at or after start - 1, so one more line is before it.
    const before =
      split.start === 0
        ? 0
        : fileSystem === undefined
          ? undefined
          : await countLines(fileSystem, split.path, split.start - 1).catch(() => undefined)
    throw new MalformedRow({
      problem: problem.message,
      format: this.#formatName,
      table: this.#spec.tableName,
      file: split.path,
      line: before === undefined ? null : before + (split.start === 0 ? 0 : 1) + problem.line,
      offset: split.start,
      column: problem.column,
      field: problem.field ?? null,
      fieldNumber: problem.fieldNumber ?? null,
      text: problem.text,
    })
  }
}
