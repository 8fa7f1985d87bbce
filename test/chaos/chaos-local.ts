/**
 * Exactly-once under SIGKILL on this machine: `make chaos-local`. Workers and the master of a running job are killed at random (seeded)
 * moments; afterwards the committed output must be exact. Prints how long it took from each kill to the next committed output.
 *
 *   node --import tsx test/chaos/chaos-local.ts [--workers 100] [--masters 20] [--seed 1] [--broken]
 *
 * --broken: barriers are not aligned, and the oracle must find the output wrong.
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { chaosJob } from './job.js'
import { isExact, judge } from './oracle.js'

const { values: options } = parseArgs({
  options: {
    workers: { type: 'string', default: '100' },
    masters: { type: 'string', default: '20' },
    seed: { type: 'string', default: '1' },
    broken: { type: 'boolean', default: false },
    rate: { type: 'string', default: '4000' },
    keep: { type: 'boolean', default: false },
  },
})
const PARALLELISM = 2
const KILLS = { worker: Number(options.workers), master: Number(options.masters) }
const RATE = Number(options.rate)
/** Between an output and the next kill, ms. */
const PAUSE = { least: 300, most: 1_500 }
const RECOVERY_LIMIT_MS = 60_000
/** What is expected of recovery: p50, ms. */
const AIM_P50_MS = 3_000
const ALLOWED_MS_PER_KILL = 6_000

const random = mulberry32(Number(options.seed))
const root = mkdtempSync(join(tmpdir(), 'weft-chaos-'))
const output = join(root, 'out')
const kills = shuffled([...Array<'worker'>(KILLS.worker).fill('worker'), ...Array<'master'>(KILLS.master).fill('master')])
// Long enough for all kills; the job then ends by itself.
const lastId = Math.ceil(((kills.length * 4_000 + 20_000) / 1000) * RATE)
const script = join(root, 'chaos.sql')
writeFileSync(script, chaosJob(output, RATE, lastId))

const configuration: Record<string, string> = {
  'local.isolation': 'PROCESSES',
  'local.master-attempts': String(KILLS.master + 5),
  'parallelism.default': String(PARALLELISM),
  'execution.checkpointing.interval': '1 s',
  'execution.checkpointing.dir': join(root, 'checkpoints'),
  'execution.checkpointing.mode': options.broken ? 'AT_LEAST_ONCE' : 'EXACTLY_ONCE',
  'execution.checkpointing.tolerable-failed-checkpoints': '100',
  'restart-strategy.type': 'fixed-delay',
  'restart-strategy.fixed-delay.attempts': '100000',
  'restart-strategy.fixed-delay.delay': '50 ms',
  'taskmanager.memory.process.size': '512m',
}
const started = Date.now()
const job = spawn(
  process.execPath,
  ['bin/weft.mjs', 'run', ...Object.entries(configuration).flatMap(([key, value]) => ['-D', `${key}=${value}`]), script],
  { stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, TMPDIR: root } },
)
let stderr = ''
job.stderr.on('data', (chunk: Buffer) => (stderr = (stderr + chunk.toString('utf8')).slice(-20_000)))
let exit: number | undefined
const ended = new Promise<void>((resolve) =>
  job.on('exit', (code) => {
    exit = code ?? -1
    resolve()
  }),
)

const recoveries: number[] = []
let failure: string | undefined
try {
  await newOutput(new Set(), 60_000)
  for (const [index, target] of kills.entries()) {
    await sleep(PAUSE.least + random() * (PAUSE.most - PAUSE.least))
    const before = committed()
    const pid = target === 'worker' ? pick(workerPids()) : masterPid()
    if (pid === undefined) throw new Error(`there is no ${target} to kill`)
    process.kill(pid, 'SIGKILL')
    const at = Date.now()
    await newOutput(before, RECOVERY_LIMIT_MS, at)
    recoveries.push(Date.now() - at)
    if ((index + 1) % 10 === 0)
      process.stdout.write(`${index + 1} kills, recovery p50 ${quantile(recoveries, 0.5)} ms, p99 ${quantile(recoveries, 0.99)} ms\n`)
  }
  await Promise.race([ended, sleep((lastId / RATE) * 1000 + kills.length * ALLOWED_MS_PER_KILL)])
  if (exit === undefined) throw new Error('the job did not end')
  if (exit !== 0) throw new Error(`the job ended with status ${exit}`)
} catch (error) {
  failure = `${(error as Error).message}\n${stderr}`
  job.kill('SIGKILL')
  await ended
}

