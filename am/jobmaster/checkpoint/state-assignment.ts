/**
 * Deals the state of a checkpoint out to the subtasks of a job: Flink's StateAssignmentOperation. Pure. Operators are matched by id,
 * whatever vertex they are chained into; keyed state by overlap of key groups, lists by their mode.
 */
import type { CheckpointMetadata, KeyedStateHandle, ListState, OperatorSubtaskState, TaskRestore } from '#core/checkpoint/state-handles.js'
import type { JobGraph, JobVertex } from '#core/graph/job-graph.js'
import type { OperatorId, VertexId } from '#core/ids/ids.js'
import { keyGroupsOfSubtask } from '#runtime/columnar/hash.js'
import type { RestoredJob } from './checkpoint-host.js'
import { FinishedBehindRunning, InFlightNotMovable, MaxParallelismChanged, PartlyFinished, UnclaimedState } from './errors.js'
import { committablesOf } from './metadata-assembly.js'

type StoredVertex = CheckpointMetadata['vertices'][number]
type OperatorRestore = TaskRestore['operators'][number]

/** What one operator left in all subtasks. */
interface StoredOperator {
  readonly vertex: StoredVertex
  readonly name: string
  /** By subtask; undefined: nothing. */
  readonly subtasks: readonly (OperatorSubtaskState | undefined)[]
}

export interface AssignmentOptions {
  /** Of the checkpoint, for messages and RestoredJob. */
  readonly path: string
  /** State without operator is left behind. */
  readonly ignoreUnclaimedState: boolean
}

/**
 * @throws CHECKPOINT_UNCLAIMED_STATE, CHECKPOINT_MAX_PARALLELISM, CHECKPOINT_PARTLY_FINISHED, CHECKPOINT_FINISHED_CONSUMER,
 * CHECKPOINT_IN_FLIGHT_RECORDS
 */
export function assignState(metadata: CheckpointMetadata, jobGraph: JobGraph, options: AssignmentOptions): RestoredJob {
  const stored = storedOperators(metadata)
  checkClaims(metadata, stored, jobGraph, options)
  const finished = new Map<VertexId, ReadonlySet<number>>()
  for (const vertex of jobGraph.vertices) finished.set(vertex.id, finishedSubtasks(vertex, stored, options))
  checkFinishedConsumers(jobGraph, finished, options)
  checkInFlight(metadata, jobGraph, options)
  const tasks = new Map<VertexId, readonly TaskRestore[]>()
  for (const vertex of jobGraph.vertices) {
    if (!vertex.operators.some((node) => stored.has(node.id))) continue
    tasks.set(vertex.id, restoreVertex(vertex, stored, finished.get(vertex.id) ?? new Set(), metadata, options))
  }
  const known = new Set(jobGraph.vertices.flatMap((vertex) => vertex.operators.map((node) => node.id)))
  return {
    checkpointId: metadata.checkpointId,
    path: options.path,
    metadata,
    tasks,
    enumerators: new Map(
      metadata.coordinators.filter(({ operatorId }) => known.has(operatorId)).map(({ operatorId, state }) => [operatorId, state]),
    ),
    committables: committablesOf(metadata).filter(({ operatorId }) => known.has(operatorId)),
  }
}

function storedOperators(metadata: CheckpointMetadata): Map<OperatorId, StoredOperator> {
  const stored = new Map<OperatorId, StoredOperator>()
  for (const vertex of metadata.vertices) {
    for (const { operatorId, name } of vertex.operators) {
      const subtasks = vertex.subtasks.map((subtask) => subtask?.operators.find((each) => each.operatorId === operatorId))
      stored.set(operatorId, { vertex, name, subtasks })
    }
  }
  return stored
}

const NAMED_OPERATORS = 5

