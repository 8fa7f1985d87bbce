/** A few thousand of the inputs of `make fuzz`. */
import { seeded } from '../../../fuzz/mutations.js'
import { TARGETS } from '../../../fuzz/targets.js'

const INPUTS = 1_000

describe('hostile input by mutation', () => {
  for (const { name, begin } of TARGETS) {
    it(`to ${name} is read or refused in words`, async () => {
      const { run } = await begin()
      for (let number = 0; number < INPUTS; number++) await run(seeded(number))
    })
  }
})
