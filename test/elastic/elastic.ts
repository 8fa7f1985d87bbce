/**
 * Containers follow the load: `make elastic`. On a real pseudo-distributed Hadoop with four NodeManagers a job with 200 MB of keyed state gets
 * numbers at 1x -> 6x -> 1x -> 3x -> 0.2x of a rate, each of which takes 4 ms of a subtask's thread, so that the machine is not what is short.
 * The autoscaler is on. Load, parallelism, containers (as the ResourceManager tells) and output are sampled and drawn into
 * build/elastic/report.html; exit status 0 when everything holds that is promised.
 *
 *   elastic [--seconds 45] [--state-mb 200]        length of a step
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import type { RescalesOverview, RescaleSummary, ResourceRequirementsAnswer } from '#core/rest/rescale-responses.js'
import type { JobDetails } from '#core/rest/responses.js'
import { projectRoot, readText, startPseudoHadoop } from '#tools/pseudo-hadoop.js'
import { startWeft, type RunningCommand } from '../support/weft-command.js'
import { exactnessOf, isExact, parseRows, type CountedRow } from './exactness.js'
import { giveBackTime, pauseOf, quantile, reversals, stepSamples, type ElasticSample, type RescaleTimes, type Step } from './figures.js'
import { renderReport } from './report.js'

const { values: options } = parseArgs({
  options: { seconds: { type: 'string', default: '45' }, 'state-mb': { type: 'string', default: '200' } },
})
const STEP_MS = 1000 * Number(options.seconds)
const FACTORS = [1, 6, 1, 3, 0.2]
const RATE = 100
const MS_PER_NUMBER = 4
const BYTES_PER_KEY = 4096
const KEYS = Math.ceil((Number(options['state-mb']) * 1024 * 1024) / BYTES_PER_KEY)
const SLOTS = 1
const SAMPLE_MS = 500
/** Promises. */
const GIVEN_BACK_MS = 30_000
const MAX_REVERSALS = 2
const MAX_PAUSE_MS = 2_000
const START_LIMIT_MS = 240_000
const CALM_MS = 12_000
const END_LIMIT_MS = 120_000
const USER = 'alice'

const SETTINGS: Readonly<Record<string, string>> = {
  'parallelism.default': '1',
  'taskmanager.numberOfTaskSlots': String(SLOTS),
  'taskmanager.memory.process.size': '1g',
  'execution.checkpointing.interval': '5 s',
  // Numbers that wait for each other in one batch would hold up a barrier.
  'execution.buffer-timeout.interval': '10 ms',
  'job.autoscaler.enabled': 'true',
  'job.autoscaler.metrics.window': '5 s',
  'job.autoscaler.stabilization.interval': '3 s',
  'job.autoscaler.restart.time': '2 s',
  'job.autoscaler.catch-up.duration': '30 s',
  'job.autoscaler.scale-down.interval': '10 s',
  'job.autoscaler.scale-down.max-factor': '1.0',
  'job.autoscaler.vertex.max-parallelism': '6',
  'web.adaptive-scheduler.rescale-history.size': '100',
}

const say = (line: string): void => void process.stdout.write(`${line}\n`)
const folder = mkdtempSync(join(tmpdir(), 'weft-elastic-'))
const rateFile = join(folder, 'rate')
const hadoop = startPseudoHadoop('elastic-hadoop', ['--nodes', '4', '--memory-mb', '2304', '--heartbeat-ms', '250'])
let command: RunningCommand | undefined
let good = false
try {
  good = await run()
} catch (error) {
  say(`elastic: ${(error as Error).message}`)
} finally {
  if (command?.child.exitCode === null) command.child.kill('SIGKILL')
  hadoop.stop()
  rmSync(folder, { recursive: true, force: true })
}
process.exit(good ? 0 : 1)

