/**
 * How long a row takes over a hop of the real engine (hops.ts), at `execution.buffer-timeout.interval` 0: from a source's emission to the
 * sink behind a hash exchange, in the same slot, in the thread of another slot, and in another worker process over TLS. Every row of
 * the steady state counts; p50, p99 and the longest are shown.
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Figure } from '../measure.js'
import type { Seen } from './hops.js'

const RATES = [1_000, 20_000]
/** Rows of the first seconds are not looked at: code is cold then. */
const WARM_UP_S = 3
const MEASURED_S = 6
/** Of the p99 of a hop between threads: what issue 4 asks for. */
const AIM_MS = 5

const WAYS = {
  thread: { what: 'to another thread', options: [], aim: AIM_MS },
  tls: {
    what: 'to another process, TLS',
    options: ['-D', 'local.isolation=PROCESSES', '-D', 'taskmanager.numberOfTaskSlots=1'],
    aim: undefined,
  },
} as const

/** `root`: of the checkout that is measured. */
export async function runLatency(root: string, wanted: string | undefined, tell: (figure: Figure) => void): Promise<void> {
  for (const [way, { what, options, aim }] of Object.entries(WAYS)) {
    for (const rate of RATES) {
      if (wanted !== undefined && !`latency-${way}-${rate}`.includes(wanted)) continue
      const { here, away } = await measure(root, rate, options)
      const name = (hop: string, share: string) => `hop, ${rate} rows/s, ${hop}: ${share}`
      if (way === 'thread') tell(figure(name('in the slot', 'p99'), at(here, 0.99)))
      tell(figure(name(what, 'p50'), at(away, 0.5)))
      tell(figure(name(what, 'p99'), at(away, 0.99), aim))
      tell(figure(name(what, 'longest'), at(away, 1)))
    }
  }
}

function figure(name: string, ms: number, aim?: number): Figure {
  return { name, unit: 'ms', perCpuSecond: ms, perSecond: ms, ...(aim === undefined ? {} : { aim }) }
}

function at(sorted: Float64Array, share: number): number {
  return sorted[Math.floor(share * (sorted.length - 1))] ?? NaN
}

/** Latencies in the source's slot and in the other one, sorted. */
async function measure(root: string, rate: number, options: readonly string[]): Promise<{ here: Float64Array; away: Float64Array }> {
  const directory = mkdtempSync(join(tmpdir(), 'weft-bench-'))
  try {
    const rows = rate * (WARM_UP_S + MEASURED_S)
    const job = join(root, 'bench/dataplane/latency/hops.ts')
    const settings = ['-t', 'local', '-p', '2', '-D', 'execution.buffer-timeout.interval=0 ms', ...options]
    await run(process.execPath, [join(root, 'bin/weft.mjs'), 'run', ...settings, job, directory, String(rate), String(rows)], root)
    const seen = Object.fromEntries(
      readdirSync(directory).map((file) => [file, JSON.parse(readFileSync(join(directory, file), 'utf8')) as Seen]),
    )
    const { 'source.json': source, ...sinks } = seen
    const steady = (of: readonly Seen[]) =>
      Float64Array.from(
        of.flatMap(({ latencies }) => latencies.slice(Math.floor((latencies.length * WARM_UP_S) / (WARM_UP_S + MEASURED_S)))),
      ).sort()
    const all = Object.values(sinks)
    const away = steady(all.filter(({ where }) => where !== source?.where))
    if (source === undefined || away.length === 0) throw new Error(`no sink ran in another slot: ${Object.keys(seen).join(', ')}`)
    return { here: steady(all.filter(({ where }) => where === source.where)), away }
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

function run(command: string, parameters: readonly string[], cwd: string): Promise<void> {
  const child = spawn(command, parameters, { cwd, stdio: ['ignore', 'pipe', 'pipe'] })
  let text = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (text = (text + chunk.toString('utf8')).slice(-4000)))
  return new Promise((resolve, reject) => {
    child.on('close', (status) => (status === 0 ? resolve() : reject(new Error(`the latency job failed:\n${text}`))))
  })
}
