/**
 * Exactly-once under SIGKILL on this machine: `make chaos-local`. Workers and the master of a running job are killed at random (seeded)
 * moments; afterwards the committed output must be exact. Prints how long it took from each kill to the next committed output.
 *
 *   chaos-local [--workers 100] [--masters 20] [--seed 1] [--broken] [--keep]
 *
 * --broken: barriers are not aligned, and the oracle must find the output wrong. --keep: files stay.
 */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { quantile, run, summary, timesOf, ENTRIES, type Recovery } from './campaign.js'
import { startJob } from './job-process.js'
import { processesOf } from '../support/processes.js'
import { chaosJob, lastIdFor } from './job.js'
import { describeVerdict, isExact, judgeDirectory } from './oracle.js'

const { values: options } = parseArgs({
  options: {
    workers: { type: 'string', default: '100' },
    masters: { type: 'string', default: '20' },
    seed: { type: 'string', default: '1' },
    rate: { type: 'string', default: '4000' },
    broken: { type: 'boolean', default: false },
    keep: { type: 'boolean', default: false },
  },
})
const campaign = {
  workers: Number(options.workers),
  masters: Number(options.masters),
  seed: Number(options.seed),
  pause: { least: 300, most: 1_500 },
  recoveryLimit: 60_000,
}
/** What is expected of recovery: p50, ms. */
const AIM_P50_MS = 3_000
const END_LIMIT_MS = 600_000

const rate = Number(options.rate)
const lastId = lastIdFor(campaign.workers + campaign.masters, rate)
const root = mkdtempSync(join(tmpdir(), 'weft-chaos-'))
const output = join(root, 'out')
const script = join(root, 'chaos.sql')
writeFileSync(script, chaosJob(output, rate, lastId))

const started = performance.now()
const job = startJob(
  'bin/weft.mjs',
  script,
  {
    'local.isolation': 'PROCESSES',
    'local.master-attempts': String(campaign.masters + 5),
    'execution.checkpointing.dir': join(root, 'checkpoints'),
    'execution.checkpointing.mode': options.broken ? 'AT_LEAST_ONCE' : 'EXACTLY_ONCE',
  },
  { TMPDIR: root },
)
const recoveries: Recovery[] = []
let failure: string | undefined
try {
  await run(
    campaign,
    { committed: async () => committed(), pids: (victim) => processesOf(ENTRIES[victim], `TMPDIR=${root}`), exit: job.exit },
    recoveries,
    say,
  )
  await job.finish(END_LIMIT_MS)
} catch (error) {
  failure = `${(error as Error).message}\n${job.stderr()}`
  await job.kill()
}
say(`${recoveries.length} SIGKILLs in ${Math.round((performance.now() - started) / 1000)} s; recovery of a ${summary(recoveries)}`)
const name = `chaos-local${options.broken ? ' with alignment broken' : ''}`
if (failure === undefined) {
  const verdict = judgeDirectory(output, lastId)
  const exact = isExact(verdict)
  for (const example of verdict.examples) say(`  ${example}`)
  const inTime = quantile(timesOf(recoveries), 0.5) <= AIM_P50_MS
  const good = options.broken ? !exact : exact && inTime
  if (!good || options.keep) say(`kept: ${root}`)
  else rmSync(root, { recursive: true, force: true })
  say(`${name}: ${describeVerdict(verdict)}`)
  process.exit(good ? 0 : 1)
}
say(failure)
say(`kept: ${root}`)
say(`${name}: failed after ${recoveries.length} kills`)
process.exit(1)

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

function committed(): ReadonlySet<string> {
  try {
    return new Set(readdirSync(output).filter((file) => file.startsWith('part-')))
  } catch {
    return new Set()
  }
}
