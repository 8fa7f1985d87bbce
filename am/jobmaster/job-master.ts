/**
 * The JobMaster of one job: feeds its scheduler with events, one at a time, and carries out the effects. All deciding is in
 * scheduler/; this shell knows gateways, timers and coordinators.
 */
import type { Configuration } from '#core/config/configuration.js'
import { AUTOSCALER_ENABLED } from '#core/config/options/autoscaler.js'
import { BLOB_OFFLOAD_MIN_SIZE, SLOT_REQUEST_TIMEOUT, RESOURCE_WAIT_TIMEOUT } from '#core/config/options/cluster.js'
import { CHECKPOINT_INTERVAL } from '#core/config/options/checkpointing.js'
import { CLIENT_HEARTBEAT_TIMEOUT, WEB_EXCEPTION_HISTORY, WEB_RESCALE_HISTORY } from '#core/config/options/rest.js'
import { formatDuration } from '#core/config/units.js'
import { fromWireError } from '#core/errors/wire-error.js'
import type { JobGraph } from '#core/graph/job-graph.js'
import { roleOf } from '#core/graph/operator-spec.js'
import { isTerminalExecutionState, isTerminalJobState, type JobState } from '#core/graph/states.js'
import type { ExecutionAttemptId, JobId, ResourceId, VertexId } from '#core/ids/ids.js'
import { logger } from '#core/log/logger.js'
import { unreachable } from '#core/machine/step.js'
import type { GatewayHandlers } from '#core/rpc/gateway.js'
import type { JobMasterGateway } from '#core/rpc/gateways/task-executor.js'
import type { Environment, TimerHandle } from '#core/time/environment.js'
import { CollectCoordinator } from './coordinators/collect-coordinator.js'
import { JobAutoscaler } from '../autoscaler/job-autoscaler.js'
import { autoscalerSettings } from '../autoscaler/settings.js'
import type { BlobWriter } from '../blob/blob-server.js'
import type { CoordinatorLoader } from './coordinators/coordinator-loader.js'
import { JobCoordinators } from './coordinators/job-coordinators.js'
import { Offloading } from './deployment/offload.js'
import type { EarlierTasks, SlotListener, SlotProvider, Vacation } from '../slots/slot-provider.js'
import { WorkerLost, WorkerTakenBack } from '../slots/worker-lost.js'
import type { CheckpointHost, Checkpoints, RestoredJob } from './checkpoint/checkpoint-host.js'
import { awaitEarlierTasks, tellAdopted } from './adoption/earlier-tasks.js'
import { graphDigest } from './adoption/graph-digest.js'
import { reconcile } from './adoption/reconcile.js'
import { ClientGone, JobEnding, SlotsUnavailable, StaleAttempt, TableInaccessible, TableUnavailable } from './errors.js'
import { createExecutionGraph, findExecution, slotsNeeded, type Committable } from './executiongraph/execution-graph.js'
import { allRegions } from './executiongraph/pipelined-regions.js'
import { vacate } from './vacating.js'
import { withParallelism, type Parallelism } from './executiongraph/rescaled-graph.js'
import { checkpointHost, finishedSubtask } from './job-checkpoint-host.js'
import { RescaleRefused, whyNotRescalable } from './requirements.js'
import type { ResourceRequirements } from './scheduler/rescale.js'
import { restartStrategy } from './scheduler/restart-strategy.js'
import { createScheduler, schedule } from './scheduler/scheduler.js'
import type {
  JobFailure,
  JobRun,
  SchedulerEffect,
  SchedulerEvent,
  SchedulerSettings,
  SchedulerState,
  SchedulerTimer,
  TaskDeployment,
} from './scheduler/state.js'

/** YARN reports the end of a container within two heartbeats (of the NodeManager and of ours); then logs are fetched. */
const EXPLANATION_TIMEOUT_MS = 6_000

/** A rescale waits so long at most for slots to load and read what its tasks will need; what is missing then is got while output waits. */
const PREPARATION_LIMIT_MS = 30_000

const AS_IT_IS: Parallelism = new Map()

const NO_REGIONS: ReadonlySet<number> = new Set()

