/**
 * Asynchronous calls: many elements are under way at once; results leave in the order of the elements, or as they come between two watermarks.
 *
 * In:    elements.   Out: the results of each, with its timestamp.
 * State: elements under way, which are called again after a failure.
 * Time:  a watermark leaves when all elements before it have; nothing behind it leaves earlier.
 * Back-pressure: `capacity` elements at once; with more, the task's input waits.
 * @throws FUNCTION_FAILED, ASYNC_TIMEOUT
 * Source: Flink's AsyncWaitOperator, OrderedStreamElementQueue, UnorderedStreamElementQueue.
 */
import type { Batch } from '../../columnar/batch.js'
import { ObjectReader, ObjectWriter } from '../../columnar/object-codec.js'
import type { OperatorSnapshot, RestoredState } from '../../state/snapshot.js'
import type { Operator, OperatorContext, Output } from '../operator.js'
import type { FunctionDefinition, FunctionKind } from './definition.js'
import { ElementOutput } from './element-output.js'
import { ElementReader } from './element-reader.js'
import { AsyncTimeout, describe } from './errors.js'
import { closeFunction, functionFailed, methodOf, openFunction, runtimeContext } from './user-call.js'

type Definition = FunctionDefinition & Extract<FunctionKind, { kind: 'async' }>

/** What waits in the queue, in the order it came. */
type Entry = Call | { readonly watermark: number }
interface Call {
  readonly value: unknown
  readonly timestamp: number
  state: 'waiting' | 'calling' | 'done'
  attempts: number
  results: readonly unknown[]
  timer: { cancel(): void } | undefined
}

export class AsyncWaitOperator implements Operator {
  readonly #definition: Definition
  readonly #invoke: (value: unknown) => Promise<readonly unknown[]>
  readonly #reader: ElementReader
  #context: OperatorContext | undefined
  #out!: ElementOutput
  #queue: Entry[] = []
  /** Calls in the queue that have been made; those that have not are behind them. */
  #called = 0
  #calls = 0
  #failure: { readonly error: Error } | undefined
  #draining = false
  #closed = false
  /** Waiting for room, or for the end. */
  #waiters: { readonly until: () => boolean; resolve(): void; reject(error: Error): void }[] = []

  constructor(definition: Definition) {
    this.#definition = definition
    this.#invoke = methodOf(definition.function, 'asyncInvoke')
    this.#reader = new ElementReader((definition.inputs[0] as Definition['inputs'][0]).type)
  }

