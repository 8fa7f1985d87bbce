import { expect } from 'chai'
import fc from 'fast-check'
import type { AllocationId, ResourceId } from '#core/ids/ids.js'
import { createExecutionGraph, inState, isIn, mapExecutions } from '#am/jobmaster/executiongraph/execution-graph.js'
import { assignSlots } from '#am/jobmaster/slotpool/slot-assignment.js'
import type { PooledSlot } from '#am/slots/slot-provider.js'
import { forwardPipelines } from '../job-graphs.js'

const slot = (number: number): PooledSlot => ({
  allocationId: `allocation-${number}` as AllocationId,
  location: { resourceId: `worker-${number}` as ResourceId, slotIndex: 0, host: 'h', dataPort: 0 },
})

describe('slots of subtasks', () => {
  it('are given in order at first, one to each index', () => {
    const graph = createExecutionGraph(forwardPipelines(2), 1, 0)
    const assigned = assignSlots(graph, [slot(0), slot(1), slot(2)], new Set([0, 1]))
    expect([...(assigned ?? [])].map(([index, { allocationId }]) => [index, allocationId])).to.deep.equal([
      [0, 'allocation-0'],
      [1, 'allocation-1'],
    ])
    expect(assignSlots(graph, [slot(0)], new Set([0, 1]))).to.equal(undefined)
    expect(assignSlots(graph, [slot(0)], new Set([0])), 'enough for the region that starts').not.to.equal(undefined)
  })

  it('stay where they are held, are never shared by two indexes, and suffice whenever enough are held', () => {
    const size = 4
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(7), { maxLength: 6 }), fc.uniqueArray(fc.nat(size - 1)), (held, failed) => {
        const pool = held.map(slot)
        const regions = new Set(failed)
        const ran = createExecutionGraph(forwardPipelines(size), 1, 0)
        // Subtask i ran in slot i; where that is lost, it has failed.
        const graph = mapExecutions(ran, (execution, vertex) => {
          const ends = isIn(ran, regions, execution, vertex) || !held.includes(execution.subtaskIndex)
          return { ...inState(execution, ends ? 'FAILED' : 'RUNNING', 1), slot: slot(execution.subtaskIndex) }
        })
        for (const index of Array.from({ length: size }, (_, each) => each)) if (!held.includes(index)) regions.add(index)
        const assigned = assignSlots(graph, pool, regions)
        expect(assigned !== undefined).to.equal(regions.size === 0 || held.length >= size)
        if (assigned === undefined) return
        const given = [...assigned.values()].map(({ allocationId }) => allocationId)
        expect(new Set(given).size).to.equal(given.length)
        for (const [index, { allocationId }] of assigned) {
          expect(pool.map((each) => each.allocationId)).to.include(allocationId)
          if (held.includes(index)) expect(allocationId).to.equal(`allocation-${index}`)
        }
      }),
    )
  })
})
