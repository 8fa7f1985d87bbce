/**
 * The TaskExecutor: registers with the ResourceManager, serves its calls, tells the JobMaster what becomes of tasks. It routes; the
 * work is in task-slots.ts.
 *
 *   slots started ─▶ registering ─▶ serving ── shutdown ─────────────▶ ended (0)
 *                        ▲              └─ master lost: tasks run on ───┐
 *                        └──────────── another master may follow ───────┴─▶ none follows: tasks are cancelled, ended
 */
import { slotStarter, type StartSlot } from './slot-thread.js'
import type { Worker } from 'node:worker_threads'
import { tmpdir } from 'node:os'
import type { WorkerDescriptor } from '#core/cluster/worker-descriptor.js'
import { Configuration } from '#core/config/configuration.js'
import { TASKMANAGER_REGISTRATION_TIMEOUT } from '#core/config/options/cluster.js'
import { toWireError } from '#core/errors/wire-error.js'
import type { ExecutionAttemptId, JobId, OperatorId } from '#core/ids/ids.js'
import { logger } from '#core/log/logger.js'
import type { Channel } from '#core/rpc/channel.js'
import { BlobGateway } from '#core/rpc/gateways/blob.js'
import type { GatewayHandlers } from '#core/rpc/gateway.js'
import { JobMasterGateway, ResourceManagerGateway, type TaskExecutorGateway } from '#core/rpc/gateways/task-executor.js'
import { ConnectionLost, Fenced, UnknownEndpoint, type RpcConnection } from '#core/rpc/rpc-connection.js'
import type { BlobReference } from '#core/graph/deployment.js'
import { sleep, type Environment } from '#core/time/environment.js'
import { BlobCache } from '../blob/blob-cache.js'
import { fetchBlob } from '../blob/fetch-blob.js'
import { ProgramFiles } from '../blob/program-files.js'
import { MasterLost } from './errors.js'
import { startHeartbeats } from './heartbeats.js'
import { watchMemory } from './memory-watch.js'
import { ownProcess, type OwnProcess } from './own-process.js'
import { register, type Registration } from './registration.js'
import type { CheckpointReport, TaskStateUpdate } from './slot-messages.js'
import { StateReports } from './state-reports.js'
import { TaskSlots } from './task-slots.js'

const log = logger('TaskExecutor')

/** How long tasks get to end in order when the master is lost or says goodbye. */
const CLEAR_TIMEOUT_MS = 5_000
const STATE_CALL_TIMEOUT_MS = 30_000
/** An operator's coordinator answers when it can: the longest that a timer takes. */
const COORDINATOR_CALL_TIMEOUT_MS = 2_147_483_647

export interface TaskExecutorOptions {
  readonly descriptor: WorkerDescriptor
  readonly environment: Environment
  /** The application's secret; undefined inside one process. */
  readonly secret: Buffer | undefined
  /** The thread of a slot that was started ahead. */
  readonly firstSlot?: Worker | undefined
  /** How a slot comes to be, and the process that this is; a simulation has its own. */
  readonly startSlot?: StartSlot
  readonly process?: OwnProcess
  /** For files that last no longer than this process; undefined: the system's. */
  readonly temporaryDirectory?: string | undefined
  /** Where others reach this process. */
  readonly host: string
  /**
   * A connection to the master that leads now. `lost`: epoch of the master that was lost, undefined at the start. Undefined: no master is
   * known yet. 'none': no other will follow.
   */
  connect(lost: number | undefined): Promise<Channel | undefined | 'none'>
  /** It has registered with a master. */
  onRegistered?(connection: Pick<RpcConnection, 'gateway'>, epoch: number): void
  /** Whole lines to stdout or stderr; resolves when they are written. */
  write(text: string, stderr: boolean): Promise<void>
}

type End =
  | { readonly kind: 'shutdown'; readonly reason: string }
  | { readonly kind: 'lost'; readonly reason: string }
  | { readonly kind: 'fatal'; readonly error: Error }

export class TaskExecutor {
  readonly #options: TaskExecutorOptions
  readonly #process: OwnProcess
  readonly #slots: TaskSlots
  readonly #blobs = new BlobCache()
  readonly #programs: ProgramFiles
  #session: Session | undefined
  #fatal: Error | undefined
  #stopWatching: () => void = () => undefined
  #end: ((end: End) => void) | undefined
  /** How often a master was lost: what one asked for has no effect once it is. */
  #losses = 0

