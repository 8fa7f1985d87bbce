/**
 * Loaded before every suite: `make test` draws the same random cases each time, so that it fails for a change and not for a draw;
 * `make properties` draws others each time, and ten times as many where a test does not say how many. What it finds becomes an example.
 */
import fc from 'fast-check'

const FIXED_SEED = 20_260_101
const seed = process.env['WEFT_PROPERTY_SEED'] ?? String(FIXED_SEED)
const runs = process.env['WEFT_PROPERTY_RUNS']

fc.configureGlobal({
  ...(seed === 'random' ? {} : { seed: Number(seed) }),
  ...(runs === undefined ? {} : { numRuns: Number(runs) }),
})
