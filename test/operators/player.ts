/**
 * The subtasks of an operator under test, their input and united output, and checkpoints of all of them together. Going back to a
 * checkpoint forgets what was emitted after it.
 */
import { Configuration } from '#core/config/configuration.js'
import { FileSystems } from '#core/fs/file-systems.js'
import type { JobId, OperatorId } from '#core/ids/ids.js'
import type { Environment } from '#core/time/environment.js'
import { virtualEnvironment } from '#core/time/virtual-environment.js'
import type { Schema } from '#core/types/schema.js'
import type { Batch } from '#runtime/columnar/batch.js'
import { hashRows, keyGroupOf, keyGroupsOfSubtask, subtaskOfKeyGroup } from '#runtime/columnar/hash.js'
import { createOperator } from '#runtime/operators/factory.js'
import { NO_WATERMARK, type OperatorContext, type Output } from '#runtime/operators/operator.js'
import { stateMemory } from '#runtime/state/state-memory.js'
import { Instance, type StoredState } from './instance.js'
import { rowsOf, type Row } from './rows.js'
import { batchOf, type Batching, type Emitted, type Item, type Result, type Subject } from './run.js'

const MAX_PARALLELISM = 128

export interface Checkpoint {
  readonly id: number
  /** Where the script goes on after it. */
  readonly position: number
  readonly emitted: number
  readonly late: number
  states: readonly StoredState[]
}

interface Tagged {
  readonly position: number
  readonly emitted: Emitted
}

export class Player {
  readonly isSource: boolean
  ended = false
  /** Which item of the script is played. */
  position = 0
  readonly #subject: Subject
  readonly #batching: Batching
  readonly #environment = virtualEnvironment()
  #instances: Instance[] = []
  #emitted: Tagged[] = []
  #late = 0
  #checkpoints = 0
  #restored = false

  constructor(subject: Subject, batching: Batching) {
    this.#subject = subject
    this.#batching = batching
    this.isSource = 'poll' in this.#create()
  }

  get parallelism(): number {
    return this.#instances.length
  }

  /** By input: columns that decide where a row goes; undefined: the operator runs as it is. */
  get keys(): readonly (readonly number[])[] | undefined {
    const { spec, keys } = this.#subject
    if (keys !== undefined) return keys
    switch (spec.op) {
      case 'group-aggregate':
      case 'window-aggregate':
        return [spec.keys]
      case 'join':
      case 'interval-join':
      case 'temporal-join':
        return [spec.leftKeys, spec.rightKeys]
      case 'set-operation':
        return this.#subject.inputs.map(({ fields }) => fields.map((_, i) => i))
      case 'rank':
      case 'over':
      case 'session-window':
      case 'match-recognize':
        return [spec.partition]
      case 'sort-limit':
      case 'temporal-sort':
        return [[]]
      default:
        return undefined
    }
  }

