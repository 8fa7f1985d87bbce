/**
 * `make sim SEEDS=200`: runs that many seeds; the last line counts. `make sim SEED=17`: one seed with its transcript. Ends with status 1
 * when an invariant was violated.
 */
import { parseArgs } from 'node:util'
import { runScenario, type Outcome } from './scenario.js'

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '200' },
    first: { type: 'string', default: '1' },
    seed: { type: 'string' },
    quiet: { type: 'boolean', default: false },
  },
})

function summary({ seed, violations, virtualMs, events, attempts, tasks, adopted, checkpoints, rows, faults, digest }: Outcome): string {
  const count = [...faults.values()].reduce((sum, each) => sum + each, 0)
  const what = violations[0] === undefined ? 'clean' : `FAILED '${violations[0].invariant}': ${violations[0].what.split('\n')[0] ?? ''}`
  return (
    `seed ${seed}: ${what} (${Math.round(virtualMs / 1000)} s virtual, ${events} events, ${count} faults, ${attempts} masters, ${tasks} tasks, ${adopted} taken over, ` +
    `${checkpoints} checkpoints, ${rows} rows; transcript ${digest})`
  )
}

async function one(seed: number): Promise<number> {
  const outcome = await runScenario(seed)
  if (!values.quiet) process.stdout.write(`${outcome.lines.join('\n')}\n`)
  process.stdout.write(`${summary(outcome)}\n`)
  for (const { at, invariant, what } of outcome.violations) process.stdout.write(`${(at / 1000).toFixed(3)} ${invariant}: ${what}\n`)
  process.stdout.write(`1 seed, ${outcome.violations.length === 0 ? 0 : 1} failed\n`)
  return outcome.violations.length
}

async function many(first: number, count: number): Promise<number> {
  const began = performance.now()
  const totals = { failed: 0, virtual: 0, events: 0, faults: 0, masters: 0, tasks: 0, adopted: 0, checkpoints: 0, rows: 0 }
  for (let seed = first; seed < first + count; seed++) {
    const outcome = await runScenario(seed)
    totals.virtual += outcome.virtualMs
    totals.events += outcome.events
    totals.faults += [...outcome.faults.values()].reduce((sum, each) => sum + each, 0)
    totals.masters += outcome.attempts
    totals.tasks += outcome.tasks
    totals.adopted += outcome.adopted
    totals.checkpoints += outcome.checkpoints
    totals.rows += outcome.rows
    if (outcome.violations.length === 0) continue
    totals.failed++
    process.stdout.write(`${summary(outcome)}\n  replay: make sim SEED=${seed}\n`)
  }
  const seconds = (performance.now() - began) / 1000
  process.stdout.write(
    `${(totals.virtual / 3_600_000).toFixed(1)} h of virtual time in ${seconds.toFixed(0)} s: ${totals.events} events, ${totals.faults} faults, ` +
      `${totals.masters} masters, ${totals.tasks} tasks, ${totals.adopted} taken over, ${totals.checkpoints} checkpoints, ${totals.rows} rows\n`,
  )
  process.stdout.write(`${count} seeds, ${totals.failed} failed\n`)
  return totals.failed
}

const failed = values.seed === undefined ? await many(Number(values.first), Number(values.seeds)) : await one(Number(values.seed))
process.exitCode = failed === 0 ? 0 : 1
