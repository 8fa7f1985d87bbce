import { expect } from 'chai'
import fc from 'fast-check'
import { grownBudget, memoryBudget, minimumProcessBytes } from '#core/cluster/memory-budget.js'

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

  it('gives what a container gains to state, and takes nothing back', () => {
    const before = memoryBudget(512 * MIB, 2, 0.4)
    const grown = grownBudget(before, 768 * MIB, 2)
    expect(grown.processBytes).to.equal(768 * MIB)
    expect(Math.round((grown.slotManagedBytes - before.slotManagedBytes) / MIB)).to.equal(115)
    expect([grown.slotHeapMb, grown.slotNetworkBytes]).to.deep.equal([before.slotHeapMb, before.slotNetworkBytes])
    expect(grownBudget(before, 256 * MIB, 2).slotManagedBytes).to.equal(before.slotManagedBytes)
  })
})
