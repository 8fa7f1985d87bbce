/**
 * The master's process of one attempt: the real Dispatcher, JobMasters, ResourceManager and YARN driver with the real AM-RM session, put
 * together as am/master.ts and am/yarn-main.ts do it, over the simulated network and disk. Each seam where a mutant may sit goes through
 * `Wiring`.
 */
import { Configuration } from '#core/config/configuration.js'
import type { FileSystem } from '#core/fs/file-system.js'
import { FileSystems } from '#core/fs/file-systems.js'
import type { SpecOf } from '#core/graph/operator-spec.js'
import { announceLeader } from '#core/ha/leader-file.js'
import { ResourceManagerGateway } from '#core/rpc/gateways/task-executor.js'
import { RpcConnection, RpcEndpoints } from '#core/rpc/rpc-connection.js'
import type { GatewayHandlers } from '#core/rpc/gateway.js'
import type { Environment } from '#core/time/environment.js'
import { Dispatcher, type DispatcherServices } from '#am/dispatcher/dispatcher.js'
import { openJobResultStore, type JobResultStore } from '#am/dispatcher/job-result-store.js'
import { CheckpointCoordinator, removeCheckpoints } from '#am/jobmaster/checkpoint/checkpoint-coordinator.js'
import type { CheckpointHost, Checkpoints } from '#am/jobmaster/checkpoint/checkpoint-host.js'
import { leadershipCheck } from '#am/leadership.js'
import type { CoordinatorLoader } from '#am/jobmaster/coordinators/coordinator-loader.js'
import type { Job } from '#am/jobmaster/job-master.js'
import type { ResourceManagerDriver } from '#am/resourcemanager/drivers/driver.js'
import type { AmRm } from '#am/resourcemanager/drivers/yarn/heartbeat-thread.js'
import { workerLaunchContext } from '#am/resourcemanager/drivers/yarn/worker-launch.js'
import { YarnDriver } from '#am/resourcemanager/drivers/yarn/yarn-driver.js'
import { ResourceManager } from '#am/resourcemanager/resource-manager.js'
import { workerLimits, workerSize } from '#am/resourcemanager/slotmanager/worker-limits.js'
import type { SlotProvider } from '#am/slots/slot-provider.js'
import { AmRmClient } from '#hadoop/yarn/am-rm/am-rm-client.js'
import type { AmRmEvent } from '#hadoop/yarn/am-rm/events.js'
import { containerLaunchContext } from '#hadoop/yarn/launch-context.js'
import { NO_CREDENTIALS } from '#hadoop/security/credentials.js'
import { createCommitter } from '#runtime/connectors/filesystem/committer.js'
import { createEnumerator } from '#runtime/connectors/filesystem/enumerator.js'
import { ROOT, type SimJob } from './jobs.js'
import { CLEAN_UP_RETRY } from '#am/master.js'
import { retrying } from '#core/time/retrying.js'
import { SimProcess, type Kernel } from './kernel.js'
import type { Network } from './network.js'
import type { SimFileSystem } from './volume.js'
import type { Yarn } from './yarn.js'

export const STAGING = `${ROOT}/staging`
const MASTER_PORT = 10_000

export interface Expiry {
  readonly master: number
  readonly node: number
}

/** Where a mutant may change what passes; the correct wiring changes nothing. */
export interface Wiring {
  /** Silence after which YARN gives a master, or a node, up, as the master believes. */
  expiry(expiry: Expiry): Expiry
  environment(environment: Environment): Environment
  endpoints(endpoints: RpcEndpoints): RpcEndpoints
  fileSystem(fileSystem: FileSystem): FileSystem
  results(store: JobResultStore): JobResultStore
  slots(slots: SlotProvider): SlotProvider
  host(host: CheckpointHost): CheckpointHost
  checkpoints(checkpoints: Checkpoints): Checkpoints
  coordinators(loader: CoordinatorLoader): CoordinatorLoader
  driver(driver: ResourceManagerDriver): ResourceManagerDriver
  amRm(amRm: AmRm): AmRm
  amRmEvent(event: AmRmEvent): AmRmEvent | undefined
  resourceManagerHandlers(handlers: GatewayHandlers<typeof ResourceManagerGateway>): GatewayHandlers<typeof ResourceManagerGateway>
}

export interface MasterWorld {
  readonly kernel: Kernel
  readonly network: Network
  readonly yarn: Yarn
  readonly wiring: Wiring
  readonly configuration: Readonly<Record<string, string>>
  readonly jobs: readonly SimJob[]
  readonly expiry: Expiry
  fileSystem(process: SimProcess): SimFileSystem
  onCoordinatorsStarted(job: SimJob, epoch: number): void
  onRegistered(resourceId: string, epoch: number): void
  onJobEnded(job: SimJob, ended: Job): void
  /** The master looks for the last time for what tasks have left behind. */
  onLastLook(): void
}

