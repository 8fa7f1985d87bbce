/**
 * Which slot runs which subtasks: slot i runs subtask i of every vertex. Subtasks that go on keep their slots, those that start again
 * come back to theirs where it is still held (state on the worker's disk, connections that stand). Pure.
 */
import { isTerminalExecutionState } from '#core/graph/states.js'
import { isIn, slotsNeeded, type ExecutionGraph } from '../executiongraph/execution-graph.js'
import type { PooledSlot } from '../../slots/slot-provider.js'
import type { SlotPool } from './slot-pool.js'

/** By subtask index, for the subtasks of `regions`, which are about to be deployed; undefined: slots are missing. */
export function assignSlots(
  graph: ExecutionGraph,
  pool: SlotPool,
  regions: ReadonlySet<number>,
): ReadonlyMap<number, PooledSlot> | undefined {
  const held = new Map(pool.map((slot) => [slot.allocationId, slot]))
  const assigned = new Map<number, PooledSlot>()
  const taken = new Set<PooledSlot>()
  const assign = (index: number, slot: PooledSlot | undefined) => {
    if (slot === undefined || assigned.has(index) || taken.has(slot)) return
    assigned.set(index, slot)
    taken.add(slot)
  }
  // Where subtasks run and go on running comes before where others once ran.
  for (const running of [true, false]) {
    for (const { vertex, executions } of graph.vertices) {
      for (const execution of executions) {
        const goesOn = !isTerminalExecutionState(execution.state) && !isIn(graph, regions, execution, vertex)
        if (goesOn === running && execution.slot !== undefined) assign(execution.subtaskIndex, held.get(execution.slot.allocationId))
      }
    }
  }
  const free = pool.filter((slot) => !taken.has(slot))
  for (let index = 0; index < slotsNeeded(graph.jobGraph); index++) if (!assigned.has(index)) assign(index, free.shift())
  for (const { vertex, executions } of graph.vertices) {
    for (const execution of executions)
      if (isIn(graph, regions, execution, vertex) && !assigned.has(execution.subtaskIndex)) return undefined
  }
  return assigned
}
