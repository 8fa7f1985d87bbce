/**
 * `make sim-scale`: one master with 1,000 workers of 4 slots and 10,000 tasks. The master is the real Dispatcher, JobMasters,
 * ResourceManager and RPC; workers only say what real ones say (scale-worker.ts), and a driver starts them. Two ways to have so many tasks:
 * one job, and ten jobs of 1,000 tasks with all-to-all exchanges. The figures come last; status 1 when one is beyond its limit.
 *
 * What the master costs is CPU time of this process in the master's turns, garbage collection included. Its memory is this process's,
 * workers and network included.
 */
import { Configuration } from '#core/config/configuration.js'
import { FileSystems } from '#core/fs/file-systems.js'
import type { JobGraph } from '#core/graph/job-graph.js'
import type { OperatorSpec } from '#core/graph/operator-spec.js'
import { executedJobId, type JobId, type ResourceId } from '#core/ids/ids.js'
import { ResourceManagerGateway } from '#core/rpc/gateways/task-executor.js'
import { RpcConnection, RpcEndpoints } from '#core/rpc/rpc-connection.js'
import type { Millis } from '#core/time/environment.js'
import { Dispatcher } from '#am/dispatcher/dispatcher.js'
import { CheckpointCoordinator } from '#am/jobmaster/checkpoint/checkpoint-coordinator.js'
import type { CoordinatorLoader } from '#am/jobmaster/coordinators/coordinator-loader.js'
import { executions } from '#am/jobmaster/executiongraph/execution-graph.js'
import type { DriverListener, ResourceManagerDriver } from '#am/resourcemanager/drivers/driver.js'
import { ResourceManager } from '#am/resourcemanager/resource-manager.js'
import { workerLimits, workerSize } from '#am/resourcemanager/slotmanager/worker-limits.js'
import { edge, vertex } from './jobs.js'
import { Kernel, SimProcess } from './kernel.js'
import { Network } from './network.js'
import { ScaleWorker, type Figures } from './scale-worker.js'
import { SimFileSystem, Volume } from './volume.js'

const WORKERS = 1_000
const SLOTS_PER_WORKER = 4
const TASKS = 10_000
const WORKERS_PER_HOST = 4
const HEARTBEAT_MS = 10_000
/** Virtual time for which heartbeats alone are looked at. */
const STEADY_MS = 60_000
const LIMITS = { heartbeatShare: 0.1, deploymentMs: 10_000, memoryMb: 500 }
const MASTER = { host: 'master', port: 10_000 }
const FIRST = '5ca1e000000000000000000000000000' as JobId

/** Workers come up within a few seconds of being wanted. */
class ScaleDriver implements ResourceManagerDriver {
  readonly #kernel: Kernel
  readonly #start: (id: string, host: string, slots: number) => void
  #listener: DriverListener | undefined
  #started = 0

  constructor(kernel: Kernel, start: (id: string, host: string, slots: number) => void) {
    this.#kernel = kernel
    this.#start = start
  }
  start(listener: DriverListener): Promise<void> {
    this.#listener = listener
    return Promise.resolve()
  }
  declareWorkers(wanted: readonly { readonly slots: number; readonly count: number }[]): void {
    const dice = this.#kernel.random('driver')
    for (const { slots, count } of wanted) {
      for (; this.#started < count; this.#started++) {
        const id = `worker-${this.#started}`
        const host = `host-${Math.floor(this.#started / WORKERS_PER_HOST)}`
        this.#listener?.started(id as ResourceId, host, slots)
        this.#kernel.after(dice.between(2_000, 6_000), () => this.#start(id, host, slots))
      }
    }
  }
  discountWorker(): void {}
  blockNodes(): void {}
  setProgress(): void {}
  resizeWorker(): boolean {
    return false
  }
  releaseWorker(id: string): void {
    throw new Error(`${id} is given back, though all are needed`)
  }
  describePending(): string {
    return ''
  }
  finish(): Promise<boolean> {
    return Promise.resolve(true)
  }
}