if (failure !== undefined) {
  process.stdout.write(`${failure}\nkept: ${root}\nchaos-local: failed after ${recoveries.length} kills\n`)
  process.exit(1)
}
const verdict = judge(output, lastId)
const exact = isExact(verdict)
for (const example of verdict.examples) process.stdout.write(`  ${example}\n`)
const p50 = quantile(recoveries, 0.5)
process.stdout.write(
  `${recoveries.length} SIGKILLs (${KILLS.worker} of workers, ${KILLS.master} of the master) in ${Math.round((Date.now() - started) / 1000)} s; ` +
    `recovery p50 ${p50} ms, p90 ${quantile(recoveries, 0.9)} ms, most ${quantile(recoveries, 1)} ms\n`,
)
if (exact || options.broken) {
  if (!options.keep) rmSync(root, { recursive: true, force: true })
} else process.stdout.write(`kept: ${root}\n`)
process.stdout.write(
  `chaos-local${options.broken ? ' (alignment broken)' : ''}: ${verdict.rows} rows, ${verdict.missing} missing, ${verdict.duplicate} duplicate, ${verdict.torn} torn, ${verdict.wrong} wrong\n`,
)
process.exit(options.broken ? (exact ? 1 : 0) : exact && p50 <= AIM_P50_MS ? 0 : 1)

/** Names of the files that are visible. */
function committed(): Set<string> {
  try {
    return new Set(readdirSync(output).filter((name) => name.startsWith('part-')))
  } catch {
    return new Set()
  }
}

/** Resolves when a file was committed after `since` that was not there before. */
async function newOutput(before: ReadonlySet<string>, limitMs: number, since = Date.now()): Promise<void> {
  while (Date.now() - since < limitMs) {
    for (const name of committed()) if (!before.has(name)) return
    if (exit !== undefined) throw new Error(`the job ended with status ${exit}`)
    await sleep(20)
  }
  throw new Error(`no output within ${limitMs} ms`)
}

function applicationDirectory(): string {
  const name = readdirSync(root).find((each) => each.startsWith('weft-application-'))
  if (name === undefined) throw new Error('the application has no directory')
  return join(root, name)
}

function workerPids(): number[] {
  const directory = join(applicationDirectory(), 'workers')
  return readdirSync(directory)
    .filter((name) => name.endsWith('.json'))
    .flatMap((name) => {
      try {
        return [(JSON.parse(readFileSync(join(directory, name), 'utf8')) as { pid: number }).pid]
      } catch {
        return []
      }
    })
}

/** The client's only child process of the JobManager's entry. */
function masterPid(): number | undefined {
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    try {
      const [, , , parent] = readFileSync(`/proc/${name}/stat`, 'utf8')
        .replace(/\(.*\)/, '()')
        .split(' ')
      if (Number(parent) === job.pid && readFileSync(`/proc/${name}/cmdline`, 'utf8').includes('--local')) return Number(name)
    } catch {
      // It ended meanwhile.
    }
  }
  return undefined
}

function pick<T>(from: readonly T[]): T | undefined {
  return from[Math.floor(random() * from.length)]
}

function shuffled<T>(items: T[]): T[] {
  for (let i = items.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1))
    ;[items[i], items[j]] = [items[j] as T, items[i] as T]
  }
  return items
}

function quantile(of: readonly number[], share: number): number {
  const sorted = [...of].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0
}

/** A small seeded generator (32 bits of state, Tommy Ettinger's mulberry32). */
function mulberry32(seed: number): () => number {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}
