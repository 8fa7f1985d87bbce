/**
 * What the scheduler of a job knows, hears and asks for. One scheduler, adaptive in Flink's sense: it declares what the job
 * needs and starts when that is there.
 *
 *   Created → WaitingForResources → Executing → Finished
 *                        │            ▲    │
 *                        └─────┬───── │ ───┤
 *                              ▼      │    ▼
 *                            Restarting ──▶ Failing | Canceling → Finished
 *
 * Restarting: some regions, or all, start again from the newest complete checkpoint; the tasks of the others go on. They do so after a
 * failure, and to run at another parallelism (rescaling.ts).
 */
import type { TaskDeploymentDescriptor } from '#core/graph/deployment.js'
import type { JobGraph } from '#core/graph/job-graph.js'
import type { ExecutionState, JobState } from '#core/graph/states.js'
import type { AllocationId, ExecutionAttemptId, ResourceId } from '#core/ids/ids.js'
import type { TaskMetrics } from '#core/rpc/gateways/task-metrics.js'
import type { Millis } from '#core/time/environment.js'
import type { AdoptedExecution } from '../adoption/reconcile.js'
import type { RestartedSubtask, RestoredJob } from '../checkpoint/checkpoint-host.js'
import type { ExecutionGraph } from '../executiongraph/execution-graph.js'
import type { PooledSlot } from '../../slots/slot-provider.js'
import type { SlotPool } from '../slotpool/slot-pool.js'
import type { PendingRescale, RescaleHistory, RescaleRequest, ResourceRequirements } from './rescale.js'
import type { RestartHistory, RestartStrategy } from './restart-strategy.js'

/** A failure as people see it in the job's exception history. */
export interface JobFailure {
  readonly error: Error
  readonly timestamp: Millis
  /** `Calc (1/2)`; undefined: not of one task. */
  readonly taskName: string | undefined
  /** Host of the worker, and the worker. */
  readonly endpoint: string | undefined
  readonly resourceId: ResourceId | undefined
  /** Why the restart strategy restarts no more; absent: there is none, or it was not asked. */
  readonly notRestarted?: string
}

/** What never depends on the state. */
export interface SchedulerSettings {
  readonly restartStrategy: RestartStrategy
  /** How long to wait for slots. */
  readonly resourceWaitTimeout: Millis
  /** How long a lost worker's end may take to be explained before the job ends without the explanation. */
  readonly explanationTimeout: Millis
  readonly exceptionHistorySize: number
  readonly rescaleHistorySize: number
}

/** The part that lives through all states. */
export interface JobRun {
  readonly graph: ExecutionGraph
  readonly slots: SlotPool
  readonly jobState: JobState
  /** When each job state was (last) entered. */
  readonly timestamps: Readonly<Partial<Record<JobState, Millis>>>
  /** Newest first, bounded. */
  readonly failures: readonly JobFailure[]
  readonly restarts: RestartHistory
  /** Of coordinators: how often they were asked to start. */
  readonly starts: number
  /** What the job may run at, by vertex. */
  readonly requirements: ResourceRequirements
  /** To another parallelism: asked for, or under way. */
  readonly rescale: PendingRescale | undefined
  readonly rescales: RescaleHistory
}

/**
 * How far the way out is: tasks end, then (if wanted) the explanation of a lost worker is awaited, then coordinators give up
 * what sinks prepared.
 */
export type ClosingPhase = 'canceling' | 'explaining' | 'aborting'

/** What a start of coordinators led to. Which start: the latest one asked for has the highest number. */
export type CoordinatorsState =
  | { readonly name: 'idle' }
  | { readonly name: 'starting'; readonly start: number }
  | { readonly name: 'started'; readonly restored: RestoredJob | undefined }

/** What starts again, and how far that is. Everything goes on at once: tasks end, the pause runs, slots come. */
export interface Restart {
  readonly regions: ReadonlySet<number>
  /** Coordinators, too, begin from what the checkpoint says; otherwise only what they gave to the regions is taken back. */
  readonly global: boolean
  /** The pause of the restart strategy is not over. */
  readonly pausing: boolean
  /** Begin when the regions' tasks have ended. */
  readonly coordinators: CoordinatorsState
  /** They could not start: they do not begin before the pause is over. */
  readonly coordinatorsPause: boolean
  /** Only slots are missing: they are waited for, with a bound. */
  readonly lackingSlots: boolean
}

export type SchedulerState =
  | { readonly name: 'Created'; readonly job: JobRun }
  | { readonly name: 'WaitingForResources'; readonly job: JobRun; readonly coordinators: CoordinatorsState }
  /** `committing`: all tasks have finished, sinks make visible what is left. */
  | { readonly name: 'Executing'; readonly job: JobRun; readonly committing: boolean }
  | {
      readonly name: 'Restarting'
      readonly job: JobRun
      /** Undefined: nothing failed, the job is rescaled. */ readonly failure: JobFailure | undefined
      readonly restart: Restart
    }
  | {
      readonly name: 'Failing'
      readonly job: JobRun
      readonly phase: ClosingPhase
      readonly failure: JobFailure
      readonly unexplained: ResourceId | undefined
    }
  | { readonly name: 'Canceling'; readonly job: JobRun; readonly phase: ClosingPhase }
  | { readonly name: 'Finished'; readonly job: JobRun; readonly failure: JobFailure | undefined }