export interface JobMasterServices {
  /** Of this master: its attempts differ from those of an earlier one. */
  readonly epoch: number
  readonly environment: Environment
  readonly configuration: Configuration
  readonly slots: SlotProvider
  readonly coordinators: CoordinatorLoader
  readonly blobs: BlobWriter
  /** The job's checkpoint coordinator. */
  checkpoints(jobGraph: JobGraph, host: CheckpointHost): Checkpoints
  /** The job has ended; its result is told when this is done. Must not reject. */
  onEnd(job: Job, result: JobResult): Promise<void>
}

export interface JobResult {
  readonly state: 'FINISHED' | 'FAILED' | 'CANCELED'
  readonly failure: JobFailure | undefined
}

/** A job as those see it who did not start it. */
export interface Job {
  readonly jobId: JobId
  readonly jobGraph: JobGraph
  readonly settings: SchedulerSettings
  /** It ended under an earlier attempt of the master. */
  readonly recovered: boolean
  /** The result's rows of a job that has a collect operator. */
  readonly collect: CollectCoordinator | undefined
  /** Undefined: it ended under an earlier attempt. */
  readonly checkpoints: Checkpoints | undefined
  /** Undefined: job.autoscaler.enabled is false, or the job is none that can be rescaled. */
  readonly autoscaler: JobAutoscaler | undefined
  /** Settles once the job is in a terminal state, its coordinators are closed and its end is written down. */
  readonly result: Promise<JobResult>
  /** A snapshot; immutable. */
  readonly run: JobRun
  readonly state: JobState
  /** Asks the job to end; no effect on one that has ended or commits. */
  cancel(): void
  /**
   * Asks the job to run at another parallelism; `requirements` were checked, `reason` is for people. Returns the uuid under which `run` tells
   * how far that is. @throws JOB_RESCALE_REFUSED
   */
  rescale(requirements: ResourceRequirements, reason: string): string
  /** A while after the end: removes what tasks have written since that could not be reached to be stopped. Never rejects. */
  removeLeftovers(): Promise<void>
}

export function schedulerSettings(configuration: Configuration, jobGraph: JobGraph): SchedulerSettings {
  return {
    restartStrategy: restartStrategy(configuration, takesCheckpoints(configuration, jobGraph)),
    resourceWaitTimeout: Math.min(configuration.get(SLOT_REQUEST_TIMEOUT), configuration.get(RESOURCE_WAIT_TIMEOUT)),
    explanationTimeout: EXPLANATION_TIMEOUT_MS,
    exceptionHistorySize: configuration.get(WEB_EXCEPTION_HISTORY),
    rescaleHistorySize: configuration.get(WEB_RESCALE_HISTORY),
  }
}

/** By itself; savepoints may be asked of any streaming job. */
function takesCheckpoints(configuration: Configuration, { jobType }: JobGraph): boolean {
  return jobType === 'STREAMING' && configuration.get(CHECKPOINT_INTERVAL) !== undefined
}

export class JobMaster implements Job {
  readonly recovered = false
  readonly jobId: JobId
  readonly settings: SchedulerSettings
  readonly collect: CollectCoordinator | undefined
  readonly checkpoints: Checkpoints
  readonly autoscaler: JobAutoscaler | undefined
  readonly result: Promise<JobResult>
  readonly #services: JobMasterServices
  readonly #coordinators: JobCoordinators
  readonly #offloading: Offloading
  readonly #listener: SlotListener
  readonly #log
  readonly #events: { readonly event: SchedulerEvent; readonly committables: readonly Committable[] }[] = []
  readonly #timers = new Map<SchedulerTimer, TimerHandle>()
  #state: SchedulerState
  #working = false
  /** Workers that are being left: each looks again when slots have come. */
  readonly #vacating = new Set<() => void>()
  #coordinatorTurn: Promise<unknown> = Promise.resolve()
  /** What the job begins with was looked for. */
  #recovered = false
  /** Until the job has decided which of its tasks under an earlier master go on: it asks for nothing before. */
  #earlier: EarlierTasks | undefined
  #declaredLater: Extract<SchedulerEffect, { type: 'declareSlots' }> | undefined
  #graphDigest: string | undefined
  #resolve: (result: JobResult) => void = () => undefined

