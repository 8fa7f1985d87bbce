/**
 * The operators of one task. They form a tree over `from`; the head reads the task's inputs (or is a source), every other one the
 * output of the operator above it, called directly. Operators whose output leaves the task write into result partitions too.
 *
 *   inputs ─▶ head ─┬▶ calc ─▶ sink
 *                   └▶ result partition
 */
import type { TaskDeploymentDescriptor } from '#core/graph/deployment.js'
import type { StateTableDescriptor, TaskRestore } from '#core/checkpoint/state-handles.js'
import { CheckpointFileCorrupt, CheckpointFileMissing } from '#core/checkpoint/errors.js'
import type { FileSystems } from '#core/fs/file-systems.js'
import type { OperatorNode } from '#core/graph/job-graph.js'
import { roleOf } from '#core/graph/operator-spec.js'
import type { OperatorId } from '#core/ids/ids.js'
import { logger } from '#core/log/logger.js'
import type { Schema } from '#core/types/schema.js'
import { openKeyedState, type KeyedRestore } from '#runtime/checkpoint/keyed-restore.js'
import type { SegmentCopies } from '#runtime/checkpoint/segment-copies.js'
import type { Batch } from '#runtime/columnar/batch.js'
import {
  MAX_WATERMARK,
  NO_WATERMARK,
  type Operator,
  type OperatorContext,
  type Output,
  type SourceOperator,
} from '#runtime/operators/operator.js'
import type { OperatorSnapshot, RestoredRows, SnapshotRequest } from '#runtime/state/snapshot.js'
import type { LocalState } from '../checkpoint/local-state.js'
import type { LatencyMarker } from '../network/latency-marker.js'
import type { ResultPartition } from '../network/result-partition.js'
import { StateIncompatible } from '#runtime/checkpoint/errors.js'
import { InvalidDeployment } from './errors.js'
import { isSource, type AnyOperator, type Instantiate } from './operator-factory.js'

const log = logger('Task')

export interface ChainHost {
  /** Work that an operator goes on with after it returned: the task takes no more input until it is done. */
  track(work: Promise<unknown>): void
  /** Resolves when no tracked work is left. */
  settled(): Promise<void>
  /** False once the task is being cancelled or has failed: no operator gets anything any more. */
  running(): boolean
  context(node: OperatorNode, inputSchemas: readonly Schema[]): OperatorContext
  /** A latency marker came to that operator. */
  markerReached(operatorId: OperatorId, marker: LatencyMarker): void
  /** Uniform in [0, 1). */
  random(): number
}

/** What one operator gave at a barrier. */
export interface LinkSnapshot {
  readonly operatorId: OperatorId
  readonly tables: readonly StateTableDescriptor[]
  readonly snapshot: OperatorSnapshot
  /** Of a two-phase sink. */
  readonly committables: Promise<readonly unknown[]> | undefined
}

/** What of a task's state lies on the worker's own disk. */
export interface StateAtHand {
  readonly local: LocalState | undefined
  readonly copies: SegmentCopies | undefined
}

interface Link {
  readonly node: OperatorNode
  readonly operator: AnyOperator
  readonly inputs: readonly Schema[]
  readonly children: Link[]
  readonly partitions: ResultPartition[]
  readonly sink: boolean
  opened: boolean
  /** Highest watermark that went in, and out. */
  received: number
  emitted: number
}

export class OperatorChain {
  readonly #host: ChainHost
  readonly #links: readonly Link[]
  readonly #head: Link
  /** Rows that the head, a source, emitted. */
  sourceRows = 0
  /** Rows handed to sinks. */
  sinkRows = 0
  #open = true

  private constructor(host: ChainHost, links: readonly Link[], head: Link) {
    this.#host = host
    this.#links = links
    this.#head = head
  }

  /** @throws TASK_INVALID_DEPLOYMENT, and what loading an operator throws */
  static async create(
    descriptor: TaskDeploymentDescriptor,
    partitions: readonly ResultPartition[],
    instantiate: Instantiate,
    host: ChainHost,
  ): Promise<OperatorChain> {
    const invalid = (problem: string) => new InvalidDeployment({ task: descriptor.vertexName, problem })
    const headInputs = inputSchemas(descriptor)
    const links: Link[] = []
    for (const [position, node] of descriptor.operators.entries()) {
      const parent = node.from === null ? undefined : links[node.from]
      if (node.from !== null && parent === undefined)
        throw invalid(`operator ${position} reads operator ${node.from}, which does not come before it`)
      if (node.from === null && position > 0) throw invalid(`operators 0 and ${position} both read the inputs`)
      const inputs = parent === undefined ? headInputs : [parent.node.outputSchema]
      const operator = await instantiate(node, inputs, descriptor)
      if (isSource(operator) && (parent !== undefined || headInputs.length > 0)) throw invalid(`source '${node.name}' has an input`)
      if (!isSource(operator) && inputs.length === 0) throw invalid(`operator '${node.name}' has no input`)
      const role = roleOf(node.spec)
      const sink = role === 'sink' || role === 'collect'
      const link: Link = {
        node,
        operator,
        inputs,
        children: [],
        partitions: [],
        sink,
        opened: false,
        received: NO_WATERMARK,
        emitted: NO_WATERMARK,
      }
      parent?.children.push(link)
      links.push(link)
    }
    for (const partition of partitions) {
      const link = links[partition.descriptor.sourceOperator]
      if (link === undefined) throw invalid(`an output of operator ${partition.descriptor.sourceOperator}, which there is not`)
      link.partitions.push(partition)
    }
    return new OperatorChain(host, links, links[0] as Link)
  }