export type SchedulerStateName = SchedulerState['name']
export type StateOf<N extends SchedulerStateName> = Extract<SchedulerState, { name: N }>

export type SchedulerTimer = 'resource-wait' | 'restart' | 'explanation' | 'rescale-slots'

/** Of an earlier master. Coordinators have begun where `regions` is not empty. */
export interface AdoptedTasks {
  /** All that run: those of other regions have to end first. */
  readonly executions: readonly AdoptedExecution[]
  readonly regions: ReadonlySet<number>
  /** Theirs, as far as they are still held. */
  readonly slots: readonly PooledSlot[]
}

export type SchedulerEvent =
  | { readonly type: 'start' }
  | { readonly type: 'cancel' }
  | { readonly type: 'slotOffered'; readonly slot: PooledSlot }
  | { readonly type: 'slotLost'; readonly allocationId: AllocationId; readonly error: Error }
  /** The worker does not answer any more. `explained`: the error says why. */
  | {
      readonly type: 'workerLost'
      readonly resourceId: ResourceId
      readonly host: string
      readonly error: Error
      readonly explained: boolean
    }
  /** The job is to leave these workers: what runs there starts again elsewhere. `error`: why, for people. */
  | { readonly type: 'vacate'; readonly resourceIds: ReadonlySet<ResourceId>; readonly error: Error }
  /** Why it was lost, learned later. */
  | { readonly type: 'workerExplained'; readonly resourceId: ResourceId; readonly error: Error }
  | {
      readonly type: 'taskState'
      readonly attemptId: ExecutionAttemptId
      readonly state: ExecutionState
      readonly error?: Error | undefined
      readonly metrics?: TaskMetrics | undefined
    }
  | { readonly type: 'taskMetrics'; readonly attemptId: ExecutionAttemptId; readonly metrics: TaskMetrics }
  | { readonly type: 'coordinatorsStarted'; readonly start: number; readonly restored: RestoredJob | undefined }
  /** Instead of it, under a master that follows another: some of its tasks still run, and those of these regions are taken over. */
  | { readonly type: 'tasksAdopted'; readonly start: number; readonly restored: RestoredJob | undefined; readonly adopted: AdoptedTasks }
  /** `start`: the start that failed. */
  | { readonly type: 'coordinatorFailed'; readonly start: number; readonly error: Error }
  /** Not of one region: the job fails over as a whole (a commit that failed, too many failed checkpoints). */
  | { readonly type: 'globalFailure'; readonly error: Error }
  | { readonly type: 'committed' }
  | { readonly type: 'aborted' }
  | {
      readonly type: 'timer'
      readonly timer: SchedulerTimer
      /** resource-wait, rescale-slots: what was waited for. */
      readonly error?: Error | undefined
    }
  /** The job is to run at what `request` says; the shell has checked it. Takes the place of one that has not begun to switch. */
  | { readonly type: 'rescale'; readonly request: RescaleRequest }
  /** The checkpoint to switch from is complete, and its state can be dealt out; `problem`: not so. `round`: of the effect. */
  | { readonly type: 'rescalePrepared'; readonly round: number; readonly problem?: Error | undefined }
  /** Nothing more can be had from this job: it fails whatever the restart strategy says. */
  | { readonly type: 'fatal'; readonly error: Error }

export interface TaskDeployment {
  readonly slot: PooledSlot
  readonly descriptor: TaskDeploymentDescriptor
}

export type SchedulerEffect =
  /** The slots the job wants to hold from now on; 0 gives all back. `giveBack`: those it does without. */
  | { readonly type: 'declareSlots'; readonly count: number; readonly giveBack?: readonly AllocationId[] }
  /**
   * Take a checkpoint from which the job can go on at the parallelism of this graph, when the slots have ready what these tasks need, which
   * are likely to be deployed then: answered by 'rescalePrepared'.
   */
  | { readonly type: 'prepareRescale'; readonly round: number; readonly jobGraph: JobGraph; readonly tasks: readonly TaskDeployment[] }
  /** Checkpoints under way are given up; none begins before all tasks run again. */
  | {
      readonly type: 'suspendCheckpoints'
      readonly reason: Error
      readonly restarted: readonly RestartedSubtask[] | 'all'
      /** Nothing failed: who asked for one that is given up waits for the next. */
      readonly again?: boolean
    }
  /**
   * Source enumerators and sink committers start from the newest complete checkpoint: for these subtasks, or ('all') anew, as they did
   * when the job began.
   */
  | { readonly type: 'startCoordinators'; readonly start: number; readonly restarted: readonly RestartedSubtask[] | 'all' }
  /** What no checkpoint has committed: the job's end. */
  | { readonly type: 'commit' }
  | { readonly type: 'abortCoordinators' }
  | { readonly type: 'deploy'; readonly slot: PooledSlot; readonly descriptor: TaskDeploymentDescriptor }
  | { readonly type: 'cancelTask'; readonly attemptId: ExecutionAttemptId; readonly resourceId: ResourceId }
  | { readonly type: 'startTimer'; readonly timer: SchedulerTimer; readonly delay: Millis }
  | { readonly type: 'cancelTimer'; readonly timer: SchedulerTimer }
  | { readonly type: 'jobState'; readonly state: JobState; readonly failure: JobFailure | undefined }

/** Time and chance of one event. */
export interface Moment {
  readonly now: Millis
  /** Uniform in [0, 1). */
  readonly uniform: number
}