  constructor(jobGraph: JobGraph, services: JobMasterServices) {
    const { environment, configuration } = services
    this.jobId = jobGraph.jobId
    this.#services = services
    this.#earlier = services.slots.earlier
    this.#log = logger(`JobMaster ${jobGraph.jobId}`)
    this.settings = schedulerSettings(configuration, jobGraph)
    const clientTimeout = configuration.get(CLIENT_HEARTBEAT_TIMEOUT)
    this.collect = jobGraph.vertices.some((vertex) => vertex.operators.some((node) => roleOf(node.spec) === 'collect'))
      ? new CollectCoordinator(
          environment,
          clientTimeout,
          () => this.#dispatch({ type: 'fatal', error: new ClientGone({ silence: formatDuration(clientTimeout) }) }),
          takesCheckpoints(configuration, jobGraph),
        )
      : undefined
    this.#coordinators = new JobCoordinators(jobGraph, services.coordinators, this.collect)
    this.#offloading = new Offloading(services.blobs, configuration.get(BLOB_OFFLOAD_MIN_SIZE))
    this.#state = createScheduler(jobGraph, services.epoch, environment.clock.now())
    this.checkpoints = services.checkpoints(
      jobGraph,
      checkpointHost({
        graph: () => this.#state.job.graph,
        away: () => this.#awayRegions(),
        slots: services.slots,
        coordinators: this.#coordinators,
        inTurn: (action) => this.#inTurn(action),
        failJob: (error) => this.#dispatch({ type: 'globalFailure', error }),
        cancelJob: () => this.cancel(),
      }),
    )
    this.autoscaler =
      configuration.get(AUTOSCALER_ENABLED) && jobGraph.jobType === 'STREAMING'
        ? new JobAutoscaler(this, autoscalerSettings(configuration), environment)
        : undefined
    this.result = new Promise((resolve) => (this.#resolve = resolve))
    this.#listener = {
      slotOffered: (slot) => {
        this.#dispatch({ type: 'slotOffered', slot })
        for (const look of [...this.#vacating]) look()
      },
      slotLost: (allocationId, error) => this.#dispatch({ type: 'slotLost', allocationId, error }),
      workerLost: (resourceId, host, error, explained) => this.#dispatch({ type: 'workerLost', resourceId, host, error, explained }),
      workerExplained: (resourceId, error) => this.#dispatch({ type: 'workerExplained', resourceId, error }),
      vacate: (vacation) => this.#vacate(vacation),
      metrics: (attemptId, metrics) => this.#dispatch({ type: 'taskMetrics', attemptId, metrics }),
      noResources: (error) => {
        if (this.#lacksSlots()) this.#dispatch({ type: 'fatal', error })
        else this.#dispatch({ type: 'timer', timer: 'rescale-slots', error })
      },
    }
  }

  get jobGraph(): JobGraph {
    return this.#state.job.graph.jobGraph
  }

  get run(): JobRun {
    return this.#state.job
  }

  /** Rows that wait at the sources, by vertex, where it is known. */
  pendingRecords(): ReadonlyMap<VertexId, number> {
    return this.#coordinators.pendingRecords()
  }

  get state(): JobState {
    return this.#state.job.jobState
  }

  start(): void {
    this.#dispatch({ type: 'start' })
    this.autoscaler?.start()
  }

  cancel(): void {
    this.#dispatch({ type: 'cancel' })
  }

  rescale(requirements: ResourceRequirements, reason: string): string {
    const takes = takesCheckpoints(this.#services.configuration, this.jobGraph)
    const refused = whyNotRescalable({ run: this.run, collects: this.collect !== undefined, takesCheckpoints: takes })
    if (refused !== undefined) throw new RescaleRefused({ job: this.jobId, reason: refused })
    const uuid = this.#services.environment.random.bytes(16).toString('hex')
    this.#dispatch({ type: 'rescale', request: { uuid, requirements, reason } })
    return uuid
  }

  /** The master has lost its right to run jobs: tasks are no longer its business. */
  failNow(error: Error): void {
    this.#dispatch({ type: 'fatal', error })
  }

  /** What TaskExecutors say to this job. */
  readonly handlers: GatewayHandlers<typeof JobMasterGateway> = {
    updateTaskExecutionState: (update) => {
      const { executionAttemptId: attemptId, state, metrics } = update
      const error = update.error === undefined ? undefined : fromWireError(update.error)
      const committables = (update.committables ?? []) as Committable[]
      this.#dispatch({ type: 'taskState', attemptId, state, error, metrics }, committables)
      return {}
    },
    // Which attempts a checkpoint waits for is known to its coordinator, which has files of all others deleted.
    acknowledgeCheckpoint: ({ executionAttemptId, checkpointId, state, metrics }) => {
      this.checkpoints.acknowledge(executionAttemptId, checkpointId, state, metrics)
      return {}
    },
    declineCheckpoint: ({ executionAttemptId, checkpointId, error }) => {
      this.checkpoints.decline(executionAttemptId, checkpointId, fromWireError(error))
      return {}
    },
    operatorRequest: async ({ executionAttemptId, operatorId, event }) => {
      const found = findExecution(this.#state.job.graph, executionAttemptId)
      if (found === undefined || isTerminalExecutionState(found.execution.state)) throw new StaleAttempt({ attempt: executionAttemptId })
      try {
        return { answer: await this.#coordinators.request(operatorId, found.execution.subtaskIndex, event) }
      } catch (error) {
        // An enumerator that failed is no fault of the task that asked: all of them begin again, and it with them.
        if (TableUnavailable.is(error) || TableInaccessible.is(error)) this.#dispatch({ type: 'globalFailure', error: asError(error) })
        throw error
      }
    },
  }

  /** `committables`: what a task had prepared when it finished. */
  #dispatch(event: SchedulerEvent, committables: readonly Committable[] = []): void {
    this.#events.push({ event, committables })
    if (this.#working) return // an effect caused it: its turn comes after the present event
    this.#working = true
    try {
      for (let next = this.#events.shift(); next !== undefined; next = this.#events.shift()) {
        const { clock, random } = this.#services.environment
        const before = this.#state
        const step = schedule(before, next.event, { now: clock.now(), uniform: random.uniform() }, this.settings)
        this.#state = step.state
        if (before.name !== step.state.name) this.#log.debug(`${before.name} -> ${step.state.name} (${next.event.type})`)
        const changed = before.job.graph !== step.state.job.graph && next.event.type !== 'taskMetrics'
        if (changed && next.event.type === 'taskState') {
          const finished = finishedSubtask(before.job.graph, step.state.job.graph, next.event.attemptId)
          if (finished !== undefined) this.checkpoints.taskFinished(finished, next.committables)
        }
        for (const effect of step.effects) this.#perform(effect)
        if (changed) this.checkpoints.tasksChanged()
      }
    } finally {
      this.#working = false
    }
  }

  #perform(effect: SchedulerEffect): void {
    switch (effect.type) {
      case 'declareSlots':
        return this.#declare(effect)
      case 'suspendCheckpoints':
        return this.checkpoints.suspend(effect.reason, effect.restarted, effect.again)
      case 'prepareRescale':
        return void this.checkpoints
          .triggerForRescale(effect.jobGraph, (states) => this.#prepare(effect.tasks, states))
          .then(
            () => this.#dispatch({ type: 'rescalePrepared', round: effect.round }),
            (error: unknown) => this.#dispatch({ type: 'rescalePrepared', round: effect.round, problem: asError(error) }),
          )
      case 'startCoordinators':
        return void this.#startCoordinators(effect).catch((error: unknown) =>
          this.#dispatch({ type: 'coordinatorFailed', start: effect.start, error: asError(error) }),
        )
      case 'commit':
        return void this.#commitAtEnd().then(
          () => this.#dispatch({ type: 'committed' }),
          (error: unknown) => this.#dispatch({ type: 'globalFailure', error: asError(error) }),
        )
      case 'abortCoordinators':
        return void this.#abortCoordinators().then(() => this.#dispatch({ type: 'aborted' }))
      case 'deploy':
        return this.#deploy(effect)
      case 'cancelTask':
        // A lost connection is reported by the ResourceManager; a task that is gone has reported its end.
        void this.#services.slots
          .taskExecutor(effect.resourceId)
          ?.cancelTask({ executionAttemptId: effect.attemptId })
          .catch((error: unknown) => this.#log.debug(`cancel ${effect.attemptId}: ${String(error)}`))
        return
      case 'startTimer':
        this.#cancelTimer(effect.timer)
        this.#timers.set(
          effect.timer,
          this.#services.environment.timers.after(effect.delay, () => this.#onTimer(effect.timer)),
        )
        return
      case 'cancelTimer':
        return this.#cancelTimer(effect.timer)
      case 'jobState':
        return this.#onJobState(effect.state, effect.failure)
      default:
        return unreachable(effect)
    }
  }

  #declare(effect: Extract<SchedulerEffect, { type: 'declareSlots' }>): void {
    if (this.#earlier !== undefined && effect.count > 0) {
      this.#declaredLater = effect
      return
    }
    this.#earlier = undefined
    this.#services.slots.declare(this.jobId, effect.count, this.#listener, effect.giveBack)
  }

  #deploy({ slot, descriptor: described }: Extract<SchedulerEffect, { type: 'deploy' }>): void {
    this.#graphDigest ??= graphDigest(this.jobGraph)
    const descriptor = { ...described, graphDigest: this.#graphDigest }
    const failed = (error: unknown) =>
      this.#dispatch({
        type: 'taskState',
        attemptId: descriptor.executionAttemptId,
        state: 'FAILED',
        error: error instanceof Error ? error : new Error(String(error)),
      })
    const { resourceId, host } = slot.location
    const gateway = this.#services.slots.taskExecutor(resourceId)
    if (gateway === undefined) return failed(new WorkerLost({ worker: resourceId, host, reason: 'it is not registered any more' }))
    try {
      gateway.submitTask(this.#offloading.submission(descriptor)).catch(failed)
    } catch (error) {
      failed(error) // too large to be sent
    }
  }

  /** The tasks' slots get ready for them, as far as they can within some time. Never rejects. */
  async #prepare(tasks: readonly TaskDeployment[], states: RestoredJob['tasks']): Promise<void> {
    const prepared = tasks.map(async ({ slot, descriptor }) => {
      const restore = states.get(descriptor.vertexId)?.[descriptor.subtaskIndex]
      const task = restore === undefined ? descriptor : { ...descriptor, restore }
      try {
        await this.#services.slots.taskExecutor(slot.location.resourceId)?.prepareTask(this.#offloading.submission(task))
      } catch (error) {
        this.#log.debug(
          `${descriptor.vertexName} (${descriptor.subtaskIndex + 1}/${descriptor.parallelism}) is not prepared: ${String(error)}`,
        )
      }
    })
    let timer: TimerHandle | undefined
    const late = new Promise<void>((resolve) => (timer = this.#services.environment.timers.after(PREPARATION_LIMIT_MS, resolve)))
    await Promise.race([Promise.all(prepared), late])
    timer?.cancel()
  }

  async #startCoordinators({ start, restarted }: Extract<SchedulerEffect, { type: 'startCoordinators' }>): Promise<void> {
    await this.#services.slots.leads()
    // Not in turn: a checkpoint that is being completed is waited for, whose commit needs its own turn.
    const restored = await (this.#recovered ? this.checkpoints.restore() : this.checkpoints.recover(this.#isSelectAgain))
    if (this.#earlier !== undefined && (await this.#adopt(start, restored, this.#earlier))) return
    await this.#inTurn(async () => {
      if (!this.#isAwaited(start)) return // the job ends, or more of it starts again: that has its own turn
      const jobGraph = withParallelism(this.jobGraph, restored?.parallelism ?? AS_IT_IS)
      if (restarted === 'all') await this.#coordinators.start(restored, jobGraph)
      else await this.#coordinators.restart(restarted, restored, jobGraph)
    })
    if (restored !== undefined && this.#isAwaited(start)) {
      this.#log.info(`Starts from checkpoint ${restored.checkpointId} (${restored.path}).`)
    }
    // Until then the job does not have the parallelism that an earlier master gave it: a start that fails recovers again.
    if (this.#isAwaited(start)) this.#recovered = true
    this.#dispatch({ type: 'coordinatorsStarted', start, restored })
  }

  /** True: tasks that still run were found; the scheduler knows what becomes of them. */
  async #adopt(start: number, restored: RestoredJob | undefined, earlier: EarlierTasks): Promise<boolean> {
    const { environment, epoch, slots } = this.#services
    const jobGraph = withParallelism(this.jobGraph, restored?.parallelism ?? AS_IT_IS)
    const needed = slotsNeeded(jobGraph)
    try {
      const graph = createExecutionGraph(jobGraph, epoch, environment.clock.now())
      const tasks = await awaitEarlierTasks(earlier, this.jobId, graph)
      if (tasks.length === 0) return false
      return await this.#inTurn(async () => {
        const mute = await this.#coordinators.load(jobGraph)
        const found = reconcile(tasks, {
          graph,
          graphDigest: (this.#graphDigest ??= graphDigest(jobGraph)),
          checkpointId: restored?.checkpointId,
          never: this.#neverAdopted(),
          takesAssigned: (operatorId) => !mute.has(operatorId),
        })
        if (found.regions.size > 0) await this.#coordinators.adopt(restored, jobGraph, found.splits)
        if (!this.#isAwaited(start)) return true // the job ends: its slots are freed with it
        const held = earlier.keep(this.jobId, needed, this.#listener, new Set(found.executions.map(({ allocationId }) => allocationId)))
        this.#earlier = undefined
        this.#declaredLater = undefined // at the parallelism that it was submitted with
        this.checkpoints.numbersUsed(found.highestCheckpoint)
        const { executions, regions, refused } = found
        if (refused !== undefined) this.#log.info(`Not every task that still runs goes on: ${refused}.`)
        this.#recovered = true
        this.#dispatch({ type: 'tasksAdopted', start, restored, adopted: { executions, regions, slots: held } })
        this.#tellAdopted(restored, found.highestCheckpoint)
        return true
      })
    } finally {
      if (this.#earlier !== undefined) {
        // None of them goes on.
        if (this.#isAwaited(start)) earlier.keep(this.jobId, needed, this.#listener, new Set())
        this.#earlier = undefined
      }
      const later = this.#declaredLater
      this.#declaredLater = undefined
      if (later !== undefined && this.#isAwaited(start)) slots.declare(this.jobId, later.count, this.#listener, later.giveBack)
    }
  }

  /** Why this job begins anew under each master, in words. */
  #neverAdopted(): string | undefined {
    if (this.collect !== undefined) return 'the rows of a SELECT went with the JobManager that had them'
    return this.jobGraph.jobType === 'STREAMING' ? undefined : 'the job runs in batch mode'
  }

  #tellAdopted(restored: RestoredJob | undefined, upTo: number): void {
    const attempts = new Map<ResourceId, ExecutionAttemptId[]>()
    for (const slot of this.run.slots) attempts.set(slot.location.resourceId, [])
    for (const { vertex, executions } of this.run.graph.vertices) {
      for (const execution of executions) {
        if (execution.state !== 'INITIALIZING' || execution.slot === undefined) continue
        attempts.get(execution.slot.location.resourceId)?.push(execution.attemptId)
        this.#log.debug(`${vertex.name} (${execution.subtaskIndex + 1}/${vertex.parallelism}) goes on as ${execution.attemptId}`)
      }
    }
    const count = [...attempts.values()].reduce((sum, each) => sum + each.length, 0)
    const from = restored === undefined ? 'There is no complete checkpoint' : `The newest complete checkpoint is ${restored.checkpointId}`
    this.#log.info(`${count} tasks that ran on without a JobManager go on. ${from}.`)
    tellAdopted(this.#services.slots, {
      jobId: this.jobId,
      attempts,
      checkpointId: restored?.checkpointId,
      upTo,
      runs: (attemptId) => this.#dispatch({ type: 'taskState', attemptId, state: 'RUNNING' }),
      lost: (attemptId, error) => this.#dispatch({ type: 'taskState', attemptId, state: 'FAILED', error }),
    })
  }

  #vacate(vacation: Vacation): void {
    const { workers, reason } = vacation
    if (this.settings.restartStrategy.kind === 'none') {
      return this.#log.warn(`${reason}: ${[...workers].join(', ')}. This job may not restart (restart-strategy.type), so its tasks stay.`)
    }
    const error = new WorkerTakenBack({ worker: [...workers].join(', '), host: this.#hostsOf(workers).join(', '), reason })
    const look = vacate(vacation, {
      environment: this.#services.environment,
      replaced: () =>
        this.run.slots.filter(({ location }) => !workers.has(location.resourceId)).length >= slotsNeeded(this.run.graph.jobGraph),
      checkpoint: takesCheckpoints(this.#services.configuration, this.jobGraph)
        ? () => this.checkpoints.triggerCheckpoint('CONFIGURED')
        : undefined,
      leave: () => {
        this.#vacating.delete(look)
        this.#dispatch({ type: 'vacate', resourceIds: workers, error })
      },
    })
    this.#vacating.add(look)
  }

  #hostsOf(workers: ReadonlySet<ResourceId>): string[] {
    return [...new Set(this.run.slots.filter(({ location }) => workers.has(location.resourceId)).map(({ location }) => location.host))]
  }

  /** It waits for slots, or will when the pause before its restart is over. */
  #lacksSlots(): boolean {
    const { name, job } = this.#state
    return name === 'WaitingForResources' || (name === 'Restarting' && job.slots.length < slotsNeeded(this.jobGraph))
  }

  #awayRegions(): ReadonlySet<number> {
    const state = this.#state
    if (state.name === 'Executing') return NO_REGIONS
    return state.name === 'Restarting' ? state.restart.regions : allRegions(state.job.graph.regions)
  }

  /** The rows of a SELECT went with the master that had them: its result begins anew. */
  get #isSelectAgain(): boolean {
    return this.collect !== undefined && this.#services.epoch > 1
  }

  #isAwaited(start: number): boolean {
    const state = this.#state
    const coordinators =
      state.name === 'Restarting' ? state.restart.coordinators : state.name === 'WaitingForResources' ? state.coordinators : undefined
    return coordinators?.name === 'starting' && coordinators.start === start
  }