export class SimMaster {
  readonly epoch: number
  readonly process: SimProcess
  readonly jobs = new Map<number, Job>()
  resourceManager: ResourceManager | undefined
  readonly #world: MasterWorld
  readonly #ended: (status: number) => void
  #confirmLeadership: (() => Promise<void>) | undefined

  constructor(attempt: number, host: string, world: MasterWorld, ended: (status: number) => void) {
    this.epoch = attempt
    this.#world = world
    this.#ended = ended
    this.process = new SimProcess(world.kernel, `master-${attempt}`, host)
    this.process.after(0, () => {
      this.#run().catch((error: unknown) => this.#exit(1, error instanceof Error ? error.message : String(error)))
    })
  }

  #exit(status: number, why: string): void {
    if (!this.process.alive) return
    this.#ended(status)
    this.process.end(`the JobManager exits with status ${status}: ${why}`)
  }

  async #run(): Promise<void> {
    const { process, epoch } = this
    const { network, wiring, jobs } = this.#world
    const environment = wiring.environment(process.environment)
    const configuration = Configuration.of(this.#world.configuration)
    const fileSystem = wiring.fileSystem(this.#world.fileSystem(process))
    const fileSystems = new FileSystems('/', ROOT)
    fileSystems.register('hdfs', fileSystem, `${ROOT}/user`)
    const endpoints = wiring.endpoints(new RpcEndpoints())
    const results = wiring.results(await openJobResultStore(fileSystem, `${STAGING}/results`, epoch))
    const dispatcher = new Dispatcher(this.#services(environment, configuration, endpoints, fileSystems, results))
    const port = MASTER_PORT + epoch
    network.listen(process, port, (channel) => void new RpcConnection(channel, endpoints, environment))
    const leaderFile = `${STAGING}/leader.json`
    const leader = announceLeader(fileSystem, leaderFile, { epoch, host: process.host, port }, environment, () => undefined)
    this.#confirmLeadership = leadershipCheck(fileSystem, leaderFile, epoch, environment, (error) => this.#exit(1, error.message))
    if (epoch > 1) await leader.tried
    const resourceManager = new ResourceManager(wiring.driver(this.#driver(environment, configuration, port, leaderFile)), {
      configuration,
      environment,
      epoch,
      placement: { kind: 'spread', slotsPerWorker: SLOTS_PER_WORKER },
      limits: workerLimits(configuration, workerSize(configuration)),
      heartbeatInterval: 2_000,
      progress: () => 0.5,
      onFatal: (error) => this.#exit(1, error.message),
    })
    this.resourceManager = resourceManager
    const { handlers } = resourceManager
    endpoints.serve(
      'resourcemanager',
      ResourceManagerGateway,
      wiring.resourceManagerHandlers({
        ...handlers,
        registerTaskExecutor: async (request, caller) => {
          const answer = await handlers.registerTaskExecutor(request, caller)
          this.#world.onRegistered(request.resourceId, epoch)
          return answer
        },
      }),
    )
    resourceManager.start().catch((error: unknown) => this.#exit(1, String(error)))
    await Promise.all(jobs.map((job) => this.#runJob(job, dispatcher)))
    this.#world.onLastLook()
    await dispatcher.removeLeftovers()
    const heard = await resourceManager.finish('SUCCEEDED', '')
    await leader.stop()
    if (heard) await retrying(environment, CLEAN_UP_RETRY, () => fileSystem.delete(STAGING)).catch(() => undefined)
    this.#exit(0, 'all jobs have ended')
  }

  async #runJob(job: SimJob, dispatcher: Dispatcher): Promise<void> {
    if (job.submitAfter > 0) await this.process.wait(job.submitAfter)
    const running = dispatcher.submit(job.graph)
    this.jobs.set(job.number, running)
    await running.result
    this.#world.onJobEnded(job, running)
  }

  #services(
    environment: Environment,
    configuration: Configuration,
    endpoints: RpcEndpoints,
    fileSystems: FileSystems,
    results: JobResultStore,
  ): DispatcherServices {
    const { wiring } = this.#world
    const earlier = () => this.resourceManager?.earlier
    const checkpointServices = (jobConfiguration: Configuration) => ({
      environment,
      fileSystems,
      configuration: jobConfiguration,
      epoch: this.epoch,
      defaultDirectory: `${ROOT}/checkpoints`,
    })
    return {
      environment,
      configuration,
      endpoints,
      epoch: this.epoch,
      results,
      slots: wiring.slots({
        leads: async () => {
          await this.resourceManager?.leads()
          await this.#confirmLeadership?.()
        },
        declare: (jobId, count, listener, giveBack) => this.resourceManager?.declare(jobId, count, listener, giveBack),
        forget: (jobId) => this.resourceManager?.forget(jobId),
        describeShortage: (jobId) => this.resourceManager?.describeShortage(jobId) ?? '',
        get earlier() {
          return earlier()
        },
        taskExecutor: (resourceId) => this.resourceManager?.taskExecutor(resourceId),
      }),
      coordinators: (jobConfiguration) => wiring.coordinators(this.#coordinators(fileSystems, jobConfiguration, environment)),
      checkpoints: (jobConfiguration, jobGraph, host) =>
        wiring.checkpoints(new CheckpointCoordinator(jobGraph, wiring.host(host), checkpointServices(jobConfiguration))),
      removeCheckpoints: (jobConfiguration, jobId, state) => removeCheckpoints(jobId, state, checkpointServices(jobConfiguration)),
    }
  }

  /** Those of the file system connector. */
  #coordinators(fileSystems: FileSystems, configuration: Configuration, environment: Environment): CoordinatorLoader {
    const services = { fileSystems, configuration, environment }
    return {
      enumerator: async (spec, where) => createEnumerator(spec as SpecOf<'source'>, { ...where, ...services }),
      committer: async (spec, where) => {
        const committer = createCommitter(spec as SpecOf<'sink'>, { ...where, ...services })
        const job = this.#world.jobs.find(({ graph }) => graph.jobId === where.jobId)
        return {
          start: (restored, subtasks) => {
            if (job !== undefined) this.#world.onCoordinatorsStarted(job, this.epoch)
            return committer.start(restored, subtasks)
          },
          commit: (committables, last) => committer.commit(committables, last),
          abort: () => committer.abort(),
        }
      },
    }
  }

  #driver(environment: Environment, configuration: Configuration, port: number, leaderFile: string): YarnDriver {
    const { yarn, wiring } = this.#world
    const { process, epoch } = this
    const launch = {
      configuration,
      resources: [],
      credentials: NO_CREDENTIALS,
      hadoopConfiguration: {},
      user: 'sim',
      master: { host: process.host, port, epoch, leaderFile },
    }
    return new YarnDriver({
      environment,
      shape: { memoryMb: WORKER_MB, vcores: (slots) => slots, nodeLabel: undefined },
      registration: { host: process.host, rpcPort: port, trackingUrl: '' },
      amRm: (onEvent) => wiring.amRm(this.#amRm(environment, epoch, onEvent)),
      preemptionGrace: PREEMPTION_GRACE,
      nodeManagers: yarn.nodeManagersFor(process),
      launchContext: (containerId, slots) => containerLaunchContext(workerLaunchContext(launch, containerId, slots)),
      readQueue: () => Promise.resolve(undefined),
      logTail: () => Promise.resolve(undefined),
    })
  }

  /** The heartbeat thread: what is said to it and what it says takes a moment, in order. */
  #amRm(environment: Environment, attempt: number, onEvent: (event: AmRmEvent) => void): AmRm {
    const { process } = this
    const { yarn, wiring } = this.#world
    const expiry = wiring.expiry(this.#world.expiry)
    const later = (action: () => void) => void process.after(0.1, action)
    const client = new AmRmClient({
      addresses: [],
      token: { identifier: Buffer.alloc(0), password: Buffer.alloc(0), kind: 'YARN_AM_RM_TOKEN', service: '' },
      environment,
      intervalMs: 1_000,
      requestIntervalMs: 200,
      expiryMs: expiry.master,
      leaseMs: Math.min(expiry.master, expiry.node),
      transport: yarn.transportFor(process, attempt),
      onEvent: (event) =>
        later(() => {
          const passed = wiring.amRmEvent(event)
          if (passed !== undefined) onEvent(passed)
        }),
    })
    return {
      register: (registration) => later(() => client.register(registration)),
      setAsks: (asks, seen) => later(() => client.setAsks(asks, seen)),
      release: (ids) => later(() => client.release(ids)),
      resize: (wish) => later(() => client.resize(wish)),
      setBlacklist: (hosts) => later(() => client.setBlacklist(hosts)),
      setProgress: (progress) => later(() => client.setProgress(progress)),
      finish: (finish) => later(() => client.finish(finish)),
      close: () => client.close(),
    }
  }
}

/** What the scheduler is configured to give; it may be less. */
const PREEMPTION_GRACE = 10_000
export const SLOTS_PER_WORKER = 2
export const WORKER_MB = 1024
