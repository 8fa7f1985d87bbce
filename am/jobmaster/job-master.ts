/**
 * The JobMaster of one job: feeds its scheduler with events, one at a time, and carries out the effects. All deciding is in
 * scheduler/; this shell knows gateways, timers and coordinators.
 */
import type { Configuration } from '#core/config/configuration.js'
import { BLOB_OFFLOAD_MIN_SIZE, SLOT_REQUEST_TIMEOUT, RESOURCE_WAIT_TIMEOUT } from '#core/config/options/cluster.js'
import { CLIENT_HEARTBEAT_TIMEOUT, WEB_EXCEPTION_HISTORY } from '#core/config/options/rest.js'
import { formatDuration } from '#core/config/units.js'
import { fromWireError } from '#core/errors/wire-error.js'
import type { JobGraph } from '#core/graph/job-graph.js'
import { roleOf } from '#core/graph/operator-spec.js'
import { isTerminalExecutionState, isTerminalJobState, type JobState } from '#core/graph/states.js'
import type { JobId } from '#core/ids/ids.js'
import { logger } from '#core/log/logger.js'
import { unreachable } from '#core/machine/step.js'
import type { GatewayHandlers } from '#core/rpc/gateway.js'
import type { JobMasterGateway } from '#core/rpc/gateways/task-executor.js'
import type { Environment, TimerHandle } from '#core/time/environment.js'
import { CollectCoordinator } from './coordinators/collect-coordinator.js'
import type { BlobWriter } from '../blob/blob-server.js'
import type { CoordinatorLoader } from './coordinators/coordinator-loader.js'
import { JobCoordinators } from './coordinators/job-coordinators.js'
import { Offloading } from './deployment/offload.js'
import type { SlotListener, SlotProvider } from '../slots/slot-provider.js'
import { WorkerLost } from '../slots/worker-lost.js'
import { ClientGone, SlotsUnavailable, StaleAttempt } from './errors.js'
import { findExecution, slotsNeeded, type Committable } from './executiongraph/execution-graph.js'
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
} from './scheduler/state.js'

/** YARN reports the end of a container within two heartbeats (of the NodeManager and of ours); then logs are fetched. */
const EXPLANATION_TIMEOUT_MS = 6_000

export interface JobMasterServices {
  /** Of this master: its attempts differ from those of an earlier one. */
  readonly epoch: number
  readonly environment: Environment
  readonly configuration: Configuration
  readonly slots: SlotProvider
  readonly coordinators: CoordinatorLoader
  readonly blobs: BlobWriter
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
  /** Settles once the job is in a terminal state, its coordinators are closed and its end is written down. */
  readonly result: Promise<JobResult>
  /** A snapshot; immutable. */
  readonly run: JobRun
  readonly state: JobState
  /** Asks the job to end; no effect on one that has ended or commits. */
  cancel(): void
}

export function schedulerSettings(configuration: Configuration): SchedulerSettings {
  return {
    restartStrategy: restartStrategy(configuration),
    resourceWaitTimeout: Math.min(configuration.get(SLOT_REQUEST_TIMEOUT), configuration.get(RESOURCE_WAIT_TIMEOUT)),
    explanationTimeout: EXPLANATION_TIMEOUT_MS,
    exceptionHistorySize: configuration.get(WEB_EXCEPTION_HISTORY),
  }
}

export class JobMaster implements Job {
  readonly recovered = false
  readonly jobId: JobId
  readonly jobGraph: JobGraph
  readonly settings: SchedulerSettings
  readonly collect: CollectCoordinator | undefined
  readonly result: Promise<JobResult>
  readonly #services: JobMasterServices
  readonly #coordinators: JobCoordinators
  readonly #offloading: Offloading
  readonly #listener: SlotListener
  readonly #log
  readonly #events: SchedulerEvent[] = []
  readonly #timers = new Map<SchedulerTimer, TimerHandle>()
  #state: SchedulerState
  #working = false
  #coordinatorTurn: Promise<void> = Promise.resolve()
  #resolve: (result: JobResult) => void = () => undefined