  /** All tasks have finished: a checkpoint that is almost complete commits first, then what none has committed is. */
  async #commitAtEnd(): Promise<void> {
    this.checkpoints.suspend(new JobEnding({}), [])
    await this.checkpoints.settled()
    await this.#inTurn(async () => {
      await this.#services.slots.leads()
      await this.#coordinators.commit(this.checkpoints.uncommitted())
    })
  }

  #abortCoordinators(): Promise<void> {
    const { environment, epoch } = this.#services
    return this.#inTurn(() => this.#coordinators.abort(environment, epoch > 1 ? this.run.graph.jobGraph : undefined))
  }

  /** Coordinators do one thing at a time, in the order asked for. */
  #inTurn<T>(action: () => Promise<T>): Promise<T> {
    const outcome = this.#coordinatorTurn.then(action)
    this.#coordinatorTurn = outcome.catch(() => undefined)
    return outcome
  }

  #onTimer(timer: SchedulerTimer): void {
    this.#timers.delete(timer)
    if (timer !== 'resource-wait' && timer !== 'rescale-slots') return this.#dispatch({ type: 'timer', timer })
    const { rescale, slots } = this.run
    const error = new SlotsUnavailable({
      held: slots.length,
      needed: timer === 'rescale-slots' ? (rescale?.record.slotsAfter ?? 0) : slotsNeeded(this.jobGraph),
      waited: formatDuration(this.settings.resourceWaitTimeout),
      reason: this.#services.slots.describeShortage(this.jobId),
    })
    this.#dispatch({ type: 'timer', timer, error })
  }

  #cancelTimer(timer: SchedulerTimer): void {
    this.#timers.get(timer)?.cancel()
    this.#timers.delete(timer)
  }

  #onJobState(state: JobState, failure: JobFailure | undefined): void {
    const message = `Job ${this.jobGraph.name} (${this.jobId}) switched to ${state}`
    if (failure !== undefined) this.#log.info(`${message}: ${failure.error.message}`)
    else this.#log.info(`${message}.`)
    if (!isTerminalJobState(state)) return
    for (const timer of [...this.#timers.keys()]) this.#cancelTimer(timer)
    this.autoscaler?.stop()
    this.#services.slots.forget(this.jobId)
    const result = { state, failure } as JobResult
    // The end is written down before checkpoints go: a later master that does not know of it starts from the newest one.
    void this.#inTurn(() => this.#coordinators.close())
      .then(() => this.#services.onEnd(this, result))
      .then(() => this.checkpoints.end(state))
      .finally(() => this.#resolve(result))
  }

  async removeLeftovers(): Promise<void> {
    if (this.collect !== undefined) return
    if (this.state === 'FINISHED') {
      await this.#inTurn(() => this.#coordinators.commit([])).catch((error: unknown) =>
        this.#log.warn('Leftovers could not be removed', error),
      )
    } else await this.#abortCoordinators()
    await this.checkpoints.removeLeftovers(this.state)
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error))
}