/** Its tasks are told of nothing: no splits, no commits. */
const NO_COORDINATORS: CoordinatorLoader = {
  enumerator: () =>
    Promise.resolve({
      start: () => Promise.resolve(),
      nextSplit: () => Promise.resolve(null),
      snapshotState: () => [],
      addSplitsBack: () => undefined,
      close: () => Promise.resolve(),
    }),
  committer: () => Promise.resolve(undefined),
}

const SOURCE: OperatorSpec = {
  op: 'source',
  connector: 'filesystem',
  tableName: 'in',
  options: { path: 'hdfs://nn/in', format: 'raw' },
  schema: vertex(0, '', 1, { op: 'calc', projection: [] }).operators[0]?.outputSchema ?? { fields: [] },
  projection: [0],
  bounded: false,
}
const CALC: OperatorSpec = { op: 'calc', projection: [] }

function graph(number: number, name: string, vertices: JobGraph['vertices'], edges: JobGraph['edges']): JobGraph {
  return { version: 1, jobId: executedJobId(FIRST, number), name, jobType: 'STREAMING', vertices, edges, configuration: {} }
}

/** source → counter → sink, of the parallelisms given. */
function threeStages(
  number: number,
  [sources, counters, sinks]: readonly [number, number, number],
  exchange: 'HASH' | 'FORWARD',
): JobGraph {
  const id = number * 0x10000
  const most = 8_192
  return graph(
    number,
    `job ${number}`,
    [
      vertex(id + 1, 'Source', sources, SOURCE, most),
      vertex(id + 2, 'Count', counters, CALC, most),
      vertex(id + 3, 'Sink', sinks, CALC, most),
    ],
    [
      edge(id + 1, id + 2, exchange === 'HASH' ? { kind: 'HASH', keys: [0] } : { kind: 'FORWARD' }),
      edge(id + 2, id + 3, { kind: 'RESCALE' }),
    ],
  )
}

interface Measured {
  readonly deployed: Millis
  readonly deploymentCpu: Millis
  readonly startCpu: Millis
  readonly heartbeatShare: number
  readonly heartbeats: number
  readonly memoryMb: number
}

async function measure(jobs: readonly JobGraph[]): Promise<Measured> {
  const kernel = new Kernel(1, true)
  const network = new Network(kernel, { latency: [0.2, 2], timeout: 15_000 })
  const process = new SimProcess(kernel, 'master', MASTER.host)
  const { environment } = process
  const configuration = Configuration.of({
    'taskmanager.numberOfTaskSlots': String(SLOTS_PER_WORKER),
    'taskmanager.memory.process.size': '4 gb',
    'heartbeat.interval': `${HEARTBEAT_MS} ms`,
  })
  const fileSystems = new FileSystems('/', 'hdfs://nn')
  fileSystems.register('hdfs', new SimFileSystem(process, new Volume(), network, { failing: 0, slowness: 1 }), 'hdfs://nn/user')
  const endpoints = new RpcEndpoints()
  const figures: Figures = { registered: 0, running: 0, heartbeats: 0 }
  const broken: unknown[] = []
  const driver = new ScaleDriver(kernel, (id, host, slots) => {
    new ScaleWorker(id, host, slots, kernel, figures).run(network, MASTER).catch((error: unknown) => broken.push(error))
  })
  const resourceManager = new ResourceManager(driver, {
    configuration,
    environment,
    epoch: 1,
    placement: { kind: 'spread', slotsPerWorker: SLOTS_PER_WORKER },
    limits: workerLimits(configuration, workerSize(configuration)),
    heartbeatInterval: HEARTBEAT_MS,
    progress: () => 0.5,
    onFatal: (error) => broken.push(error),
  })
  endpoints.serve('resourcemanager', ResourceManagerGateway, resourceManager.handlers)
  const dispatcher = new Dispatcher({
    environment,
    configuration,
    endpoints,
    epoch: 1,
    slots: resourceManager,
    coordinators: () => NO_COORDINATORS,
    removeCheckpoints: () => Promise.resolve(),
    checkpoints: (jobConfiguration, jobGraph, host) =>
      new CheckpointCoordinator(jobGraph, host, {
        environment,
        fileSystems,
        configuration: jobConfiguration,
        epoch: 1,
        defaultDirectory: 'hdfs://nn/checkpoints',
      }),
  })
  network.listen(process, MASTER.port, (channel) => void new RpcConnection(channel, endpoints, environment))
  await resourceManager.start()
  process.after(0, () => void jobs.map((job) => dispatcher.submit(job)))

  // CPU of the master's turns so far, and of the whole process when they were looked at last.
  let cpu = 0
  let seen = 0
  let peakMb = 0
  const used = () => {
    const { user, system } = globalThis.process.cpuUsage()
    return (user + system) / 1000
  }
  kernel.onTurn = (who) => {
    const now = used()
    if (who === 'master') cpu += now - seen
    seen = now
    if (kernel.events % 1000 === 0) peakMb = Math.max(peakMb, globalThis.process.memoryUsage.rss() / 2 ** 20)
  }
  seen = used()
  const stage = async (until: Millis, done: () => boolean): Promise<{ readonly took: Millis; readonly cpu: Millis }> => {
    const [from, cpuFrom] = [kernel.now, cpu]
    await kernel.run(until, () => done() || broken.length > 0)
    const [first] = [...kernel.violations.map(({ what }) => what), ...broken.map(String)]
    if (first !== undefined || !done()) throw new Error(first ?? `not done after ${until} ms of virtual time`)
    return { took: kernel.now - from, cpu: cpu - cpuFrom }
  }
  const started = await stage(120_000, () => figures.registered === WORKERS)
  const deployed = await stage(240_000, () => figures.running === TASKS)
  const inRunning = dispatcher
    .jobs()
    .reduce((sum, { run }) => sum + [...executions(run.graph)].filter(({ state }) => state === 'RUNNING').length, 0)
  if (inRunning !== TASKS) throw new Error(`the master knows of ${inRunning} running tasks`)
  const before = figures.heartbeats
  const until = kernel.now + STEADY_MS
  const steady = await stage(Infinity, () => kernel.now >= until)
  return {
    deployed: deployed.took,
    deploymentCpu: deployed.cpu,
    startCpu: started.cpu,
    heartbeatShare: steady.cpu / steady.took,
    heartbeats: figures.heartbeats - before,
    memoryMb: peakMb,
  }
}

