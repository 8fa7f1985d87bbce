/**
 * A whole job in this thread: every operator of every subtask, with exchanges by key as between tasks, run to the end one element at a time.
 * Between two polls of a source nothing is under way, so a checkpoint of all subtasks can be taken there, and the job gone on from it, at another
 * parallelism too. What the real tasks do about barriers and threads is tested elsewhere; this finds what operators get wrong.
 */
import { Configuration } from '#core/config/configuration.js'
import { FileSystems } from '#core/fs/file-systems.js'
import type { JobEdge, JobGraph, JobVertex, OperatorNode } from '#core/graph/job-graph.js'
import type { CollectedRow } from '#core/rpc/operator-events.js'
import { virtualEnvironment } from '#core/time/virtual-environment.js'
import type { Schema } from '#core/types/schema.js'
import type { Batch } from '#runtime/columnar/batch.js'
import { hashRows, keyGroupOf, keyGroupsOfSubtask, subtaskOfKeyGroup } from '#runtime/columnar/hash.js'
import { readValue } from '#runtime/columnar/value.js'
import { loadLookupJoin } from '#runtime/connectors/load-lookup.js'
import { loadSink } from '#runtime/connectors/load-sink.js'
import { loadSource } from '#runtime/connectors/load-source.js'
import { formatterOf } from '#runtime/expr/cast.js'
import { createOperator } from '#runtime/operators/factory.js'
import {
  MAX_WATERMARK,
  NO_WATERMARK,
  type Operator,
  type OperatorContext,
  type Output,
  type SourceOperator,
} from '#runtime/operators/operator.js'
import { stateMemory } from '#runtime/state/state-memory.js'
import { Instance, type StoredState } from '../operators/instance.js'

/** Virtual ms from poll to poll, and before a source's end: more than any window of processing time. */
const POLL_TIME = 1500
const LAST_WAIT = 20_000

/** Of all subtasks, by operator id. */
export interface JobCheckpoint {
  readonly states: ReadonlyMap<string, readonly StoredState[]>
  /** Rows of the result at that moment. */
  readonly rows: number
}

type Element =
  | { readonly type: 'batch'; readonly batch: Batch; readonly input: number }
  | { readonly type: 'watermark'; readonly watermark: number; readonly channel: string; readonly input: number }
  | { readonly type: 'end'; readonly channel: string; readonly input: number }

/** One operator of one subtask. */
interface Node {
  readonly key: string
  readonly id: string
  readonly instance: Instance
  readonly inbox: Element[]
  readonly targets: ((element: Batch | number | 'end') => void)[]
  /** Channels by input: last watermark, and whether it has ended. */
  readonly channels: Map<string, { readonly input: number; watermark: number; ended: boolean }>
  watermark: number
  readonly endedInputs: Set<number>
  ended: boolean
}

export class InProcessJob {
  readonly rows: CollectedRow[] = []
  readonly #environment = virtualEnvironment()
  readonly #nodes: Node[] = []
  readonly #graph: JobGraph
  #checkpoints = 0

  private constructor(graph: JobGraph) {
    this.#graph = graph
  }

  static async start(graph: JobGraph, from?: JobCheckpoint): Promise<InProcessJob> {
    const job = new InProcessJob(graph)
    await job.#build(from)
    return job
  }

  /** Runs until all sources have ended, or have been polled so many times. False: they go on. */
  async run(polls = Infinity): Promise<boolean> {
    const sources = this.#nodes.filter(({ instance }) => 'poll' in instance.operator)
    await this.#settle()
    for (let n = 0; n < polls; n++) {
      const open = sources.filter(({ ended }) => !ended)
      if (open.length === 0) return true
      for (const source of open) {
        const polled = await (source.instance.operator as SourceOperator).poll()
        if (polled === 'end') {
          // What waits for the clock is due before the input ends.
          await this.#pass(LAST_WAIT)
          this.#end(source)
        }
        await this.#settle()
      }
      await this.#pass(POLL_TIME)
    }
    return sources.every(({ ended }) => ended)
  }

