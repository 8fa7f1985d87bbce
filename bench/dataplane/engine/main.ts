/**
 * Whole jobs through `weft run -t local`: source to sink at parallelism 1, all CPU of the process from its start to its end. Scripts say
 * in their first line how many rows they read and what is aimed at, in rows per CPU second.
 */
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { median, type Figure } from '../measure.js'

const JOBS = ['pass-through', 'filter', 'windowed-count', 'join']
const RUNS = 3
/** Lines of the latency job that are not looked at: code is cold then. */
const WARM_UP_LINES = 40

/** `root`: of the checkout that is measured. */
export async function runEngine(root: string, wanted: string | undefined, tell: (figure: Figure) => void): Promise<void> {
  for (const job of JOBS) {
    if (wanted !== undefined && !`engine-${job}`.includes(wanted)) continue
    const script = join(root, 'bench/dataplane/engine', `${job}.sql`)
    const [, rows = '', aim = ''] = /^-- rows: (\d+), aim: (\d+)/.exec(readFileSync(script, 'utf8')) ?? []
    const runs = []
    for (let run = 0; run < RUNS; run++) runs.push(await weft(root, script, ['-p', '1']))
    tell({
      name: `engine: ${job}`,
      unit: 'rows',
      perCpuSecond: Number(rows) / median(runs.map(({ cpu }) => cpu)),
      perSecond: Number(rows) / median(runs.map(({ wall }) => wall)),
      aim: Number(aim),
    })
  }
  if (wanted !== undefined && !'engine-printed-line'.includes(wanted)) return
  const latencies: number[] = []
  await weft(root, join(root, 'bench/dataplane/engine/latency.sql'), ['-p', '2'], (line, at) => {
    const [, made] = /\+I\[\d+, ([\d-]+[T ][\d:.]+)/.exec(line) ?? []
    if (made !== undefined) latencies.push(at - Date.parse(`${made.replace(' ', 'T').replace(/Z?$/, 'Z')}`))
  })
  const sorted = latencies.slice(WARM_UP_LINES).sort((a, b) => a - b)
  for (const [what, share] of [
    ['p50', 0.5],
    ['p99', 0.99],
  ] as const) {
    const value = sorted[Math.floor(share * (sorted.length - 1))] ?? NaN
    tell({ name: `engine: source, hash exchange, aggregate, printed line: ${what}`, unit: 'ms', perCpuSecond: value, perSecond: value })
  }
}

/** Runs a script; CPU seconds are the process's and its children's, as bash's `time` tells. */
function weft(
  root: string,
  script: string,
  options: readonly string[],
  onLine?: (line: string, at: number) => void,
): Promise<{ cpu: number; wall: number }> {
  const command = [process.execPath, join(root, 'bin/weft.mjs'), 'run', '-t', 'local', ...options, script]
  const child = spawn('bash', ['-c', 'TIMEFORMAT="cpu %U %S wall %R"; time "$@"', 'bash', ...command], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let text = ''
  let line = ''
  child.stdout.on('data', (chunk: Buffer) => {
    const at = performance.timeOrigin + performance.now()
    const [first = '', ...rest] = chunk.toString('utf8').split('\n')
    line += first
    for (const next of rest) {
      onLine?.(line, at)
      line = next
    }
    text = (text + chunk.toString('utf8')).slice(-4000)
  })
  child.stderr.on('data', (chunk: Buffer) => (text = (text + chunk.toString('utf8')).slice(-4000)))
  return new Promise((resolve, reject) => {
    child.on('close', (status) => {
      const [, user, system, wall] = /cpu ([\d.]+) ([\d.]+) wall ([\d.]+)/.exec(text) ?? []
      if (status === 0 && wall !== undefined) resolve({ cpu: Number(user) + Number(system), wall: Number(wall) })
      else reject(new Error(`${script} failed:\n${text}`))
    })
  })
}
