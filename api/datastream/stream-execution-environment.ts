/** Where a DataStream program begins and where it is run from. Flink's StreamExecutionEnvironment. */
import type { Source } from '#runtime/operators/process/connectors.js'
import type * as F from '#runtime/operators/process/functions.js'
import type { TypeInformation } from '#runtime/operators/process/type-information.js'
import { InvalidSetting, SingleOutputStreamOperator } from './data-stream.js'
import { millis, type Duration } from './duration.js'
import { PipelineBuilder } from './pipeline-builder.js'
import { programHost, type JobClient, type JobExecutionResult } from './program-host.js'
import type { RestartStrategy } from './restart-strategies.js'
import { TableSource } from './table-connector.js'
import { Types } from './types.js'
import { WatermarkStrategy } from './watermark-strategy.js'

const GENERIC: TypeInformation<never> = { kind: 'generic' }

/** More elements than that do not belong into a program. */
const MAX_COLLECTION = 10_000_000

export interface CheckpointSettings {
  readonly mode?: 'EXACTLY_ONCE' | 'AT_LEAST_ONCE'
  /** Directory; else execution.checkpointing.dir. */
  readonly directory?: string
  readonly timeout?: Duration
  readonly minPause?: Duration
  readonly tolerableFailures?: number
  readonly unaligned?: boolean
}

/**
 * ```ts
 * export async function main(): Promise<void> {
 *   const env = StreamExecutionEnvironment.getExecutionEnvironment()
 *   env.fromElements('to be', 'or not to be').flatMap((line) => line.split(' ')).print()
 *   await env.execute('words')
 * }
 * ```
 */
export class StreamExecutionEnvironment {
  readonly #builder: PipelineBuilder

  private constructor(builder: PipelineBuilder) {
    this.#builder = builder
  }

  /** The environment of the running program, with what `weft run` was given. @throws API_NO_PROGRAM_HOST outside of `weft run` */
  static getExecutionEnvironment(): StreamExecutionEnvironment {
    return new StreamExecutionEnvironment(new PipelineBuilder(programHost()))
  }

  /** Arguments that followed the program's name on the command line. */
  get args(): readonly string[] {
    return this.#builder.host.args
  }

  /** Sets any option of the configuration for the jobs of this environment. @throws CONFIG_UNKNOWN_OPTION, CONFIG_INVALID_VALUE */
  set(key: string, value: string): this {
    this.#builder.set(key, value)
    return this
  }

  /** Parallelism of operators that are given none. */
  setParallelism(parallelism: number): this {
    return this.set('parallelism.default', String(parallelism))
  }

