/**
 * One run: a cluster, an application with some jobs, and faults, all from one seed. Faults stop after a while; then every job must end,
 * with everything given back.
 */
import { descriptorFromEnvironment } from '#container/launch.js'
import type { Millis } from '#core/time/environment.js'
import { planFaults } from './faults.js'
import { makeJob, writeInput, type SimJob } from './jobs.js'
import { Kernel, type Violation } from './kernel.js'
import { SimMaster, type MasterWorld } from './master.js'
import { Network } from './network.js'
import { Oracle } from './oracle.js'
import { SimFileSystem, Volume, type VolumeTrouble } from './volume.js'
import { correctWiring, type Mutant } from './wiring.js'
import { SimWorker, type WorkerWorld } from './worker.js'
import { Yarn } from './yarn.js'

/** Jobs that have not ended so long after the last fault make no progress. */
const PATIENCE: Millis = 30 * 60_000
const MASTER_EXPIRY: Millis = 30_000
const NODE_EXPIRY: Millis = 20_000

export interface Outcome {
  readonly seed: number
  readonly violations: readonly Violation[]
  readonly lines: readonly string[]
  /** Of the transcript. */
  readonly digest: string
  readonly virtualMs: Millis
  readonly events: number
  readonly messages: number
  readonly attempts: number
  readonly tasks: number
  /** Times that a task went on under a later master. */
  readonly adopted: number
  readonly checkpoints: number
  readonly rows: number
  readonly faults: ReadonlyMap<string, number>
}

/** The parts of a running scenario that faults reach for. */
export interface Scene {
  readonly kernel: Kernel
  readonly network: Network
  readonly yarn: Yarn
  readonly disk: VolumeTrouble
  readonly tasks: { declining: number }
  /** Hears of each file that gets its name: a checkpoint's metadata, or output that becomes visible. */
  onNextFile(which: RegExp, action: () => void): void
  readonly workers: Map<string, SimWorker>
  master(): SimMaster | undefined
  /** Somebody cancels job `number`. */
  onCancelled(number: number): void
}

export async function runScenario(seed: number, mutant?: Mutant): Promise<Outcome> {
  const kernel = new Kernel(seed)
  const dice = kernel.random('scenario')
  const network = new Network(kernel, { latency: [0.2, dice.pick([2, 10, 60])], timeout: 15_000 })
  const volume = new Volume()
  const disk: VolumeTrouble = { failing: 0, slowness: 1 }
  const tasks = { declining: 0 }
  const jobs = makeJobs(dice)
  for (const job of jobs) writeInput(volume, job)
  const workers = new Map<string, SimWorker>()
  let master: SimMaster | undefined
  const oracle = new Oracle(kernel, volume, jobs, () => master)
  const wiring = { ...correctWiring, ...mutant?.wiring?.(kernel) }
  const fileSystem = (process: ConstructorParameters<typeof SimFileSystem>[0]) => new SimFileSystem(process, volume, network, disk)
  const workerWorld: WorkerWorld = {
    kernel,
    network,
    fileSystem,
    pace: ({ jobId }) => jobs.find(({ graph }) => graph.jobId === jobId) as SimJob,
    declining: () => tasks.declining,
    wrapChannel: (channel, worker) => mutant?.channel?.(channel, worker, kernel) ?? channel,
    onTaskStarted: (worker, task, slot) => oracle.onTaskStarted(worker, task, slot),
    onTaskAdopted: (worker, task) => oracle.onTaskAdopted(worker, task),
    onTaskEnded: (_worker, task) => oracle.onTaskEnded(task),
  }
  let started = 0
  const yarn = new Yarn(
    kernel,
    network,
    { nodes: dice.integer(3, 5), nodeMb: dice.integer(3, 5) * 1024, masterMb: 1024, masterExpiry: MASTER_EXPIRY, nodeExpiry: NODE_EXPIRY },
    (container, host, context, ended) => {
      const variables = Object.fromEntries((context.environment ?? []).map(({ key, value }) => [key ?? '', value ?? '']))
      const worker = new SimWorker(descriptorFromEnvironment(variables), `worker-${++started}`, host, workerWorld, ended)
      if (dice.chance(0.1)) worker.slowToCancel = [1_000, 9_000]
      workers.set(container, worker)
      worker.process.onEnd(() => workers.delete(container))
      return worker.process
    },
    (attempt, host, ended) => {
      master = new SimMaster(attempt, host, masterWorld, ended)
      return master.process
    },
  )
  yarn.onUnregister = (_status, leaked, outstanding) => oracle.onUnregister(leaked, outstanding)
  const masterWorld: MasterWorld = {
    kernel,
    network,
    yarn,
    wiring,
    configuration: configurationOf(dice),
    jobs,
    expiry: { master: MASTER_EXPIRY, node: NODE_EXPIRY },
    fileSystem,
    onCoordinatorsStarted: (job, epoch) => oracle.onCoordinatorsStarted(job, epoch),
    onRegistered: (resourceId, epoch) => oracle.onRegistered(resourceId, epoch),
    onJobEnded: (job, ended) => oracle.onJobEnded(job, ended),
    onLastLook: () => oracle.onLastLook(),
  }
  kernel.after(1_500, () => yarn.submit())
  const scene: Scene = {
    kernel,
    network,
    yarn,
    disk,
    tasks,
    workers,
    master: () => master,
    onNextFile: (which, action) => oracle.onNextFile(which, action),
    onCancelled: (number) => oracle.onCancelled(number),
  }
  const faults = planFaults(scene, kernel.random('faults'))
  // The application has ended, and what ran is gone.
  const gone = () => yarn.finished !== undefined && yarn.workers.size === 0 && master?.process.alive !== true
  await kernel.run(faults.until + PATIENCE, gone)
  if (kernel.violations.length === 0) {
    if (gone()) oracle.atEnd(faults.counts.size === 0)
    else kernel.violate('each job ends, or makes progress', `${PATIENCE / 60_000} minutes after the last fault: ${describe(scene, jobs)}`)
  }
  return {
    seed,
    violations: kernel.violations,
    lines: kernel.lines,
    digest: kernel.digest(),
    virtualMs: kernel.now,
    events: kernel.events,
    messages: network.messages,
    attempts: yarn.attempts,
    tasks: oracle.started,
    adopted: oracle.adopted,
    checkpoints: oracle.checkpoints.completed,
    rows: oracle.rows,
    faults: faults.counts,
  }
}

