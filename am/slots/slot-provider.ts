/** The ResourceManager as a job sees it, and the job as the ResourceManager sees it. */
import type { SlotLocation } from '#core/graph/deployment.js'
import type { AllocationId, ExecutionAttemptId, JobId, ResourceId } from '#core/ids/ids.js'
import type { Gateway } from '#core/rpc/gateway.js'
import type { Millis } from '#core/time/environment.js'
import type { TaskExecutorGateway } from '#core/rpc/gateways/task-executor.js'
import type { TaskMetrics } from '#core/rpc/gateways/task-metrics.js'
import type { EarlierTasksOfJob } from './earlier-tasks.js'

/** A slot that the ResourceManager allocated for a job; `location` names its worker. */
export interface PooledSlot {
  readonly allocationId: AllocationId
  readonly location: SlotLocation
}

/** Workers that are to be emptied: the cluster wants them back. */
export interface Vacation {
  readonly workers: ReadonlySet<ResourceId>
  /** What becomes of them, in words. */
  readonly reason: string
  /** The jobs' tasks there should have left by then (monotonic): what is left later is killed with them. */
  readonly deadline: Millis
  /** Others are on their way: worth waiting for. False: the cluster has no room, or may have none. */
  readonly replaced: boolean
}

export interface SlotListener {
  slotOffered(slot: PooledSlot): void
  slotLost(allocationId: AllocationId, error: Error): void
  /** `explained`: the error already says why; else `workerExplained` may follow. */
  workerLost(resourceId: ResourceId, host: string, error: Error, explained: boolean): void
  workerExplained(resourceId: ResourceId, error: Error): void
  /**
   * The job is to leave these workers in order: checkpoint, then its tasks there go on elsewhere; it gives the slots back by name. A job that
   * may not restart stays.
   */
  vacate(vacation: Vacation): void
  metrics(attemptId: ExecutionAttemptId, metrics: TaskMetrics): void
  /** There will be no slots: workers cannot be had. */
  noResources(error: Error): void
}

/** Tasks of the master before this one, and their slots. */
export interface EarlierTasks {
  /** As far as is known now. */
  of(jobId: JobId): EarlierTasksOfJob
  /** Resolves when `of` may have changed. */
  changed(): Promise<void>
  /**
   * The job wants `count` slots from now on, these among them as far as they are still there: returns those. The other slots that it had under
   * an earlier master are freed. Once per job, instead of its first `declare` or before it; `memoryMb` as there.
   */
  keep(
    jobId: JobId,
    count: number,
    listener: SlotListener,
    allocations: ReadonlySet<AllocationId>,
    memoryMb?: number,
  ): readonly PooledSlot[]
}

export interface SlotProvider {
  /**
   * Resolves when the cluster has taken this master for the one that leads, and no later one has announced itself. Before that nothing may be
   * changed that another attempt may use: one that was slow to start, or was cut off, may have been given up. @throws FS_*
   */
  leads(): Promise<void>
  /**
   * The job wants to hold `count` slots from now on; 0 gives all back. `giveBack`: these go, besides; a worker all of whose slots fell free
   * that way is given back at once. `memoryMb`: of its TaskManagers' containers, if not the usual size. The listener hears of it until
   * `forget`.
   */
  declare(jobId: JobId, count: number, listener: SlotListener, giveBack?: readonly AllocationId[], memoryMb?: number): void
  /** The job has ended: nothing more is to be told it. */
  forget(jobId: JobId): void
  /** What the job's missing slots wait for, in words. */
  describeShortage(jobId: JobId): string
  /** Of the master before this one; absent: there is none. */
  readonly earlier?: EarlierTasks | undefined
  /** The worker's gateway, while it is registered. */
  taskExecutor(resourceId: ResourceId): Gateway<typeof TaskExecutorGateway> | undefined
}

/** For a job whose workers have a size of their own. */
export function withWorkerSize(slots: SlotProvider, memoryMb: number): SlotProvider {
  return {
    leads: () => slots.leads(),
    declare: (jobId, count, listener, giveBack) => slots.declare(jobId, count, listener, giveBack, memoryMb),
    get earlier() {
      const { earlier } = slots
      if (earlier === undefined) return undefined
      return {
        of: (jobId: JobId) => earlier.of(jobId),
        changed: () => earlier.changed(),
        keep: (jobId: JobId, count: number, listener: SlotListener, allocations: ReadonlySet<AllocationId>) =>
          earlier.keep(jobId, count, listener, allocations, memoryMb),
      }
    },
    forget: (jobId) => slots.forget(jobId),
    describeShortage: (jobId) => slots.describeShortage(jobId),
    taskExecutor: (resourceId) => slots.taskExecutor(resourceId),
  }
}