const scenarios: readonly (readonly [string, readonly JobGraph[]])[] = [
  ['one job of 4,000 pipelines', [threeStages(0, [4_000, 4_000, 2_000], 'FORWARD')]],
  ['ten jobs, each 400 x 400 exchanges', Array.from({ length: 10 }, (_, number) => threeStages(number, [400, 400, 200], 'HASH'))],
]

let short = 0
const figure = (name: string, value: number, limit: number, unit: string) => {
  const fits = value <= limit
  if (!fits) short++
  return `  ${name}: ${value.toFixed(value < 10 ? 2 : 0)} ${unit} (limit ${limit} ${unit})${fits ? '' : ' SHORT'}\n`
}
const [only] = process.argv.slice(2)
let text = ''
for (const [name, jobs] of scenarios) {
  if (only !== undefined && !name.startsWith(only)) continue
  const measured = await measure(jobs)
  text +=
    `${name}: ${WORKERS} workers x ${SLOTS_PER_WORKER} slots, ${TASKS} tasks\n` +
    figure('heartbeats', 100 * measured.heartbeatShare, 100 * LIMITS.heartbeatShare, '% of a core') +
    `    ${measured.heartbeats} of them in ${STEADY_MS / 1000} s, with counters of ${TASKS} tasks\n` +
    figure('all tasks deployed and running within', (measured.deployed + measured.deploymentCpu) / 1000, LIMITS.deploymentMs / 1000, 's') +
    `    ${(measured.deployed / 1000).toFixed(2)} s simulated and ${(measured.deploymentCpu / 1000).toFixed(2)} s of the master’s CPU; counted from the last registration, before which it needed ${(measured.startCpu / 1000).toFixed(1)} s of CPU\n` +
    figure('memory, of workers and network too', measured.memoryMb, LIMITS.memoryMb, 'MB')
}
process.stdout.write(`${text}${short === 0 ? 'within all limits' : `${short} figures beyond their limits`}\n`)
process.exitCode = short === 0 ? 0 : 1