async function run(): Promise<boolean> {
  const output = `${hadoop.defaultFs}/user/${USER}/elastic/out`
  writeFileSync(rateFile, String(RATE))
  const program = join(projectRoot, 'test/support/programs/changing-load.ts')
  const properties = Object.entries(SETTINGS).flatMap(([key, value]) => ['-D', `${key}=${value}`])
  const load = [output, rateFile, String(MS_PER_NUMBER), String(KEYS), String(BYTES_PER_KEY)]
  command = startWeft(['run', '-t', 'yarn-application', ...properties, program, ...load], {
    environment: { ...hadoop.environment, HADOOP_USER_NAME: USER },
  })
  let exited: string | undefined
  void command.result.then(({ status, stderr }) => (exited = `the job ended with ${status}: ${stderr.slice(-3000)}`))
  const [application = ''] = await command.says(/application_\d+_\d+/)
  const [, id = ''] = await command.says(/JobID ([0-9a-f]{32})/)
  const job = `/jobs/${id}`
  const get = async <T>(path: string): Promise<T> => {
    const answer = await fetch(`${hadoop.resourceManager}/proxy/${application}${path}?user.name=${USER}`)
    if (!answer.ok) throw new Error(`GET ${path}: ${answer.status} ${(await answer.text()).slice(0, 300)}`)
    return (await answer.json()) as T
  }
  const workers = async () =>
    Math.max(...Object.values(await get<ResourceRequirementsAnswer>(`${job}/resource-requirements`)).map(({ current }) => current))
  const look = async (): Promise<ElasticSample> => {
    const [parallelism, { app }] = await Promise.all([
      workers(),
      hadoop.cluster(`apps/${application}`) as Promise<{ app: { runningContainers: number } }>,
    ])
    return { at: Date.now(), parallelism, containers: app.runningContainers }
  }
  /** For people: how far the making of the state is. */
  let progress = 'nothing is known of the job'
  const settled = async (): Promise<boolean> => {
    const { state } = await get<JobDetails>(job)
    // What tasks count begins anew with a rescale that the making set off; the state does not.
    const { latest } = await get<{ latest: { completed: { state_size: number } | null } }>(`${job}/checkpoints`)
    const megabytes = Math.round((latest.completed?.state_size ?? 0) / 1024 / 1024)
    const { inProgress } = (await get<RescalesOverview>(`${job}/rescales/overview`)).rescalesCounts
    const subtasks = await workers()
    progress = `the job is ${state} with ${subtasks} subtasks, ${megabytes} MB in the newest checkpoint, ${inProgress} rescales under way`
    return state === 'RUNNING' && megabytes >= Number(options['state-mb']) && inProgress === 0 && subtasks === 1
  }

  say('the state is being made …')
  for (const limit = Date.now() + START_LIMIT_MS; !(await calm(settled)); await sleep(SAMPLE_MS)) {
    if (exited !== undefined) throw new Error(exited)
    if (Date.now() > limit) throw new Error(`the state is not there, with one subtask, within ${START_LIMIT_MS / 1000} s: ${progress}`)
  }
  const begin = Date.now()
  const steps: Step[] = []
  const samples: ElasticSample[] = []
  for (const factor of FACTORS) {
    const from = Date.now()
    const rate = RATE * factor
    writeFileSync(rateFile, String(rate))
    say(`${((from - begin) / 1000).toFixed(0)} s: ${factor}x, ${rate} numbers/s`)
    for (let next = from; Date.now() < from + STEP_MS; await sleep(Math.max(0, next - Date.now()))) {
      if (exited !== undefined) throw new Error(exited)
      next += SAMPLE_MS
      // While the master is busy with a rescale an answer may be late.
      const sample = await look().catch(() => undefined)
      if (sample !== undefined) samples.push(sample)
    }
    steps.push({ factor, rate, from, to: Date.now() })
  }
  const end = Date.now()
  const history = await get<RescaleSummary[]>(`${job}/rescales/history`)
  const checkpoints = await get<{ latest: { completed: { state_size: number } | null } }>(`${job}/checkpoints`)
  writeFileSync(rateFile, 'end')
  await Promise.race([command.result, sleep(END_LIMIT_MS, undefined, { ref: false })])
  if (command.child.exitCode !== 0) throw new Error(exited ?? 'the job did not end')
  const stateMb = (checkpoints.latest.completed?.state_size ?? 0) / 1024 / 1024
  return judge({ begin, end, steps, samples, history, stateMb, rows: await outputRows(output) })
}

/** Twice, with so much time between that the autoscaler has seen what the state's making left behind. */
async function calm(settled: () => Promise<boolean>): Promise<boolean> {
  const now = () => settled().catch(() => false)
  if (!(await now())) return false
  await sleep(CALM_MS)
  return now()
}

async function outputRows(output: string): Promise<CountedRow[]> {
  const hdfs = hadoop.fileSystem(USER)
  const texts: string[] = []
  for (const file of await hdfs.list(output)) {
    if (!file.directory && file.path.includes('/part-')) texts.push(await readText(hdfs, file.path))
  }
  return parseRows(texts)
}

interface Outcome {
  readonly begin: number
  readonly end: number
  readonly steps: readonly Step[]
  readonly samples: readonly ElasticSample[]
  readonly history: readonly RescaleSummary[]
  readonly stateMb: number
  readonly rows: readonly CountedRow[]
}