  async #pass(ms: number): Promise<void> {
    await this.#settle()
    this.#environment.advance(ms)
    await this.#settle()
  }

  checkpoint(): JobCheckpoint {
    const id = ++this.#checkpoints
    const states = new Map<string, StoredState[]>()
    for (const { instance } of this.#nodes) instance.begin(id, true)
    for (const { id: operator, instance } of this.#nodes) {
      while (!instance.drain(id));
      states.set(operator, [...(states.get(operator) ?? []), instance.stored(id)])
      instance.complete(id)
    }
    return { states, rows: this.rows.length }
  }

  async close(): Promise<void> {
    for (const { instance } of this.#nodes) await instance.operator.close?.(false)
  }

  async #build(from: JobCheckpoint | undefined): Promise<void> {
    const { vertices, edges } = this.#graph
    for (const vertex of vertices) {
      for (let subtask = 0; subtask < vertex.parallelism; subtask++) {
        for (const [i, operator] of vertex.operators.entries()) await this.#add(vertex, i, operator, subtask)
      }
    }
    for (const vertex of vertices) {
      for (let subtask = 0; subtask < vertex.parallelism; subtask++) {
        for (const [i, { from: before }] of vertex.operators.entries()) {
          if (before !== null) this.#connect(this.#node(vertex.id, subtask, before), [this.#node(vertex.id, subtask, i)], 0, () => 0)
        }
      }
    }
    for (const edge of edges) this.#connectEdge(edge)
    for (const node of this.#nodes) {
      const output: Output = {
        collect: (batch) => {
          if (batch.length > 0) for (const target of node.targets) target(batch)
        },
        emitWatermark: (watermark) => {
          for (const target of node.targets) target(watermark)
        },
      }
      await node.instance.start(output, from?.states.get(node.id))
    }
  }

  async #add(vertex: JobVertex, index: number, operator: OperatorNode, subtask: number): Promise<void> {
    const inputs =
      operator.from === null
        ? this.#graph.edges.filter(({ target }) => target === vertex.id).sort((a, b) => a.targetInput - b.targetInput)
        : []
    const inputSchemas =
      operator.from === null ? inputs.map(({ schema }) => schema) : [(vertex.operators[operator.from] as OperatorNode).outputSchema]
    const context: OperatorContext = {
      jobId: this.#graph.jobId,
      attemptNumber: 0,
      operatorId: operator.id,
      operatorName: operator.name,
      subtaskIndex: subtask,
      parallelism: vertex.parallelism,
      maxParallelism: vertex.maxParallelism,
      keyGroups: keyGroupsOfSubtask(subtask, vertex.maxParallelism, vertex.parallelism),
      inputSchemas,
      outputSchema: operator.outputSchema,
      configuration: Configuration.of(this.#graph.configuration),
      environment: this.#environment,
      fileSystems: new FileSystems('/'),
      requestCoordinator: () => Promise.reject(new Error('no coordinator')),
      printLine: () => undefined,
      countLate: (rows) => {
        throw new Error(`${rows} late rows in ${operator.name}`)
      },
      counter: () => ({ inc: () => undefined, count: 0 }),
      schedule: (delay, action) => this.#environment.timers.after(delay, action),
      nextTurn: async () => stateMemory.trim(),
    }
    this.#nodes.push({
      key: `${vertex.id}/${subtask}/${index}`,
      id: operator.id,
      instance: new Instance(await this.#create(operator, inputSchemas), context),
      inbox: [],
      targets: [],
      channels: new Map(),
      watermark: NO_WATERMARK,
      endedInputs: new Set(),
      ended: false,
    })
  }

  async #create({ spec, outputSchema }: OperatorNode, inputs: readonly Schema[]): Promise<Operator | SourceOperator> {
    switch (spec.op) {
      case 'source':
        return await loadSource(spec)
      case 'sink':
        return await loadSink(spec)
      case 'lookup-join':
        return loadLookupJoin(spec, inputs, outputSchema)
      case 'collect':
        return this.#collector(outputSchema)
      default:
        return createOperator(spec, inputs, outputSchema)
    }
  }

  #collector(schema: Schema): Operator {
    const texts = schema.fields.map(({ type }) => formatterOf(type, { timeZone: 'UTC', now: () => 0 }))
    return {
      processBatch: (batch) => {
        for (let row = 0; row < batch.length; row++) {
          const position = batch.position(row)
          const cells = batch.columns.map((column, i) => {
            const value = readValue(column, position)
            return value === null ? null : (texts[i]?.(value) ?? null)
          })
          this.rows.push({ kind: batch.rowKind(position), cells })
        }
      },
      processWatermark: () => undefined,
      endInput: () => undefined,
    }
  }

  #node(vertex: string, subtask: number, index: number): Node {
    return this.#nodes.find(({ key }) => key === `${vertex}/${subtask}/${index}`) as Node
  }

  #connectEdge({ source, sourceOperator, target, targetInput, partitioner }: JobEdge): void {
    const from = this.#graph.vertices.find(({ id }) => id === source) as JobVertex
    const to = this.#graph.vertices.find(({ id }) => id === target) as JobVertex
    for (let subtask = 0; subtask < from.parallelism; subtask++) {
      const node = this.#node(source, subtask, sourceOperator)
      for (const [head, { from: before }] of to.operators.entries()) {
        if (before !== null) continue
        const targets = Array.from({ length: to.parallelism }, (_, i) => this.#node(target, i, head))
        let turn = subtask
        const { maxParallelism, parallelism } = to
        switch (partitioner.kind) {
          case 'HASH': {
            const { keys } = partitioner
            this.#connect(node, targets, targetInput, (batch) => {
              const hashes = hashRows(batch, keys)
              return (row) => subtaskOfKeyGroup(keyGroupOf(hashes[row] as number, maxParallelism), maxParallelism, parallelism)
            })
            break
          }
          case 'FORWARD':
            this.#connect(node, [targets[subtask] as Node], targetInput, () => 0)
            break
          case 'GLOBAL':
            this.#connect(node, targets, targetInput, () => 0)
            break
          case 'REBALANCE':
          case 'RESCALE':
            this.#connect(node, targets, targetInput, () => turn++ % parallelism)
            break
          default:
            throw new Error(`an exchange ${partitioner.kind} is not known here`)
        }
      }
    }
  }

  /** `choose`: the target of a whole batch, or of each row. */
  #connect(node: Node, targets: readonly Node[], input: number, choose: (batch: Batch) => number | ((row: number) => number)): void {
    const channel = `${node.key}>${input}#${node.targets.length}`
    for (const target of targets) target.channels.set(channel, { input, watermark: NO_WATERMARK, ended: false })
    node.targets.push((element) => {
      if (element === 'end') for (const target of targets) target.inbox.push({ type: 'end', channel, input })
      else if (typeof element === 'number')
        for (const target of targets) target.inbox.push({ type: 'watermark', watermark: element, channel, input })
      else {
        const chosen = choose(element)
        if (typeof chosen === 'number') return void targets[chosen]?.inbox.push({ type: 'batch', batch: element, input })
        const positions = targets.map((): number[] => [])
        for (let row = 0; row < element.length; row++) positions[chosen(row)]?.push(element.position(row))
        for (const [i, rows] of positions.entries())
          if (rows.length > 0) targets[i]?.inbox.push({ type: 'batch', batch: element.select(Int32Array.from(rows)), input })
      }
    })
  }

  async #settle(): Promise<void> {
    for (let busy = true; busy;) {
      busy = false
      for (const node of this.#nodes) {
        for (let element = node.inbox.shift(); element !== undefined; element = node.inbox.shift()) {
          busy = true
          await this.#process(node, element)
          stateMemory.trim()
        }
      }
    }
  }

  async #process(node: Node, element: Element): Promise<void> {
    const operator = node.instance.operator as Operator
    if (element.type === 'batch') return void (await operator.processBatch(element.batch, element.input))
    const channel = node.channels.get(element.channel) as { input: number; watermark: number; ended: boolean }
    if (element.type === 'watermark') channel.watermark = element.watermark
    else channel.ended = true
    const channels = [...node.channels.values()]
    const lowest = channels.reduce((least, { watermark, ended }) => (ended ? least : Math.min(least, watermark)), MAX_WATERMARK)
    if (lowest > node.watermark && (element.type === 'watermark' || lowest < MAX_WATERMARK || channels.every(({ ended }) => ended))) {
      node.watermark = lowest
      await operator.processWatermark(lowest)
    }
    if (element.type !== 'end' || node.endedInputs.has(channel.input)) return
    if (!channels.every(({ input, ended }) => input !== channel.input || ended)) return
    node.endedInputs.add(channel.input)
    await operator.endInput(channel.input)
    if (channels.every(({ ended }) => ended)) this.#end(node)
  }

  #end(node: Node): void {
    node.ended = true
    if ('poll' in node.instance.operator) for (const target of node.targets) target(MAX_WATERMARK)
    for (const target of node.targets) target('end')
  }
}
