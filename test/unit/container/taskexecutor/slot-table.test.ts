import { expect } from 'chai'
import type { AllocationId, ExecutionAttemptId, JobId } from '#core/ids/ids.js'
import {
  addTask,
  allocate,
  emptySlotTable,
  release,
  removeTask,
  runningTasks,
  slotOf,
  slotReport,
  type SlotTable,
} from '#container/taskexecutor/slot-table.js'

const a = 'a' as AllocationId
const b = 'b' as AllocationId
const job = 'j' as JobId
const t1 = 't1' as ExecutionAttemptId
const t2 = 't2' as ExecutionAttemptId

function allocated(table: SlotTable, index: number, allocation: AllocationId): SlotTable {
  const result = allocate(table, index, allocation, job)
  if ('problem' in result) throw new Error(result.problem)
  return result.table
}

describe('slot table', () => {
  it('allocates a free slot once, however often it is asked', () => {
    const table = allocated(allocated(emptySlotTable(2), 1, a), 1, a)
    expect(slotReport(table)).to.deep.equal([
      { slotIndex: 0, allocationId: null, jobId: null },
      { slotIndex: 1, allocationId: a, jobId: job },
    ])
  })

  it('says why a slot cannot be had', () => {
    const table = allocated(emptySlotTable(2), 0, a)
    expect(allocate(table, 0, b, job)).to.deep.equal({ problem: 'it is allocated for allocation a of job j' })
    expect(allocate(table, 5, b, job)).to.deep.equal({ problem: 'there are slots 0 to 1 only' })
    expect(allocate(table, 1, a, job)).to.deep.equal({ problem: 'allocation a has slot 0' })
  })

  it('takes tasks of the allocation only', () => {
    const table = allocated(emptySlotTable(1), 0, a)
    expect(addTask(table, 0, b, t1)).to.equal(undefined)
    expect(addTask(table, 1, a, t1)).to.equal(undefined)
    expect(runningTasks(addTask(table, 0, a, t1) ?? [])).to.deep.equal([t1])
  })

  it('is free again when the last task has ended, and takes no new one meanwhile', () => {
    let table = allocated(emptySlotTable(1), 0, a)
    table = addTask(addTask(table, 0, a, t1) ?? [], 0, a, t2) ?? []
    const released = release(table, a)
    expect(released.cancel).to.deep.equal([t1, t2])
    expect(addTask(released.table, 0, a, 't3' as ExecutionAttemptId)).to.equal(undefined)
    table = removeTask(released.table, t1)
    expect(slotOf(table, a)).to.equal(0)
    expect(allocate(table, 0, b, job)).to.deep.equal({ problem: 'it is releasing for allocation a of job j' })
    table = removeTask(table, t2)
    expect(slotOf(table, a)).to.equal(undefined)
    expect(table).to.deep.equal(emptySlotTable(1))
  })

  it('stays allocated when tasks end by themselves, and frees an empty slot at once', () => {
    let table = addTask(allocated(emptySlotTable(1), 0, a), 0, a, t1) ?? []
    table = removeTask(removeTask(table, t1), t1)
    expect(slotOf(table, a)).to.equal(0)
    expect(release(table, a)).to.deep.equal({ table: emptySlotTable(1), cancel: [] })
    expect(release(table, b)).to.deep.equal({ table, cancel: [] })
  })
})
