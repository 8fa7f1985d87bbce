import fc from 'fast-check'
import { memoryBudget, minimumProcessBytes } from '#core/cluster/memory-budget.js'

const MIB = 1024 * 1024

describe('memoryBudget', () => {
  it('never promises more than the container has', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 16 }),
        fc.integer({ min: 0, max: 64 * 1024 }),
        fc.double({ min: 0, max: 0.9, noNaN: true }),
        (slots, extraMb, fraction) => {
          const bytes = minimumProcessBytes(slots) + extraMb * MIB
          const budget = memoryBudget(bytes, slots, fraction)
          const promised = budget.mainHeapMb * MIB + slots * (budget.slotHeapMb * MIB + budget.slotNetworkBytes + budget.slotManagedBytes)
          return budget.runtimeBytes + budget.slackBytes + promised <= bytes && budget.slotHeapMb >= 16
        },
      ),
    )
  })
})
