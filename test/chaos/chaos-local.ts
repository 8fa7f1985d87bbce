/**
 * Exactly-once under SIGKILL on this machine: `make chaos-local`. Workers and the master of a running job are killed at random (seeded)
 * moments; afterwards the committed output must be exact. Prints how long it took from each kill to the next committed output.
 *
 *   chaos-local [--workers 100] [--masters 20] [--seed 1] [--broken] [--keep]
 *
 * --broken: barriers are not aligned, and the oracle must find the output wrong. --keep: files stay.
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { quantile, run, summary, timesOf, type Recovery, type Victim } from './campaign.js'
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

const configuration: Record<string, string> = {
  'local.isolation': 'PROCESSES',
  'local.master-attempts': String(campaign.masters + 5),
  'parallelism.default': '2',
  'execution.checkpointing.interval': '1 s',
  'execution.checkpointing.dir': join(root, 'checkpoints'),
  'execution.checkpointing.mode': options.broken ? 'AT_LEAST_ONCE' : 'EXACTLY_ONCE',
  'execution.checkpointing.tolerable-failed-checkpoints': '100',
  'restart-strategy.type': 'fixed-delay',
  'restart-strategy.fixed-delay.attempts': '100000',
  'restart-strategy.fixed-delay.delay': '50 ms',
  'taskmanager.memory.process.size': '512m',
}
const started = performance.now()
const job = spawn(
  process.execPath,
  ['bin/weft.mjs', 'run', ...Object.entries(configuration).flatMap(([key, value]) => ['-D', `${key}=${value}`]), script],
  { stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, TMPDIR: root } },
)
let stderr = ''
job.stderr.on('data', (chunk: Buffer) => (stderr = (stderr + chunk.toString('utf8')).slice(-10_000)))
let exit: number | undefined
const ended = new Promise<void>((resolve) =>
  job.on('exit', (code) => {
    exit = code ?? -1
    resolve()
  }),
)

const recoveries: Recovery[] = []
let failure: string | undefined
try {
  await run(campaign, { committed: async () => committed(), pids, exit: () => exit }, recoveries, say)
  await Promise.race([ended, sleep(END_LIMIT_MS, undefined, { ref: false })])
  if (exit === undefined) throw new Error('the job did not end')
  if (exit !== 0) throw new Error(`the job ended with status ${exit}`)
} catch (error) {
  failure = `${(error as Error).message}\n${stderr}`
  job.kill('SIGKILL')
  await ended
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

/** Processes of this application: its master is the client's child. */
function pids(victim: Victim): readonly number[] {
  const entry = victim === 'worker' ? 'container.mjs' : 'am.mjs'
  return readdirSync('/proc').flatMap((pid) => {
    if (!/^\d+$/.test(pid)) return []
    try {
      const mine = readFileSync(`/proc/${pid}/environ`, 'utf8').includes(`TMPDIR=${root}`)
      return mine && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(entry) ? [Number(pid)] : []
    } catch {
      return [] // it ended meanwhile
    }
  })
}