function judge({ begin, end, steps, samples, history, stateMb, rows }: Outcome): boolean {
  const times = Float64Array.from(rows, ({ at }) => at).sort()
  const done = history
    .filter(({ terminalState, startTimestampInMillis }) => terminalState === 'COMPLETED' && startTimestampInMillis >= begin)
    .map(rescaleTimes)
    .reverse()
  const rescales = done.map((each) => ({ ...each, at: each.from, pause: pauseOf(each, times) }))
  const failed = history.filter(({ terminalState }) => terminalState === 'FAILED')
  for (const { before, after, pause, phases, from } of rescales)
    say(
      `rescale at ${((from - begin) / 1000).toFixed(0)} s: ${before} -> ${after}, output paused ${Math.round(pause)} ms, ${JSON.stringify(phases)}`,
    )
  for (const { message, reason } of failed) say(`a rescale failed: ${message ?? ''} (${reason})`)

  const checks: { what: string; figure: string; good: boolean }[] = []
  const check = (what: string, figure: string, holds: boolean) => checks.push({ what, figure, good: holds })
  const atEnd = steps.map((step) => stepSamples(step, samples).at(-1)?.parallelism ?? 0)
  const follows = atEnd.every((parallelism, i) => {
    const before = steps[i - 1]
    if (before === undefined) return true
    const up = (steps[i] as Step).rate > before.rate
    return up ? parallelism > (atEnd[i - 1] as number) : parallelism < (atEnd[i - 1] as number)
  })
  check('workers follow up and down', steps.map(({ factor }, i) => `${factor}x: ${atEnd[i]}`).join(', '), follows)
  const falls = steps.filter((step, i) => i > 0 && step.rate < (steps[i - 1] as Step).rate)
  const returned = falls.map((step) => giveBackTime(step, samples, (parallelism) => 1 + Math.ceil(parallelism / SLOTS)))
  const told = returned.map((ms) => (ms === undefined ? 'not before the step ended' : `${(ms / 1000).toFixed(1)} s`)).join(', ')
  check(
    'containers above need back after the load fell, within 30 s',
    told,
    returned.every((ms) => ms !== undefined && ms <= GIVEN_BACK_MS),
  )
  const turns = steps.map((step) => reversals(stepSamples(step, samples).map(({ parallelism }) => parallelism)))
  check('reversals of a step, at most 2', turns.join(', '), Math.max(...turns) <= MAX_REVERSALS)
  const exact = exactnessOf(rows, KEYS)
  const { missing, repeated, miscounted } = exact
  const wrong = `${missing.length} missing, ${repeated.length} repeated, ${miscounted.length} keys miscounted`
  check('each number counted once', `${exact.rows} rows: ${wrong}`, isExact(exact))
  const pauses = rescales.map(({ pause }) => pause)
  const p95 = quantile(pauses, 0.95)
  const listed = `p50 ${quantile(pauses, 0.5)} ms, p95 ${p95} ms, of ${pauses.length} rescales with ${stateMb.toFixed(0)} MB of state`
  const enough = stateMb >= 0.95 * Number(options['state-mb'])
  check('output paused by a rescale, p95 at most 2 s', listed, pauses.length > 0 && p95 <= MAX_PAUSE_MS && enough)
  check('no rescale failed', String(failed.length), failed.length === 0)

  const seconds = Array.from({ length: Math.ceil((end - begin) / 1000) }, () => 0)
  for (const at of times) {
    const second = Math.floor((at - begin) / 1000)
    if (second >= 0 && second < seconds.length) seconds[second] = (seconds[second] ?? 0) + 1
  }
  const directory = join(projectRoot, 'build/elastic')
  mkdirSync(directory, { recursive: true })
  writeFileSync(join(directory, 'report.html'), renderReport({ begin, end, steps, samples, output: seconds, rescales, checks }))
  say('report: build/elastic/report.html')
  for (const { what, figure, good: holds } of checks) say(`${holds ? 'ok  ' : 'FAIL'} ${what}: ${figure}`)
  const all = checks.every(({ good: holds }) => holds)
  say(`elastic: ${all ? 'everything holds' : `${checks.filter(({ good: holds }) => !holds).length} of ${checks.length} do not hold`}`)
  return all
}

function rescaleTimes({ vertices, phases, startTimestampInMillis, endTimestampInMillis }: RescaleSummary): RescaleTimes {
  const most = (of: (vertex: RescaleSummary['vertices'][string]) => number) => Math.max(0, ...Object.values(vertices).map(of))
  return {
    before: most(({ preRescaleParallelism }) => preRescaleParallelism),
    after: most(({ postRescaleParallelism }) => postRescaleParallelism),
    from: phases.find(({ phase }) => phase === 'checkpoint')?.startTimestampInMillis ?? startTimestampInMillis,
    to: endTimestampInMillis ?? startTimestampInMillis,
    phases: Object.fromEntries(phases.map(({ phase, durationInMillis }) => [phase, durationInMillis])),
  }
}
