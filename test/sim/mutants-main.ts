/**
 * `make sim-mutants`: plants each bug in turn and runs seeds until one finds it, at most SEEDS. Only seeds count that are clean without the
 * bug. The last line counts those found; status 1 when fewer than `--least` are.
 */
import { parseArgs } from 'node:util'
import { MUTANTS } from './mutants.js'
import { runScenario } from './scenario.js'

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '60' },
    only: { type: 'string' },
    least: { type: 'string', default: String(Math.ceil((MUTANTS.length * 13) / 15)) },
  },
})

const cleanSeeds = new Map<number, boolean>()
async function isClean(seed: number): Promise<boolean> {
  const known = cleanSeeds.get(seed)
  if (known !== undefined) return known
  const clean = (await runScenario(seed)).violations.length === 0
  cleanSeeds.set(seed, clean)
  return clean
}

let found = 0
const chosen = MUTANTS.filter(({ name }) => values.only === undefined || values.only === name)
for (const mutant of chosen) {
  const seeds = Number(values.seeds)
  let told = `NOT FOUND in ${seeds} seeds`
  for (let seed = 1; seed <= seeds; seed++) {
    const { violations } = await runScenario(seed, mutant)
    const [first] = violations
    if (first === undefined || !(await isClean(seed))) continue
    found++
    told = `seed ${seed}, '${first.invariant}': ${(first.what.split('\n')[0] ?? '').slice(0, 160)}`
    break
  }
  process.stdout.write(`${mutant.name} (${mutant.breaks})\n    ${told}\n`)
}
process.stdout.write(`${chosen.length} bugs planted, ${found} found\n`)
process.exitCode = values.only !== undefined || found >= Number(values.least) ? 0 : 1
