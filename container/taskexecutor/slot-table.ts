/**
 * Which slot belongs to which job, and which tasks run in it. Pure: every function returns a new table (or a problem).
 *
 *   FREE ── allocate ──▶ ALLOCATED ── release ──▶ RELEASING ── last task ended ──▶ FREE
 *                            └──────── release, no tasks ──────────────────────────┘
 */
import type { AllocationId, ExecutionAttemptId, JobId } from '#core/ids/ids.js'
import type { SlotReport } from '#core/rpc/gateways/task-executor.js'

export type Slot =
  | { readonly state: 'FREE' }
  | {
      readonly state: 'ALLOCATED' | 'RELEASING'
      readonly allocationId: AllocationId
      readonly jobId: JobId
      /** Running ones. */
      readonly tasks: ReadonlySet<ExecutionAttemptId>
    }
export type SlotTable = readonly Slot[]

const FREE: Slot = { state: 'FREE' }

export function emptySlotTable(slots: number): SlotTable {
  return new Array<Slot>(slots).fill(FREE)
}

/** Idempotent by allocation. `problem`: in words. */
export function allocate(
  table: SlotTable,
  index: number,
  allocationId: AllocationId,
  jobId: JobId,
): { readonly table: SlotTable } | { readonly problem: string } {
  const slot = table[index]
  if (slot === undefined) return { problem: `there are slots 0 to ${table.length - 1} only` }
  if (slot.state === 'ALLOCATED' && slot.allocationId === allocationId) return { table }
  if (slot.state !== 'FREE')
    return { problem: `it is ${slot.state.toLowerCase()} for allocation ${slot.allocationId} of job ${slot.jobId}` }
  const elsewhere = slotOf(table, allocationId)
  if (elsewhere !== undefined) return { problem: `allocation ${allocationId} has slot ${elsewhere}` }
  return { table: replace(table, index, { state: 'ALLOCATED', allocationId, jobId, tasks: new Set() }) }
}

/** Index of the slot that holds the allocation. */
export function slotOf(table: SlotTable, allocationId: AllocationId): number | undefined {
  const index = table.findIndex((slot) => slot.state !== 'FREE' && slot.allocationId === allocationId)
  return index < 0 ? undefined : index
}

/** Puts a task into its slot. Undefined: no slot is allocated for it. */
export function addTask(table: SlotTable, index: number, allocationId: AllocationId, task: ExecutionAttemptId): SlotTable | undefined {
  const slot = table[index]
  if (slot?.state !== 'ALLOCATED' || slot.allocationId !== allocationId) return undefined
  return replace(table, index, { ...slot, tasks: new Set(slot.tasks).add(task) })
}

/** The task has ended; a slot that was only waiting for it becomes free. */
export function removeTask(table: SlotTable, task: ExecutionAttemptId): SlotTable {
  const index = table.findIndex((slot) => slot.state !== 'FREE' && slot.tasks.has(task))
  const slot = table[index]
  if (slot === undefined || slot.state === 'FREE') return table
  const tasks = new Set(slot.tasks)
  tasks.delete(task)
  return replace(table, index, slot.state === 'RELEASING' && tasks.size === 0 ? FREE : { ...slot, tasks })
}

/** Gives the slot back; `cancel`: the tasks that must end first. */
export function release(
  table: SlotTable,
  allocationId: AllocationId,
): { readonly table: SlotTable; readonly cancel: readonly ExecutionAttemptId[] } {
  const index = slotOf(table, allocationId)
  const slot = index === undefined ? undefined : table[index]
  if (index === undefined || slot === undefined || slot.state === 'FREE') return { table, cancel: [] }
  return { table: replace(table, index, slot.tasks.size === 0 ? FREE : { ...slot, state: 'RELEASING' }), cancel: [...slot.tasks] }
}

export function runningTasks(table: SlotTable): ExecutionAttemptId[] {
  return table.flatMap((slot) => (slot.state === 'FREE' ? [] : [...slot.tasks]))
}

/** Jobs that hold a slot, one being released too. */
export function jobsOf(table: SlotTable): ReadonlySet<JobId> {
  return new Set(table.flatMap((slot) => (slot.state === 'FREE' ? [] : [slot.jobId])))
}

/** Where a job's tasks can go on: its slots that are not being released. */
export function heldAllocations(table: SlotTable): ReadonlySet<AllocationId> {
  return new Set(table.flatMap((slot) => (slot.state === 'ALLOCATED' ? [slot.allocationId] : [])))
}

/** As the master sees it: a slot being released still belongs to its job. */
export function slotReport(table: SlotTable): SlotReport {
  return table.map((slot, slotIndex) =>
    slot.state === 'FREE'
      ? { slotIndex, allocationId: null, jobId: null }
      : { slotIndex, allocationId: slot.allocationId, jobId: slot.jobId },
  )
}

function replace(table: SlotTable, index: number, slot: Slot): SlotTable {
  return table.with(index, slot)
}