function checkClaims(
  metadata: CheckpointMetadata,
  stored: ReadonlyMap<OperatorId, StoredOperator>,
  jobGraph: JobGraph,
  { path, ignoreUnclaimedState }: AssignmentOptions,
): void {
  if (ignoreUnclaimedState) return
  const claimed = new Set(jobGraph.vertices.flatMap((vertex) => vertex.operators.map((node) => node.id)))
  const unclaimed = new Set<OperatorId>()
  for (const [operatorId, { subtasks }] of stored) if (!claimed.has(operatorId) && subtasks.some(hasState)) unclaimed.add(operatorId)
  for (const { operatorId } of metadata.coordinators) if (!claimed.has(operatorId)) unclaimed.add(operatorId)
  if (unclaimed.size === 0) return
  const names = [...unclaimed].slice(0, NAMED_OPERATORS).map((id) => `'${stored.get(id)?.name ?? '?'}' (${id})`)
  const more = unclaimed.size > NAMED_OPERATORS ? ` and ${unclaimed.size - NAMED_OPERATORS} more` : ''
  throw new UnclaimedState({ path, operators: `operator ${names.join(', ')}${more}` })
}

function hasState(state: OperatorSubtaskState | undefined): boolean {
  if (state === undefined) return false
  return (
    (state.keyed !== undefined && state.keyed.segments.length > 0) ||
    Object.values(state.lists).some((list) => list.items.length > 0) ||
    state.committables.length > 0
  )
}

/** Which subtasks of the vertex have nothing left to do. */
function finishedSubtasks(
  vertex: JobVertex,
  stored: ReadonlyMap<OperatorId, StoredOperator>,
  { path }: AssignmentOptions,
): ReadonlySet<number> {
  const known = vertex.operators.map((node) => stored.get(node.id))
  // A chain with an operator that never ran has something left to do; those that ended before it emit nothing more.
  if (known.some((operator) => operator === undefined)) {
    const ended = known.find((operator) => operator !== undefined && operator.vertex.finished.length > 0)
    if (ended === undefined) return new Set()
    throw new FinishedBehindRunning({ path, producer: 'an operator that it does not know', consumer: `operator '${ended.name}'` })
  }
  const vertices = [...new Set(known.flatMap((operator) => (operator === undefined ? [] : [operator.vertex])))]
  const whole = vertices.every((each) => each.finished.length === each.parallelism)
  if (whole) return new Set(Array.from({ length: vertex.parallelism }, (_, index) => index))
  const partly = vertices.find((each) => each.finished.length > 0)
  if (partly === undefined) return new Set()
  if (vertices.length > 1 || partly.parallelism !== vertex.parallelism) {
    throw new PartlyFinished({
      path,
      vertex: partly.name,
      finished: partly.finished.length,
      stored: partly.parallelism,
      job: vertex.parallelism,
    })
  }
  return new Set(partly.finished)
}

/** Nothing may be sent to a vertex that had ended as a whole. */
function checkFinishedConsumers(
  jobGraph: JobGraph,
  finished: ReadonlyMap<VertexId, ReadonlySet<number>>,
  { path }: AssignmentOptions,
): void {
  const vertices = new Map(jobGraph.vertices.map((vertex) => [vertex.id, vertex]))
  const ended = (vertex: JobVertex | undefined) => vertex !== undefined && finished.get(vertex.id)?.size === vertex.parallelism
  for (const edge of jobGraph.edges) {
    const [producer, consumer] = [vertices.get(edge.source), vertices.get(edge.target)]
    if (ended(consumer) && !ended(producer))
      throw new FinishedBehindRunning({ path, producer: producer?.name ?? edge.source, consumer: consumer?.name ?? edge.target })
  }
}

/** Records in flight find their way only in the same job at the same parallelism. */
function checkInFlight(metadata: CheckpointMetadata, jobGraph: JobGraph, { path }: AssignmentOptions): void {
  const before = new Map(metadata.vertices.map((vertex) => [vertex.vertexId, vertex]))
  const now = new Map(jobGraph.vertices.map((vertex) => [vertex.id, vertex]))
  const edges = new Map(jobGraph.edges.map((edge) => [edge.id, edge]))
  const refuse = (vertex: StoredVertex, reason: string) => new InFlightNotMovable({ path, vertex: vertex.name, reason })
  for (const vertex of metadata.vertices) {
    const inFlight = vertex.subtasks.flatMap((subtask) => [...(subtask?.inFlight?.inputs ?? []), ...(subtask?.inFlight?.outputs ?? [])])
    for (const edgeId of new Set(inFlight.map((each) => each.edgeId))) {
      const edge = edges.get(edgeId)
      if (edge === undefined || (edge.source !== vertex.vertexId && edge.target !== vertex.vertexId))
        throw refuse(vertex, 'the job has no such edge any more')
      for (const end of [edge.source, edge.target]) {
        const [stored, present] = [before.get(end), now.get(end)]
        if (stored === undefined || present === undefined) throw refuse(vertex, 'the job is made of other tasks now')
        if (stored.parallelism !== present.parallelism)
          throw refuse(vertex, `the parallelism of ${present.name} is ${present.parallelism} now, it was ${stored.parallelism}`)
      }
    }
  }
}