  constructor(jobGraph: JobGraph, services: JobMasterServices) {
    const { environment, configuration } = services
    this.jobId = jobGraph.jobId
    this.jobGraph = jobGraph
    this.#services = services
    this.#log = logger(`JobMaster ${jobGraph.jobId}`)
    this.settings = schedulerSettings(configuration)
    const clientTimeout = configuration.get(CLIENT_HEARTBEAT_TIMEOUT)
    this.collect = jobGraph.vertices.some((vertex) => vertex.operators.some((node) => roleOf(node.spec) === 'collect'))
      ? new CollectCoordinator(environment, clientTimeout, () =>
          this.#dispatch({ type: 'fatal', error: new ClientGone({ silence: formatDuration(clientTimeout) }) }),
        )
      : undefined
    this.#coordinators = new JobCoordinators(jobGraph, services.coordinators, this.collect)
    this.#offloading = new Offloading(services.blobs, configuration.get(BLOB_OFFLOAD_MIN_SIZE))
    this.#state = createScheduler(jobGraph, services.epoch, environment.clock.now())
    this.result = new Promise((resolve) => (this.#resolve = resolve))
    this.#listener = {
      slotOffered: (slot) => this.#dispatch({ type: 'slotOffered', slot }),
      slotLost: (allocationId, error) => this.#dispatch({ type: 'slotLost', allocationId, error }),
      workerLost: (resourceId, host, error, explained) => this.#dispatch({ type: 'workerLost', resourceId, host, error, explained }),
      workerExplained: (resourceId, error) => this.#dispatch({ type: 'workerExplained', resourceId, error }),
      metrics: (attemptId, metrics) => this.#dispatch({ type: 'taskMetrics', attemptId, metrics }),
      noResources: (error) => this.#state.name === 'WaitingForResources' && this.#dispatch({ type: 'fatal', error }),
    }
  }

  get run(): JobRun {
    return this.#state.job
  }

  get state(): JobState {
    return this.#state.job.jobState
  }

  start(): void {
    this.#dispatch({ type: 'start' })
  }

  cancel(): void {
    this.#dispatch({ type: 'cancel' })
  }

  /** The master has lost its right to run jobs: tasks are no longer its business. */
  failNow(error: Error): void {
    this.#dispatch({ type: 'fatal', error })
  }

  /** What TaskExecutors say to this job. */
  readonly handlers: GatewayHandlers<typeof JobMasterGateway> = {
    updateTaskExecutionState: (update) => {
      const error = update.error === undefined ? undefined : fromWireError(update.error)
      this.#dispatch({
        type: 'taskState',
        attemptId: update.executionAttemptId,
        state: update.state,
        error,
        metrics: update.metrics,
        committables: update.committables as Committable[] | undefined,
      })
      return {}
    },
    acknowledgeCheckpoint: () => ({}),
    declineCheckpoint: () => ({}),
    operatorRequest: async ({ executionAttemptId, operatorId, event }) => {
      const found = findExecution(this.#state.job.graph, executionAttemptId)
      if (found === undefined || isTerminalExecutionState(found.execution.state)) throw new StaleAttempt({ attempt: executionAttemptId })
      return { answer: await this.#coordinators.request(operatorId, found.execution.subtaskIndex, event) }
    },
  }

  #dispatch(event: SchedulerEvent): void {
    this.#events.push(event)
    if (this.#working) return // an effect caused it: its turn comes after the present event
    this.#working = true
    try {
      for (let next = this.#events.shift(); next !== undefined; next = this.#events.shift()) {
        const { clock, random } = this.#services.environment
        const before = this.#state.name
        const step = schedule(this.#state, next, { now: clock.now(), uniform: random.uniform() }, this.settings)
        this.#state = step.state
        if (before !== step.state.name) this.#log.debug(`${before} -> ${step.state.name} (${next.type})`)
        for (const effect of step.effects) this.#perform(effect)
      }
    } finally {
      this.#working = false
    }
  }

  #perform(effect: SchedulerEffect): void {
    switch (effect.type) {
      case 'declareSlots':
        return this.#services.slots.declare(this.jobId, effect.count, this.#listener)
      case 'startCoordinators':
        return this.#inTurn(() => this.#coordinators.start(effect.attempt), { type: 'coordinatorsStarted' })
      case 'commit':
        return this.#inTurn(() => this.#coordinators.commit(effect.committables), { type: 'committed' })
      case 'abortCoordinators':
        return this.#inTurn(() => this.#coordinators.abort(), { type: 'aborted' })
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

  #deploy({ slot, descriptor }: Extract<SchedulerEffect, { type: 'deploy' }>): void {
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

  /** Coordinators do one thing at a time, in the order asked for. */
  #inTurn(action: () => Promise<void>, done: SchedulerEvent): void {
    this.#coordinatorTurn = this.#coordinatorTurn.then(action).then(
      () => this.#dispatch(done),
      (error: unknown) => this.#dispatch({ type: 'coordinatorFailed', error: error instanceof Error ? error : new Error(String(error)) }),
    )
  }

  #onTimer(timer: SchedulerTimer): void {
    this.#timers.delete(timer)
    if (timer !== 'resource-wait') return this.#dispatch({ type: 'timer', timer })
    const error = new SlotsUnavailable({
      held: this.run.slots.length,
      needed: slotsNeeded(this.jobGraph),
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
    this.#services.slots.forget(this.jobId)
    const result = { state, failure } as JobResult
    this.#coordinatorTurn = this.#coordinatorTurn
      .then(() => this.#coordinators.close())
      .then(() => this.#services.onEnd(this, result))
      .finally(() => this.#resolve(result))
  }
}