  getParallelism(): number {
    return Number(this.#builder.get('parallelism.default') ?? 1)
  }

  /** Number of key groups of operators that are given none: no later parallelism can be higher. */
  setMaxParallelism(maxParallelism: number): this {
    return this.set('pipeline.max-parallelism', String(maxParallelism))
  }

  /** BATCH: bounded sources only, results come once. AUTOMATIC: BATCH when every source is bounded. Default STREAMING. */
  setRuntimeMode(mode: 'STREAMING' | 'BATCH' | 'AUTOMATIC'): this {
    return this.set('execution.runtime-mode', mode)
  }

  /** A partly filled buffer leaves after this time; 0: at once. */
  setBufferTimeout(timeout: Duration): this {
    return this.set('execution.buffer-timeout.interval', `${Math.round(millis(timeout, 'the buffer time-out'))} ms`)
  }

  /** Sources send a latency marker this often, and REST tells how long they take to each operator; 0: none (default). */
  setLatencyTrackingInterval(interval: Duration): this {
    return this.set('metrics.latency.interval', `${Math.round(millis(interval, 'the latency tracking interval'))} ms`)
  }

  disableOperatorChaining(): this {
    return this.set('pipeline.operator-chaining.enabled', 'false')
  }

  /** A checkpoint every `interval`: what a failure takes back is no more than that. */
  enableCheckpointing(interval: Duration, settings: CheckpointSettings = {}): this {
    const ms = (value: Duration, what: string) => `${Math.round(millis(value, what))} ms`
    this.set('execution.checkpointing.interval', `${Math.round(millis(interval, 'the checkpoint interval', 1))} ms`)
    if (settings.mode !== undefined) this.set('execution.checkpointing.mode', settings.mode)
    if (settings.directory !== undefined) this.set('execution.checkpointing.dir', settings.directory)
    if (settings.timeout !== undefined) this.set('execution.checkpointing.timeout', ms(settings.timeout, 'the checkpoint time-out'))
    if (settings.minPause !== undefined)
      this.set('execution.checkpointing.min-pause', ms(settings.minPause, 'the pause between checkpoints'))
    if (settings.tolerableFailures !== undefined)
      this.set('execution.checkpointing.tolerable-failed-checkpoints', String(settings.tolerableFailures))
    if (settings.unaligned !== undefined) this.set('execution.checkpointing.unaligned.enabled', String(settings.unaligned))
    return this
  }

  /** What happens after a task failed: `env.setRestartStrategy(RestartStrategies.fixedDelayRestart(3, '1 s'))`. */
  setRestartStrategy(strategy: RestartStrategy): this {
    for (const [key, value] of Object.entries(strategy.options)) this.set(key, value)
    return this
  }

  /** A source of the user's own (FLIP-27: splits, enumerator, reader), or the table of a connector. */
  fromSource<T>(source: TableSource<T>, watermarks?: F.WatermarkStrategy<T>, name?: string): SingleOutputStreamOperator<T>
  fromSource<T, S>(
    source: Source<T, S>,
    watermarks?: F.WatermarkStrategy<T>,
    name?: string,
    type?: TypeInformation<T>,
  ): SingleOutputStreamOperator<T>
  fromSource<T>(
    // eslint-disable-next-line @typescript-eslint/no-explicit-any
    source: Source<T, any> | TableSource<T>,
    watermarks: F.WatermarkStrategy<T> = WatermarkStrategy.noWatermarks<T>(),
    name?: string,
    type: TypeInformation<T> = GENERIC,
  ): SingleOutputStreamOperator<T> {
    if ('connector' in source) {
      const spec = { kind: 'table-source', options: source.options, watermarks } as const
      return this.#source(name ?? source.connector, spec, source.type, {})
    }
    const spec = { kind: 'source', source, watermarks } as const
    return this.#source(name ?? 'Custom Source', spec, type, { bounded: source.boundedness === 'bounded' })
  }

  /** Whole numbers, `from` to `to`, both inclusive, shared out among the subtasks. */
  fromSequence(from: number, to: number): SingleOutputStreamOperator<number> {
    if (!Number.isSafeInteger(from) || !Number.isSafeInteger(to) || from > to)
      throw new InvalidSetting({
        what: 'A sequence',
        value: `from ${from} to ${to}`,
        expected: 'give two whole numbers, the lower one first',
      })
    return this.#source('Sequence Source', { kind: 'sequence-source', from, to }, Types.DOUBLE, {})
  }

  /** `env.fromElements('a', 'b', 'c')`. */
  fromElements<T>(...elements: readonly T[]): SingleOutputStreamOperator<T> {
    return this.fromCollection(elements)
  }

  /** The elements of an array, in one subtask. They are part of the program: large data belongs into files. */
  fromCollection<T>(elements: readonly T[], type: TypeInformation<T> = GENERIC): SingleOutputStreamOperator<T> {
    if (elements.length > MAX_COLLECTION)
      throw new InvalidSetting({ what: 'A collection', value: `${elements.length} elements large`, expected: `at most ${MAX_COLLECTION}` })
    return this.#source('Collection Source', { kind: 'collection-source', elements }, type, { parallelism: 1, mostParallelism: 1 })
  }

  /**
   * Runs the program so far and resolves when the job has finished.
   * @throws the job's failure; API_NOTHING_TO_EXECUTE; what is wrong with the program's graph
   */
  async execute(jobName?: string): Promise<JobExecutionResult> {
    return (await this.#builder.execute(jobName)).getJobExecutionResult()
  }

  /** Starts the job; resolves when it was submitted. */
  async executeAsync(jobName?: string): Promise<JobClient> {
    return this.#builder.execute(jobName)
  }

  #source<T>(
    name: string,
    spec: Parameters<PipelineBuilder['add']>[1],
    type: TypeInformation<T>,
    options: { bounded?: boolean; parallelism?: number; mostParallelism?: number },
  ): SingleOutputStreamOperator<T> {
    const transformation = this.#builder.add(`Source: ${name}`, spec, [], type, { role: 'source', ...options })
    return new SingleOutputStreamOperator(this.#builder, transformation, type)
  }
}