  async open(context: OperatorContext, output: Output): Promise<void> {
    this.#out = new ElementOutput(this.#definition, context.operatorName, output)
    this.#context = context
    await openFunction(this.#definition.function, runtimeContext(context), context)
  }

  processBatch(batch: Batch): void | Promise<void> {
    this.#reader.bind(batch)
    for (let row = 0; row < batch.length; row++) {
      const position = batch.position(row)
      this.#add(this.#reader.read(position), this.#reader.timestamp(position))
    }
    this.#callMore()
    // More calls than may be under way: the input waits until the last one is.
    return this.#calls <= this.#definition.capacity ? undefined : this.#wait(() => this.#calls <= this.#definition.capacity)
  }

  processWatermark(watermark: number): void {
    this.#queue.push({ watermark })
    this.#drain()
  }

  endInput(): Promise<void> | void {
    return this.#queue.length === 0 ? undefined : this.#wait(() => this.#queue.length === 0)
  }

  async close(): Promise<void> {
    this.#closed = true
    for (const entry of this.#queue) if ('state' in entry) entry.timer?.cancel()
    await closeFunction(this.#definition.function, this.#context)
  }

  snapshotState(): OperatorSnapshot {
    const writer = new ObjectWriter()
    const items: string[] = []
    for (const entry of this.#queue) {
      if ('watermark' in entry) continue
      writer.truncate()
      writer.write([entry.value, entry.timestamp], 'an element under way')
      items.push(Buffer.from(writer.slice()).toString('base64'))
    }
    return { lists: { elements: { mode: 'SPLIT', items } } }
  }

  restoreState(state: RestoredState): void {
    const reader = new ObjectReader()
    for (const item of state.lists['elements'] ?? []) {
      const [value, timestamp] = reader.read(Buffer.from(item as string, 'base64')) as [unknown, number]
      this.#add(value, timestamp)
    }
    this.#callMore()
  }

  #add(value: unknown, timestamp: number): void {
    this.#queue.push({ value, timestamp, state: 'waiting', attempts: 0, results: NONE, timer: undefined })
    this.#calls++
  }

  #callMore(): void {
    if (this.#called >= this.#definition.capacity || this.#called >= this.#calls) return
    for (const entry of this.#queue) {
      if ('watermark' in entry || entry.state !== 'waiting') continue
      if (this.#called >= this.#definition.capacity) return
      this.#called++
      entry.state = 'calling'
      if (this.#definition.timeout > 0) {
        entry.timer = (this.#context as OperatorContext).schedule(this.#definition.timeout, () => this.#timedOut(entry))
      }
      void this.#call(entry)
    }
  }

  async #call(call: Call): Promise<void> {
    const { retry } = this.#definition
    const attempt = ++call.attempts
    const last = retry === undefined || attempt >= retry.maxAttempts
    try {
      const results: unknown = await this.#invoke(call.value)
      if (!Array.isArray(results)) throw new TypeError(`it resolved with ${describe(results)}, not with an array of results`)
      if (!last && retry.retryOnResult?.(results) === true) this.#retry(call, attempt)
      else this.#complete(call, results)
    } catch (error) {
      if (!last && (retry.retryOnException?.(error) ?? true)) this.#retry(call, attempt)
      else if (call.state === 'calling') this.#fail(functionFailed(error, this.#context as OperatorContext, 'asyncInvoke'))
    }
  }

  #retry(call: Call, attempt: number): void {
    if (this.#closed || call.state !== 'calling') return
    const delay = this.#definition.retry?.backoff(attempt) ?? 0
    ;(this.#context as OperatorContext).schedule(delay, () => {
      if (!this.#closed && call.state === 'calling') void this.#call(call)
    })
  }

  #timedOut(call: Call): void {
    if (this.#closed || call.state !== 'calling') return
    const user = this.#definition.function
    const context = this.#context as OperatorContext
    if (typeof user !== 'object' || user.timeout === undefined) {
      throw new AsyncTimeout({ operator: context.operatorName, timeoutMs: this.#definition.timeout, attempts: call.attempts })
    }
    const timeout = async (): Promise<readonly unknown[]> => (await user.timeout?.(call.value)) ?? NONE
    timeout().then(
      (results) => this.#complete(call, results),
      (error: unknown) => this.#fail(functionFailed(error, context, 'timeout')),
    )
  }

  #complete(call: Call, results: readonly unknown[]): void {
    if (this.#closed || call.state !== 'calling') return
    call.state = 'done'
    call.results = results
    call.timer?.cancel()
    this.#scheduleDrain()
  }

  #fail(error: Error): void {
    this.#failure ??= { error }
    this.#scheduleDrain()
  }

  /** Results come between the mailbox's turns; they leave in one. */
  #scheduleDrain(): void {
    if (this.#draining || this.#closed) return
    this.#draining = true
    ;(this.#context as OperatorContext).schedule(0, () => {
      this.#draining = false
      if (this.#closed) return
      if (this.#failure !== undefined) return this.#throw(this.#failure.error)
      this.#drain()
      this.#callMore()
      this.#wake()
    })
  }

  #throw(error: Error): never {
    for (const waiter of this.#waiters) waiter.reject(error)
    this.#waiters = []
    throw error
  }

  #drain(): void {
    const ordered = this.#definition.ordered
    const queue = this.#queue
    let left = 0 // entries kept, moved to the front
    let at = 0
    for (; at < queue.length; at++) {
      const entry = queue[at] as Entry
      if ('watermark' in entry) {
        if (left > 0) break
        this.#out.emitWatermark(entry.watermark)
      } else if (entry.state === 'done') this.#emit(entry)
      else if (ordered) break
      else queue[left++] = entry
    }
    if (at > left) queue.splice(left, at - left)
    this.#out.flush()
  }

  #emit(call: Call): void {
    this.#calls--
    this.#called--
    this.#out.timestamp = call.timestamp
    for (const result of call.results) this.#out.collect(result)
  }

  #wait(until: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => this.#waiters.push({ until, resolve, reject }))
  }

  #wake(): void {
    const ready = this.#waiters.filter(({ until }) => until())
    this.#waiters = this.#waiters.filter((waiter) => !ready.includes(waiter))
    for (const { resolve } of ready) resolve()
  }
}

const NONE: readonly unknown[] = []