function makeJobs(dice: ReturnType<Kernel['random']>): SimJob[] {
  return Array.from({ length: dice.pick([1, 1, 1, 2, 3]) }, (_, number) =>
    makeJob(number, dice, {
      'execution.checkpointing.interval': dice.pick(['1 s', '2 s', '5 s']),
      'execution.checkpointing.timeout': dice.pick(['3 s', '10 s', '60 s']),
      'execution.checkpointing.max-concurrent-checkpoints': dice.pick(['1', '1', '2']),
      'execution.checkpointing.num-retained': dice.pick(['1', '3']),
      'execution.checkpointing.tolerable-failed-checkpoints': dice.pick(['0', '3']),
      'restart-strategy.type': 'fixed-delay',
      'restart-strategy.fixed-delay.attempts': '1000000',
      'restart-strategy.fixed-delay.delay': dice.pick(['100 ms', '1 s', '5 s']),
    }),
  )
}

function configurationOf(dice: ReturnType<Kernel['random']>): Record<string, string> {
  return {
    'taskmanager.numberOfTaskSlots': '2',
    'taskmanager.memory.process.size': '1 gb',
    'heartbeat.interval': '2 s',
    'heartbeat.timeout': dice.pick(['8 s', '15 s', '30 s']),
    'slot.request.timeout': '2 h',
    'jobmanager.adaptive-scheduler.submission.resource-wait-timeout': '2 h',
    'resourcemanager.taskmanager-timeout': dice.pick(['5 s', '30 s']),
    'resourcemanager.taskmanager-registration.timeout': '60 s',
    'task.cancellation.timeout': dice.pick(['5 s', '30 s']),
    'blob.offload.minsize': dice.pick(['100 b', '1 mb']),
  }
}

function describe({ yarn, master, workers }: Scene, jobs: readonly SimJob[]): string {
  const states = jobs.map(({ number }) => `job ${number} is ${master()?.jobs.get(number)?.state ?? 'not submitted'}`)
  const asked = [...yarn.model.table].map(([priority, { count }]) => `${count} of priority ${priority}`).join(', ')
  return `${states.join(', ')}; attempt ${yarn.attempts}, ${workers.size} workers run, ${yarn.held().length} containers held, asked for: ${asked || 'nothing'}`
}
