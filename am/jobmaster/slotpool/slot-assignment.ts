/**
 * Which slot runs which subtasks: slot i runs subtask i of every vertex. Subtasks that go on keep their slots, those that start again
 * come back to theirs where it is still held (state on the worker's disk, connections that stand). Where more slots are held than needed,
 * as few workers as possible are used, so that the others fall free whole. Pure.
 */
import { isTerminalExecutionState } from '#core/graph/states.js'
import type { ResourceId } from '#core/ids/ids.js'
import { isIn, slotsNeeded, type ExecutionGraph } from '../executiongraph/execution-graph.js'
import type { PooledSlot } from '../../slots/slot-provider.js'
import type { SlotPool } from './slot-pool.js'

/** By subtask index, for the subtasks of `regions`, which are about to be deployed; undefined: slots are missing. */
export function assignSlots(
  graph: ExecutionGraph,
  pool: SlotPool,
  regions: ReadonlySet<number>,
): ReadonlyMap<number, PooledSlot> | undefined {
  const needed = slotsNeeded(graph.jobGraph)
  const { running, before } = placesOf(graph, pool, regions)
  const assigned = new Map(running)
  const taken = new Set(running.values())
  const free = pool.filter((slot) => !taken.has(slot))
  const useful = new Set(fewestWorkers(free, needed - assigned.size, { inUse: [...taken], before: new Set(before.values()) }))
  const assign = (index: number, slot: PooledSlot | undefined) => {
    if (slot === undefined || assigned.has(index) || !useful.delete(slot)) return
    assigned.set(index, slot)
  }
  for (const [index, slot] of before) if (index < needed) assign(index, slot)
  for (let index = 0; index < needed; index++) if (!assigned.has(index)) assign(index, useful.values().next().value)
  for (const { vertex, executions } of graph.vertices) {
    for (const execution of executions)
      if (isIn(graph, regions, execution, vertex) && !assigned.has(execution.subtaskIndex)) return undefined
  }
  return assigned
}

/** Whether so many slots are held that can be used together. */
export function canHold(pool: SlotPool, needed: number): boolean {
  return mostHeld(pool) >= needed
}

/** So many slots are held that can be used together: all, or (where slots reach each other only within a process) those of one worker. */
export function mostHeld(pool: SlotPool): number {
  if (!pool.some(isWithinProcess)) return pool.length
  return Math.max(0, ...byWorker(pool).map(([, slots]) => slots.length))
}

/** By subtask index: where subtasks run and go on running, and where those that start once ran. */
function placesOf(graph: ExecutionGraph, pool: SlotPool, regions: ReadonlySet<number>) {
  const held = new Map(pool.map((slot) => [slot.allocationId, slot]))
  const running = new Map<number, PooledSlot>()
  const before = new Map<number, PooledSlot>()
  for (const { vertex, executions } of graph.vertices) {
    for (const execution of executions) {
      const slot = execution.slot === undefined ? undefined : held.get(execution.slot.allocationId)
      if (slot === undefined) continue
      const goesOn = !isTerminalExecutionState(execution.state) && !isIn(graph, regions, execution, vertex)
      const places = goesOn ? running : before
      if (!places.has(execution.subtaskIndex)) places.set(execution.subtaskIndex, slot)
    }
  }
  return { running, before }
}

interface Preference {
  /** Their workers stay in use anyhow. */
  readonly inUse: readonly PooledSlot[]
  /** Tasks ran there. */
  readonly before: ReadonlySet<PooledSlot>
}

/** `count` of these slots, or all when there are fewer. */
function fewestWorkers(free: SlotPool, count: number, { inUse, before }: Preference): readonly PooledSlot[] {
  if (free.length <= count) return free
  const kept = new Set(inUse.map((slot) => slot.location.resourceId))
  const ran = (slots: readonly PooledSlot[]) => slots.filter((slot) => before.has(slot)).length
  const workers = byWorker(free).sort(
    ([a, mine], [b, theirs]) =>
      Number(kept.has(b)) - Number(kept.has(a)) || theirs.length - mine.length || ran(theirs) - ran(mine) || compare(a, b),
  )
  const alone = free.some(isWithinProcess) ? workers.find(([, slots]) => slots.length >= count) : undefined
  const chosen = (alone === undefined ? workers : [alone]).flatMap(([, slots]) => [
    ...slots.filter((slot) => before.has(slot)),
    ...slots.filter((slot) => !before.has(slot)),
  ])
  return chosen.slice(0, count).sort((a, b) => free.indexOf(a) - free.indexOf(b))
}

function byWorker(slots: SlotPool): [ResourceId, PooledSlot[]][] {
  const workers = new Map<ResourceId, PooledSlot[]>()
  for (const slot of slots) {
    const own = workers.get(slot.location.resourceId)
    if (own === undefined) workers.set(slot.location.resourceId, [slot])
    else own.push(slot)
  }
  return [...workers]
}

/** Its data exchange has no port: only slots of the same worker reach it. */
function isWithinProcess({ location }: PooledSlot): boolean {
  return location.dataPort === 0
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