  /** New subtasks in the place of the present ones, from a checkpoint or from nothing. */
  async start(parallelism: number, from?: Checkpoint): Promise<void> {
    await this.close(true)
    if (from !== undefined) {
      this.#restored = true
      this.position = from.position
      this.#emitted.length = from.emitted
      this.#late = from.late
    }
    this.#instances = []
    for (let i = 0; i < parallelism; i++) {
      const instance = new Instance(
        this.#create(),
        operatorContext(this.#subject, this.#environment, i, parallelism, (rows) => void (this.#late += rows)),
      )
      this.#instances.push(instance)
      await instance.start(this.#output(i), from?.states)
    }
    this.#environment.advance(0)
  }

  async play(item: Item): Promise<void> {
    for (const [subtask, { operator }] of this.#instances.entries()) {
      if ('poll' in operator) {
        if ((await operator.poll()) === 'end') this.ended = true
        continue
      }
      if (item.type === 'rows') {
        const rows = this.#share(item.rows, item.input, subtask)
        if (rows.length > 0) await operator.processBatch(this.#batch(rows, item.input), item.input)
      } else if (item.type === 'watermark') await operator.processWatermark(item.watermark)
      else if (item.type === 'end') for (let input = 0; input < this.#subject.inputs.length; input++) await operator.endInput(input)
    }
    if (item.type === 'wait') this.#environment.advance(item.ms)
    this.position++
    stateMemory.trim()
  }

  begin(full: boolean): Checkpoint {
    const id = ++this.#checkpoints
    for (const instance of this.#instances) instance.begin(id, full)
    return { id, position: this.position, emitted: this.#emitted.length, late: this.#late, states: [] }
  }

  /** One piece of each subtask's snapshot. True: all were read. */
  drain({ id }: Checkpoint): boolean {
    return this.#instances.map((instance) => instance.drain(id)).every((done) => done)
  }

  complete(checkpoint: Checkpoint): void {
    checkpoint.states = this.#instances.map((instance) => instance.stored(checkpoint.id))
    for (const instance of this.#instances) instance.complete(checkpoint.id)
  }

  abort({ id }: Checkpoint): void {
    for (const instance of this.#instances) instance.abort(id)
  }

  async close(failed: boolean): Promise<void> {
    for (const { operator } of this.#instances) await operator.close?.(failed)
    this.#instances = []
  }

  result(): Result {
    const emitted = this.#emitted.map((item) => item.emitted)
    const byItem: Emitted[][] = Array.from({ length: this.position }, () => [])
    for (const item of this.#emitted) byItem[item.position]?.push(item.emitted)
    return { emitted, byItem, rows: emitted.flatMap((item) => (item.type === 'row' ? [item.row] : [])), late: this.#late }
  }

  #create() {
    const { spec, inputs, output, create } = this.#subject
    return create === undefined ? createOperator(spec, inputs, output) : create()
  }

  #share(rows: readonly Row[], input: number, subtask: number): readonly Row[] {
    if (this.parallelism === 1) return rows
    const keys = this.keys?.[input] ?? []
    if (keys.length === 0) return subtask === 0 ? rows : []
    const hashes = hashRows(batchOf(this.#subject.inputs[input] as Schema, rows), keys)
    return rows.filter(
      (_, row) => subtaskOfKeyGroup(keyGroupOf(hashes[row] as number, MAX_PARALLELISM), MAX_PARALLELISM, this.parallelism) === subtask,
    )
  }

  #batch(rows: readonly Row[], input: number): Batch {
    return batchOf(this.#subject.inputs[input] as Schema, rows, this.#batching)
  }

  #output(subtask: number): Output {
    const emit = (emitted: Emitted): void => void this.#emitted.push({ position: this.position, emitted })
    return {
      collect: (batch) => {
        checkBatch(batch, this.#subject.output)
        for (const row of rowsOf(batch)) emit({ type: 'row', row })
      },
      emitWatermark: (watermark) => {
        if (subtask > 0) return
        if (watermark > this.#lastWatermark()) emit({ type: 'watermark', watermark })
        else if (!this.#restored) throw new Error(`watermark ${watermark} after ${this.#lastWatermark()}`)
      },
      emitIdle: (idle) => emit({ type: 'idle', idle }),
    }
  }

  #lastWatermark(): number {
    const last = this.#emitted.findLast(({ emitted }) => emitted.type === 'watermark')?.emitted
    return last?.type === 'watermark' ? last.watermark : NO_WATERMARK
  }
}

/** What subtask `subtaskIndex` of `parallelism` gets from its task. */
export function operatorContext(
  { spec, inputs, output, configuration }: Subject,
  environment: Environment,
  subtaskIndex: number,
  parallelism: number,
  countLate: (rows: number) => void,
): OperatorContext {
  return {
    jobId: '0'.repeat(32) as JobId,
    attemptNumber: 0,
    operatorId: '1'.repeat(32) as OperatorId,
    operatorName: spec.op,
    subtaskIndex,
    parallelism,
    maxParallelism: MAX_PARALLELISM,
    keyGroups: keyGroupsOfSubtask(subtaskIndex, MAX_PARALLELISM, parallelism),
    inputSchemas: inputs,
    outputSchema: output,
    configuration: Configuration.of({ 'table.local-time-zone': 'UTC', ...configuration }),
    environment,
    fileSystems: new FileSystems('/'),
    requestCoordinator: () => Promise.reject(new Error('no coordinator')),
    printLine: () => undefined,
    countLate,
    counter: () => ({ inc: () => undefined, count: 0 }),
    schedule: (delay, action) => environment.timers.after(delay, action),
    nextTurn: async () => stateMemory.trim(),
  }
}

/** What every emitted batch must be. */
function checkBatch(batch: Batch, schema: Schema): void {
  if (batch.length === 0) throw new Error('an empty batch was emitted')
  if (batch.columns.length !== schema.fields.length) {
    throw new Error(`${batch.columns.length} columns emitted, the output has ${schema.fields.length}`)
  }
  batch.columns.forEach((column, i) => {
    const kind = schema.fields[i]?.type.kind
    if (column.type.kind !== kind) throw new Error(`column ${i} is emitted as ${column.type.kind}, the output has ${kind}`)
  })
}