  get source(): SourceOperator | undefined {
    return isSource(this.#head.operator) ? this.#head.operator : undefined
  }

  /** Opens from the sinks up, so that an operator may emit as soon as it is open. `canceled` is asked in between. */
  async open(canceled: () => boolean): Promise<void> {
    for (const link of [...this.#links].reverse()) {
      if (canceled()) return
      link.opened = true
      await link.operator.open?.(this.#host.context(link.node, link.inputs), this.#outputOf(link))
    }
  }

  /**
   * Gives the operators what they had, each between its open() and its first element.
   * @throws STATE_INCOMPATIBLE, CHECKPOINT_FILE_CORRUPT, CHECKPOINT_FILE_MISSING, and what operators throw
   */
  async restore(restore: TaskRestore, { local, copies }: StateAtHand, canceled: () => boolean): Promise<void> {
    for (const { node, operator, inputs } of this.#links) {
      const state = restore.operators.find(({ operatorId }) => operatorId === node.id)
      if (state === undefined || (state.keyed.length === 0 && Object.keys(state.lists).length === 0)) continue
      if (canceled()) return
      const { keyGroups, fileSystems } = this.#host.context(node, inputs)
      const tables = operator.stateTables?.() ?? []
      const keyed = await openPreferred(fileSystems, { operator: node.name, tables, handles: state.keyed, keyGroups, copies }, local)
      if (canceled()) return
      if (operator.restoreState === undefined) {
        const table = Object.keys(state.lists)[0] ?? state.keyed[0]?.tables[0]?.name
        if (table !== undefined) throw new StateIncompatible({ operator: node.name, table, change: 'the operator keeps no state' })
        continue
      }
      await operator.restoreState({ keyed, lists: state.lists })
    }
  }

  /**
   * In chain order: what sinks prepare, and every operator's snapshot. `request`: by operator. An error is the first one thrown; what
   * others gave is closed by then.
   */
  snapshot(request: (operatorId: OperatorId) => SnapshotRequest): { readonly links: readonly LinkSnapshot[]; readonly error: unknown } {
    const links: LinkSnapshot[] = []
    let failure: { readonly error: unknown } | undefined
    for (const { node, operator } of this.#links) {
      const committables = isSource(operator) ? undefined : operator.prepareCommit?.()
      let snapshot: OperatorSnapshot = {}
      try {
        if (failure === undefined) snapshot = operator.snapshotState?.(request(node.id)) ?? {}
      } catch (error) {
        failure = { error }
      }
      links.push({ operatorId: node.id, tables: operator.stateTables?.() ?? [], snapshot, committables })
    }
    if (failure !== undefined) for (const { snapshot } of links) snapshot.keyed?.close()
    return { links, error: failure?.error }
  }

  /** Tells the operators what became of a checkpoint of which they took a snapshot. */
  concludeCheckpoint(checkpointId: number, complete: boolean): void {
    for (const { operator } of this.#links) {
      if (complete) operator.checkpointComplete?.(checkpointId)
      else operator.checkpointAborted?.(checkpointId)
    }
  }

  /** Of a source: the last watermark goes out now, before the end. */
  emitLastWatermark(): void {
    this.#outputOf(this.#head).emitWatermark(MAX_WATERMARK)
  }

  processBatch(batch: Batch, input: number): void {
    this.#deliver(this.#head, batch, input)
  }

  processWatermark(watermark: number): void {
    this.#deliverWatermark(this.#head, watermark)
  }

  /** The inputs have no rows for a while, or have again. Operators have no part in it: it goes on to what the task feeds. */
  processIdle(idle: boolean): void {
    this.#deliverIdle(this.#head, idle)
  }

  /** From the inputs. Operators have no part in it: it goes through them to one of their outputs, chosen at random. */
  processLatencyMarker(marker: LatencyMarker): void {
    this.#deliverMarker(this.#head, marker)
  }

  /** Of a source: into each of its outputs. */
  emitLatencyMarker(marker: LatencyMarker): void {
    for (const child of this.#head.children) this.#deliverMarker(child, marker)
    for (const partition of this.#head.partitions) partition.emitLatencyMarker(marker)
  }

  /** That input of the head has ended. */
  endInput(input: number): void {
    this.#track((this.#head.operator as Operator).endInput(input))
  }

  /**
   * The head has emitted its last row: ends the operators below it, one after the other. Returns what the sinks' coordinators
   * commit when the job ends well; undefined when the task failed or was cancelled meanwhile.
   */
  async finish(): Promise<{ operatorId: OperatorId; committable: unknown }[] | undefined> {
    const { settled, running } = this.#host
    await settled()
    if (!running()) return undefined
    if (isSource(this.#head.operator)) this.#outputOf(this.#head).emitWatermark(MAX_WATERMARK)
    for (const link of this.#links) {
      if (link === this.#head) continue
      this.#deliverWatermark(link, MAX_WATERMARK)
      await settled()
      if (!running()) return undefined
      this.#track((link.operator as Operator).endInput(0))
      await settled()
      if (!running()) return undefined
    }
    const committables: { operatorId: OperatorId; committable: unknown }[] = []
    for (const { node, operator } of this.#links) {
      const preparing = isSource(operator) ? undefined : operator.prepareCommit?.()
      if (preparing === undefined) continue
      this.#host.track(preparing)
      for (const committable of await preparing) committables.push({ operatorId: node.id, committable })
      if (!running()) return undefined
    }
    return committables
  }

  /**
   * Closes every operator that was opened, each once; the first error is thrown after the last one is closed. From then on what
   * an operator emits is dropped.
   */
  async close(failed: boolean): Promise<void> {
    this.#open = false
    let first: { error: unknown } | undefined
    for (const link of this.#links) {
      if (!link.opened) continue
      link.opened = false
      try {
        await link.operator.close?.(failed)
      } catch (error) {
        first ??= { error }
      }
    }
    if (first !== undefined) throw first.error
  }

  #outputOf(link: Link): Output {
    return {
      collect: (batch) => {
        if (!this.#open || batch.length === 0) return
        if (link === this.#head && isSource(link.operator)) this.sourceRows += batch.length
        for (const child of link.children) this.#deliver(child, batch, 0)
        for (const partition of link.partitions) partition.collect(batch)
      },
      emitWatermark: (watermark) => {
        if (!this.#open || watermark <= link.emitted) return
        link.emitted = watermark
        for (const child of link.children) this.#deliverWatermark(child, watermark)
        for (const partition of link.partitions) partition.emitWatermark(watermark)
      },
      emitIdle: (idle) => {
        if (this.#open) this.#deliverIdle(link, idle)
      },
    }
  }

  #deliverIdle(link: Link, idle: boolean): void {
    for (const child of link.children) this.#deliverIdle(child, idle)
    for (const partition of link.partitions) partition.emitIdle(idle)
  }

  #deliverMarker(link: Link, marker: LatencyMarker): void {
    this.#host.markerReached(link.node.id, marker)
    const { children, partitions } = link
    const chosen = Math.floor(this.#host.random() * (children.length + partitions.length))
    const child = children[chosen]
    if (child !== undefined) this.#deliverMarker(child, marker)
    else partitions[chosen - children.length]?.emitLatencyMarker(marker)
  }

  #deliver(link: Link, batch: Batch, input: number): void {
    if (link.sink) this.sinkRows += batch.length
    this.#track((link.operator as Operator).processBatch(batch, input))
  }

  #deliverWatermark(link: Link, watermark: number): void {
    if (watermark <= link.received) return
    link.received = watermark
    this.#track((link.operator as Operator).processWatermark(watermark))
  }

  #track(work: void | Promise<void>): void {
    if (work !== undefined) this.#host.track(work)
  }
}

/** From the worker's own disk as far as it can be read there; otherwise from the checkpoint. @throws as openKeyedState */
async function openPreferred(
  fileSystems: FileSystems,
  restore: KeyedRestore,
  local: LocalState | undefined,
): Promise<AsyncIterable<RestoredRows>> {
  const preferred = local === undefined ? [] : await Promise.all(restore.handles.map((handle) => local.prefer(handle)))
  if (preferred.some((handle) => handle !== undefined)) {
    try {
      return await openKeyedState(fileSystems, { ...restore, handles: restore.handles.map((handle, i) => preferred[i] ?? handle) })
    } catch (error) {
      if (!CheckpointFileCorrupt.is(error) && !CheckpointFileMissing.is(error)) throw error
      log.warn(`The local copy of the state of ${restore.operator} cannot be used: it is read from the checkpoint`, error)
    }
  }
  return openKeyedState(fileSystems, restore)
}

/** Schema of each input of the head. @throws TASK_INVALID_DEPLOYMENT */
function inputSchemas(descriptor: TaskDeploymentDescriptor): Schema[] {
  const schemas: Schema[] = []
  for (const gate of descriptor.inputs) schemas[gate.targetInput] = gate.schema
  for (let input = 0; input < schemas.length; input++) {
    if (schemas[input] === undefined) throw new InvalidDeployment({ task: descriptor.vertexName, problem: `nothing feeds input ${input}` })
  }
  return schemas
}
