/**
 * `make memory-run`: does a worker stay within its declared memory while its state outgrows it? An endless query (queries.ts), in
 * processes of their own on this machine, checkpoints every 5 s. Samples the resident set of every worker each second.
 *
 *   --minutes <n>   how long (20)     --memory <size>   taskmanager.memory.process.size (400m)     --rate <rows/s of each table> (20000)
 *   --query <name>  join (the default), group-by, distinct, min-of-changes, window     --keys <n>   of all but the join (20000000)
 *   --kill <s>      after so many seconds the workers are killed once: the next ones restore within their memory, too
 *
 * Exit status 1: a worker held more than declared, ended itself, or the job failed.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { projectRoot } from '#tools/pseudo-hadoop.js'
import { QUERIES } from './queries.js'

const SAMPLE_MS = 1_000
const REPORT_EVERY = 15
const MIB = 1024 * 1024

interface Worker {
  readonly pid: number
  maxRss: number
}

interface Sample {
  readonly at: number
  readonly rows: number
  readonly spilled: number
  readonly state: number
}

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '20' },
    memory: { type: 'string', default: '400m' },
    rate: { type: 'string', default: '20000' },
    query: { type: 'string', default: 'join' },
    keys: { type: 'string', default: '20000000' },
    kill: { type: 'string' },
  },
})
const killAt = values.kill === undefined ? undefined : Number(values.kill)
const minutes = Number(values.minutes)
const declared = Number(/^\d+/.exec(values.memory)?.[0]) * (values.memory.endsWith('g') ? 1024 : 1) * MIB
const directory = mkdtempSync(join(tmpdir(), 'weft-memory-'))

const query = QUERIES[values.query]
if (query === undefined) throw new Error(`--query ${values.query}: there are ${Object.keys(QUERIES).join(', ')}`)
const script = join(directory, 'query.sql')
writeFileSync(script, query({ rate: Number(values.rate), keys: Number(values.keys) }))

/** Free a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return typeof address === 'object' && address !== null ? address.port : 0
}

const port = await freePort()
const options = {
  'rest.bind-port': String(port),
  'local.isolation': 'PROCESSES',
  'taskmanager.memory.process.size': values.memory,
  'execution.checkpointing.interval': '5s',
  'execution.checkpointing.dir': `file://${directory}/checkpoints`,
  'io.tmp.dirs': directory,
}
const child = spawn(
  process.execPath,
  [join(projectRoot, 'bin/weft.mjs'), 'run', script, ...Object.entries(options).flatMap(([key, value]) => ['-D', `${key}=${value}`])],
  { stdio: ['ignore', 'pipe', 'pipe'] },
)
let output = ''
for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString('utf8')))
let ended: number | undefined
child.on('exit', (status) => (ended = status ?? 1))

const workers = new Map<number, Worker>()
const gone: number[] = []
const killed: number[] = []
const samples: Sample[] = []
const start = performance.now()
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
const text = (path: string): string => {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return '' // the process has ended meanwhile
  }
}

/** Workers: descendants of the client that run container.mjs. */
function sampleWorkers(): void {
  const running = new Set<number>()
  for (const name of readdirSync('/proc')) {
    const pid = Number(name)
    if (!Number.isInteger(pid) || !text(`/proc/${pid}/cmdline`).includes('container.mjs') || !isDescendant(pid)) continue
    running.add(pid)
    const rss = Number(/VmRSS:\s+(\d+)/.exec(text(`/proc/${pid}/status`))?.[1] ?? 0) * 1024
    const worker = workers.get(pid) ?? { pid, maxRss: 0 }
    worker.maxRss = Math.max(worker.maxRss, rss)
    workers.set(pid, worker)
  }
  for (const pid of workers.keys()) if (!running.has(pid) && !gone.includes(pid) && !killed.includes(pid)) gone.push(pid)
}

