import { expect } from 'chai'
import { runScenario } from '../../sim/scenario.js'

/** A few of them; `make sim` runs more. */
const SEEDS = [1, 2, 3, 4, 5]

describe('the control plane in a simulation', () => {
  for (const seed of SEEDS) {
    it(`keeps its promises through the faults of seed ${seed}`, async () => {
      const { violations } = await runScenario(seed)
      expect(violations, `make sim SEED=${seed}`).to.deep.equal([])
    })
  }

  it('goes the same way again from the same seed', async () => {
    const [first, second] = [await runScenario(25), await runScenario(25)]
    expect(first.lines.length).to.be.above(100)
    expect(second.lines).to.deep.equal(first.lines)
    expect((await runScenario(26)).digest).to.not.equal(first.digest)
  })
})