  constructor(options: TaskExecutorOptions) {
    this.#options = options
    this.#process = options.process ?? ownProcess
    this.#programs = new ProgramFiles(options.temporaryDirectory ?? tmpdir())
    this.#slots = new TaskSlots(
      options.descriptor,
      options.secret,
      options.environment,
      {
        onTaskState: (jobId, update) => this.#session?.reports.report(jobId, update),
        onCheckpointReport: (jobId, report) => void this.#reportCheckpoint(jobId, report),
        requestCoordinator: (jobId, task, operatorId, event) => this.#requestCoordinator(jobId, task, operatorId, event),
        fetchBlob: (jobId, reference) => this.#blobs.get(jobId, reference, () => this.#fetchBlob(jobId, reference)),
        programFile: (jobId, reference) =>
          this.#programs.path(jobId, reference, () => this.#blobs.get(jobId, reference, () => this.#fetchBlob(jobId, reference))),
        onJobGone: (jobId) => {
          this.#blobs.releaseJob(jobId)
          this.#programs.releaseJob(jobId)
        },
        write: (text, stderr) => options.write(text, stderr),
        onFatal: (error) => {
          this.#fatal = error
          this.#end?.({ kind: 'fatal', error })
        },
      },
      options.startSlot ?? slotStarter(options.firstSlot),
      this.#process,
    )
  }

  /**
   * Runs until the master is done with this TaskExecutor, or it cannot go on. Resolves when everything is stopped.
   * @throws why the process must end with status 1
   */
  async run(): Promise<void> {
    try {
      const dataPorts = await this.#slots.start()
      this.#watchMemory()
      let lost: number | undefined
      for (;;) {
        const session = await this.#register(dataPorts, lost)
        const end = await this.#serve(session)
        if (end.kind === 'fatal') throw end.error
        const runsOn = end.kind === 'lost' && this.#mayBeFollowed
        if (!runsOn) await this.#slots.clear(CLEAR_TIMEOUT_MS)
        session.close()
        this.#session = undefined
        if (end.kind === 'shutdown') return log.info(`Ending: ${end.reason}`)
        const said = `The JobManager is lost (${end.reason}): its tasks ${runsOn ? 'run on until another one comes' : 'are cancelled'}`
        if (this.#options.descriptor.master.kind === 'thread')
          log.info(said) // its process is ending
        else log.warn(said)
        lost = session.epoch
      }
    } finally {
      this.#stopWatching()
      this.#session?.close()
      await this.stopSlots()
    }
  }

  /** Another attempt of the master would write its address where this worker looks. */
  get #mayBeFollowed(): boolean {
    const { master } = this.#options.descriptor
    return master.kind === 'address' && master.leaderFile !== undefined
  }

  /** At once, in the turn in which it is noticed: what tasks come to from now on is for the next master. */
  #onLost(reason: string): void {
    this.#losses++
    if (this.#shutdownReason === undefined && this.#fatal === undefined && this.#mayBeFollowed) this.#slots.masterLost()
    this.#end?.({ kind: 'lost', reason })
    this.#session?.connection.close()
  }

  /** Ends the slots' threads at once, with what runs in them. */
  async stopSlots(): Promise<void> {
    await this.#slots.stop()
    this.#programs.close()
  }

  /** A TaskManager that is a thread shares its client's process: that one's size says nothing about it. */
  #watchMemory(): void {
    const { descriptor, environment } = this.#options
    if (descriptor.processMemory === 0 || descriptor.master.kind === 'thread') return
    this.#stopWatching = watchMemory({
      environment,
      limitBytes: () => Math.max(descriptor.processMemory, this.#slots.processBytes),
      sample: () => {
        const main = this.#process.memoryUsage()
        const slots = this.#slots.memory()
        return { rss: main.rss, heapUsed: main.heapUsed + slots.heapUsed, arrayBuffers: main.arrayBuffers + slots.arrayBuffers }
      },
      onTight: (tight) => this.#slots.tighten(tight),
      onExceeded: (error) => {
        this.#fatal = error
        this.#end?.({ kind: 'fatal', error })
      },
    })
  }

  /** For heartbeats. */
  #memory() {
    const main = this.#process.memoryUsage()
    const slots = this.#slots.memory()
    return {
      residentSetBytes: main.rss,
      memory: { ...slots, heapUsed: main.heapUsed + slots.heapUsed, arrayBuffers: main.arrayBuffers + slots.arrayBuffers },
    }
  }

  async #register(dataPorts: readonly { slotIndex: number; dataPort: number }[], lost: number | undefined): Promise<Session> {
    const { descriptor, environment, host } = this.#options
    const registration = await register({
      environment,
      resourceId: descriptor.resourceId,
      timeoutMs: Configuration.of(descriptor.configuration).get(TASKMANAGER_REGISTRATION_TIMEOUT),
      connect: async () => {
        const channel = await this.#options.connect(lost)
        if (channel === 'none') throw new MasterLost({ reason: 'its connection closed' })
        return channel
      },
      request: () => ({
        resourceId: descriptor.resourceId,
        host,
        pid: this.#process.pid,
        slots: [...dataPorts],
        slotReport: this.#slots.reportHeld(),
        tasks: this.#slots.orphans(),
        hardware: { ...this.#process.hardware(), managedMemory: this.#slots.managedBytes },
        processMemory: Math.max(descriptor.processMemory, this.#slots.processBytes),
      }),
      handlers: this.#handlers(),
      ended: () => this.#fatal !== undefined,
    })
    if (registration === undefined) throw this.#fatal ?? new Error('ended while registering')
    this.#options.onRegistered?.(registration.connection, registration.epoch)
    log.info(`Registered with the JobManager at ${registration.connection.peer}, epoch ${registration.epoch}`)
    const session = new Session(registration, environment)
    this.#session = session
    return session
  }

  async #serve(session: Session): Promise<End> {
    const { environment, descriptor } = this.#options
    const end = new Promise<End>((resolve) => (this.#end = resolve))
    if (this.#fatal !== undefined) this.#end?.({ kind: 'fatal', error: this.#fatal })
    if (this.#shutdownReason !== undefined) this.#end?.({ kind: 'shutdown', reason: this.#shutdownReason })
    session.connection.onClose((reason) => {
      if (this.#session === session) this.#onLost(reason?.message ?? 'its connection closed')
    })
    const resourceManager = session.connection.gateway(ResourceManagerGateway, 'resourcemanager', session.epoch, session.heartbeatTimeoutMs)
    const stopHeartbeats = startHeartbeats({
      environment,
      intervalMs: session.heartbeatIntervalMs,
      beat: () =>
        resourceManager.heartbeat({
          resourceId: descriptor.resourceId,
          slotReport: this.#slots.report(),
          ...this.#memory(),
          tasks: this.#slots.metrics(),
        }),
      tasksRunning: () => this.#slots.runningTasks > 0,
      onLost: (reason) => this.#onLost(reason instanceof Error ? reason.message : String(reason)),
    })
    const how = await end
    stopHeartbeats()
    if (how.kind === 'lost') session.connection.close()
    return how
  }

  #shutdownReason: string | undefined

  #handlers(): GatewayHandlers<typeof TaskExecutorGateway> {
    const slots = this.#slots
    /** @throws RPC_CONNECTION_LOST when the master is lost by then: what it asked for has no effect */
    const nextTurn = async () => {
      const losses = this.#losses
      await sleep(this.#options.environment, 0)
      if (this.#losses !== losses) throw new ConnectionLost({ peer: 'the JobManager', reason: null })
    }
    return {
      allocateSlot({ slotIndex, allocationId, jobId }) {
        slots.allocate(slotIndex, allocationId, jobId)
        return {}
      },
      async freeSlot({ allocationId, reason }) {
        await slots.free(allocationId, reason)
        return {}
      },
      submitTask(task) {
        slots.submit(task)
        return {}
      },
      prepareTask: async (task) => {
        await slots.prepare(task)
        return {}
      },
      triggerCheckpoint: async ({ executionAttemptId, barrier }) => {
        // A split that was answered just before goes first: the checkpoint's enumerator does not have it any more.
        await nextTurn()
        await slots.triggerCheckpoint(executionAttemptId, barrier)
        return {}
      },
      concludeCheckpoint({ executionAttemptIds, checkpointId, complete }) {
        slots.concludeCheckpoint(executionAttemptIds, checkpointId, complete)
        return {}
      },
      cancelTask({ executionAttemptId }) {
        slots.cancel(executionAttemptId)
        return {}
      },
      resize: ({ processMemory }) => {
        this.#slots.resize(processMemory)
        return {}
      },
      adoptTasks: async ({ jobId, executionAttemptIds, checkpointId, upTo }) => {
        await nextTurn() // then the registration is complete, and what is told of tasks goes to this master
        return slots.adopt(jobId, executionAttemptIds, checkpointId, upTo)
      },
      shutdown: ({ reason }) => {
        this.#shutdownReason = reason
        this.#end?.({ kind: 'shutdown', reason })
        return {}
      },
    }
  }

  /** An acknowledgement that does not arrive is a checkpoint that times out; one that the master cannot take is declined. */
  async #reportCheckpoint(jobId: JobId, report: CheckpointReport): Promise<void> {
    const jobMaster = this.#session?.jobMaster(jobId, STATE_CALL_TIMEOUT_MS)
    if (jobMaster === undefined) return
    const { executionAttemptId, checkpointId } = report
    try {
      if (report.type === 'decline') await jobMaster.declineCheckpoint({ executionAttemptId, checkpointId, error: report.error })
      else await jobMaster.acknowledgeCheckpoint({ executionAttemptId, checkpointId, state: report.state, metrics: report.metrics })
    } catch (error) {
      if (ConnectionLost.is(error) || Fenced.is(error) || UnknownEndpoint.is(error)) return
      log.warn(`Checkpoint ${checkpointId} of ${executionAttemptId} could not be reported (${report.type})`, error)
      if (report.type === 'acknowledge')
        await this.#reportCheckpoint(jobId, { type: 'decline', executionAttemptId, checkpointId, error: toWireError(error) })
    }
  }

  async #fetchBlob(jobId: JobId, reference: BlobReference): Promise<Uint8Array> {
    const session = this.#session
    if (session === undefined) throw new ConnectionLost({ peer: 'the JobManager', reason: null })
    return fetchBlob(session.connection.gateway(BlobGateway, 'blobserver', session.epoch), jobId, reference)
  }

  async #requestCoordinator(
    jobId: JobId,
    executionAttemptId: ExecutionAttemptId,
    operatorId: OperatorId,
    event: unknown,
  ): Promise<unknown> {
    for (;;) {
      // Asked again when the next master knows the task: what the one before had answered did not arrive.
      const known = await this.#slots.known(executionAttemptId)
      const session = this.#session
      if (!known || session === undefined) throw new ConnectionLost({ peer: 'the JobManager', reason: null })
      try {
        const { answer } = await session
          .jobMaster(jobId, COORDINATOR_CALL_TIMEOUT_MS)
          .operatorRequest({ executionAttemptId, operatorId, event })
        this.#slots.noteAnswer(executionAttemptId, operatorId, event, answer)
        return answer
      } catch (error) {
        if (!this.#slots.isOrphan(executionAttemptId)) throw error
      }
    }
  }
}

/** The time with one master. */
class Session {
  readonly connection: Registration['connection']
  readonly epoch: number
  readonly heartbeatIntervalMs: number
  readonly heartbeatTimeoutMs: number
  readonly reports: StateReports

  constructor(registration: Registration, environment: Environment) {
    this.connection = registration.connection
    this.epoch = registration.epoch
    this.heartbeatIntervalMs = registration.heartbeatIntervalMs
    this.heartbeatTimeoutMs = registration.heartbeatTimeoutMs
    this.reports = new StateReports(environment, (jobId: JobId, update: TaskStateUpdate) =>
      this.jobMaster(jobId, STATE_CALL_TIMEOUT_MS).updateTaskExecutionState(update),
    )
  }

  jobMaster(jobId: JobId, timeoutMs: number) {
    return this.connection.gateway(JobMasterGateway, `jobmaster/${jobId}`, this.epoch, timeoutMs)
  }

  close(): void {
    this.reports.close()
    this.connection.close()
  }
}