function isDescendant(pid: number): boolean {
  for (let at = pid; at > 1;) {
    at = Number(/PPid:\s+(\d+)/.exec(text(`/proc/${at}/status`))?.[1] ?? 0)
    if (at === child.pid) return true
  }
  return false
}

async function getJson(path: string): Promise<unknown> {
  const answer = await fetch(`http://127.0.0.1:${port}${path}`).catch(() => undefined)
  return answer?.ok === true ? answer.json() : undefined
}

async function sampleProgress(): Promise<void> {
  const overview = (await getJson('/taskmanagers')) as { taskmanagers: { id: string }[] } | undefined
  let spilled = 0
  let state = 0
  for (const { id } of overview?.taskmanagers ?? []) {
    const details = (await getJson(`/taskmanagers/${id}`)) as { metrics: { stateSpilled: number; managedUsed: number } } | undefined
    spilled += Math.max(0, details?.metrics.stateSpilled ?? 0)
    state += Math.max(0, details?.metrics.managedUsed ?? 0)
  }
  const jobs = (await getJson('/jobs/overview')) as { jobs: { jid: string }[] } | undefined
  const jid = jobs?.jobs[0]?.jid
  const job =
    jid === undefined ? undefined : ((await getJson(`/jobs/${jid}`)) as { vertices: { metrics: Record<string, number> }[] } | undefined)
  const rows = Math.max(0, ...(job?.vertices ?? []).map(({ metrics }) => metrics['read-records'] ?? 0))
  samples.push({ at: performance.now(), rows, spilled, state })
}

const rate = (from: Sample | undefined, to: Sample | undefined): number =>
  from === undefined || to === undefined || to === from ? 0 : Math.round(((to.rows - from.rows) / (to.at - from.at)) * 1000)
const mib = (bytes: number): number => Math.round(bytes / MIB)
const maxRss = (): number => Math.max(0, ...[...workers.values()].map((worker) => worker.maxRss))

for (let second = 0; performance.now() - start < minutes * 60_000 && ended === undefined; second++) {
  await pause(SAMPLE_MS)
  sampleWorkers()
  if (killAt !== undefined && killed.length === 0 && performance.now() - start > killAt * 1_000) {
    killed.push(...workers.keys())
    console.log(`${String(second).padStart(5)} s  max RSS ${mib(maxRss())} MiB; killing ${killed.join(', ')}`)
    for (const pid of killed) process.kill(pid, 'SIGKILL')
    workers.clear()
  }
  if (second % REPORT_EVERY !== 0) continue
  await sampleProgress()
  const last = samples.at(-1)
  console.log(
    `${String(second).padStart(5)} s  max RSS ${mib(maxRss())} MiB of ${mib(declared)}  rows in ${last?.rows ?? 0}  ` +
      `${rate(samples.at(-2), last)} rows/s  state in memory ${mib(last?.state ?? 0)} MiB  spilled ${mib(last?.spilled ?? 0)} MiB`,
  )
}
const failed = ended
if (failed === undefined) {
  child.kill('SIGINT')
  for (let waited = 0; waited < 30 && ended === undefined; waited++) await pause(1_000)
  if (ended === undefined) child.kill('SIGKILL')
}
rmSync(directory, { recursive: true, force: true })

const busy = samples.filter(({ rows }) => rows > 0)
const exceeded = maxRss() > declared
console.log(
  `max RSS / declared: ${(maxRss() / declared).toFixed(2)}   rows/s at start ${rate(busy[0], busy[2])}, at end ${rate(busy.at(-3), busy.at(-1))}   ` +
    `spilled ${mib(samples.at(-1)?.spilled ?? 0)} MiB   workers ${workers.size}, ended ${gone.length}`,
)
if (failed !== undefined) console.log(`the job ended with status ${failed}:\n${output.slice(-4_000)}`)
else if (gone.length > 0) console.log(output.slice(-4_000))
process.exitCode = exceeded || gone.length > 0 || failed !== undefined ? 1 : 0
