import { expect } from 'chai'
import { MUTANTS } from './mutants.js'
import { runScenario } from './scenario.js'

const MOST_SEEDS = 200
/** As many seeds as this leaves time for: a slow machine sees fewer. */
const BUDGET_MS = 60_000

describe('the control plane in the simulator', () => {
  it('goes the same way again from the same seed', async () => {
    const [once, again] = [await runScenario(34), await runScenario(34)]
    expect(again.digest).to.equal(once.digest)
    expect(again.events).to.equal(once.events)
  })

  it('has a bug found that is planted', async () => {
    const mutant = MUTANTS.find(({ name }) => name === 'nothing-committed')
    let found = 0
    for (let seed = 1; seed <= 5; seed++) found += (await runScenario(seed, mutant)).violations.length
    expect(found).to.be.greaterThan(0)
  })

  it(`is clean for up to ${MOST_SEEDS} seeds`, async () => {
    const end = performance.now() + BUDGET_MS
    for (let seed = 1; seed <= MOST_SEEDS && performance.now() < end; seed++) {
      const { violations } = await runScenario(seed)
      expect(
        violations.map(({ invariant, what }) => `${invariant}: ${what}`),
        `make sim SEED=${seed}`,
      ).to.deep.equal([])
    }
  })
})