function restoreVertex(
  vertex: JobVertex,
  stored: ReadonlyMap<OperatorId, StoredOperator>,
  finished: ReadonlySet<number>,
  { checkpointId, vertices }: CheckpointMetadata,
  options: AssignmentOptions,
): TaskRestore[] {
  const restores = vertex.operators.flatMap((node) => {
    const operator = stored.get(node.id)
    return operator === undefined ? [] : [{ operatorId: node.id, subtasks: restoreOperator(operator, vertex, options) }]
  })
  const same = vertices.find((each) => each.vertexId === vertex.id && each.parallelism === vertex.parallelism)
  return Array.from({ length: vertex.parallelism }, (_, index) => {
    const inFlight = same?.subtasks[index]?.inFlight
    const operators = finished.has(index)
      ? []
      : restores.flatMap(({ operatorId, subtasks }) => {
          const own = subtasks[index]
          return own === undefined ? [] : [{ operatorId, ...own }]
        })
    return { checkpointId, finished: finished.has(index), operators, ...(inFlight === undefined ? {} : { inFlight }) }
  })
}

function restoreOperator(operator: StoredOperator, vertex: JobVertex, { path }: AssignmentOptions): Omit<OperatorRestore, 'operatorId'>[] {
  const handles = operator.subtasks.flatMap((subtask) => (subtask?.keyed === undefined ? [] : [subtask.keyed]))
  const { maxParallelism } = operator.vertex
  if (handles.length > 0 && maxParallelism !== vertex.maxParallelism)
    throw new MaxParallelismChanged({ path, operator: `'${operator.name}'`, stored: maxParallelism, job: vertex.maxParallelism })
  const lists = dealLists(operator, vertex.parallelism)
  return Array.from({ length: vertex.parallelism }, (_, index) => ({
    keyed: overlapping(handles, keyGroupsOfSubtask(index, vertex.maxParallelism, vertex.parallelism)),
    lists: lists[index] ?? {},
  }))
}

function overlapping(handles: readonly KeyedStateHandle[], { first, last }: { first: number; last: number }): KeyedStateHandle[] {
  return handles.filter((handle) => handle.firstKeyGroup <= last && handle.lastKeyGroup >= first)
}

/** Every list that any subtask had comes back in every subtask, if only without items: it says that there was state. */
function dealLists(operator: StoredOperator, parallelism: number): Record<string, unknown[]>[] {
  const dealt = Array.from({ length: parallelism }, (): Record<string, unknown[]> => ({}))
  const names = new Set(operator.subtasks.flatMap((subtask) => Object.keys(subtask?.lists ?? {})))
  for (const name of names) {
    const parts = operator.subtasks.map((subtask) => subtask?.lists[name])
    dealList(parts, parallelism).forEach((items, index) => {
      const own = dealt[index]
      // A name from outside may be __proto__.
      if (own !== undefined) Object.defineProperty(own, name, { value: items, enumerable: true, configurable: true, writable: true })
    })
  }
  return dealt
}

function dealList(parts: readonly (ListState | undefined)[], parallelism: number): unknown[][] {
  const present = parts.filter((part) => part !== undefined)
  const all = present.flatMap((part) => part.items)
  switch (present[0]?.mode) {
    case 'UNION':
      return Array.from({ length: parallelism }, () => [...all])
    case 'BROADCAST':
      return Array.from({ length: parallelism }, (_, index) => [
        ...(((parts.length === parallelism ? parts[index] : undefined) ?? present[0])?.items ?? []),
      ])
    default:
      if (parts.length === parallelism) return parts.map((part) => [...(part?.items ?? [])])
      return roundRobin(all, parallelism)
  }
}

function roundRobin(items: readonly unknown[], parallelism: number): unknown[][] {
  const dealt = Array.from({ length: parallelism }, (): unknown[] => [])
  items.forEach((item, position) => dealt[position % parallelism]?.push(item))
  return dealt
}
