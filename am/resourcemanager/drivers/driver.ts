/** Where workers come from: Flink's ResourceManagerDriver. */
import type { ResourceId } from '#core/ids/ids.js'
import type { Millis } from '#core/time/environment.js'
import type { WorkersWanted } from '../slotmanager/slot-manager.js'

/** `node`: suspect the host. `taken-back`: the cluster wanted it, nobody failed. */
export type WorkerEnd = 'failed' | 'node' | 'taken-back'

export interface Reclaim {
  readonly resourceIds: readonly ResourceId[]
  /** Besides those named: so many more, whichever the ResourceManager likes. */
  readonly anyOthers: number
  readonly reason: string
  /** Time until they are killed. */
  readonly grace: Millis
  /** The cluster can be expected to give others in their place. */
  readonly replaced: boolean
}

export interface DriverListener {
  /** A worker of `slots` slots is being started on `host`; it is to register. `memoryMb`: of its container, if not the usual size. */
  started(resourceId: ResourceId, host: string, slots: number, memoryMb?: number): void
  /** A worker of an earlier attempt of this master may still run. */
  recovered(resourceId: ResourceId, host: string, slots: number, memoryMb?: number): void
  /** It has ended; `reason` says why in words, with exit status and the last lines of its log where it failed. */
  terminated(resourceId: ResourceId, reason: string, end: WorkerEnd): void
  /** The cluster wants workers back and gives them time to leave. */
  reclaimed(reclaim: Reclaim): void
  /** The workers' node is gone, or as good as: they count for nothing any more, and the driver expects to be told to release them. */
  nodeLost(resourceIds: readonly ResourceId[], reason: string): void
  /** The cluster says that the node is usable (again). */
  nodeUsable(host: string): void
  /** The worker's container has that many bytes now: it may use them. */
  resized(resourceId: ResourceId, memory: number): void
  /** It stays as it is. */
  resizeRefused(resourceId: ResourceId, reason: string): void
  /** No worker of that size will ever be had; `memoryMb` undefined: of the usual one. */
  unobtainable(error: Error, memoryMb?: number): void
  /** This master may not go on. `retry`: another attempt may take over, so nothing is to be unregistered. */
  fatal(error: Error, retry: boolean): void
}

export type FinalStatus = 'SUCCEEDED' | 'FAILED' | 'KILLED'

export interface ResourceManagerDriver {
  start(listener: DriverListener): Promise<void>
  /** Workers wanted in all, by size, those that are there included. Absolute: repeating it changes nothing. */
  declareWorkers(wanted: readonly WorkersWanted[]): void
  /** The worker is still there and counts no longer towards those wanted: lost, or about to leave. Unknown ones are ignored. */
  discountWorker(resourceId: ResourceId): void
  /**
   * Makes a worker larger where it is, to that many bytes or what is the most. False: it cannot be. Else answered by `resized` or
   * `resizeRefused`, or by neither while there is no room.
   */
  resizeWorker(resourceId: ResourceId, memory: number): boolean
  /** Hosts that get no more workers for now, all of them, the worst first. */
  blockNodes(hosts: readonly string[]): void
  /** 0..1, for the cluster's pages. Cheap: called often. */
  setProgress(progress: number): void
  /** Gives a worker back. Unknown ones are ignored. */
  releaseWorker(resourceId: ResourceId, reason: string): void
  /** What is asked for and not there, and the limits that may be in the way: for people. */
  describePending(): string
  /** Gives everything back and takes leave. True: that was heard, no other master follows. */
  finish(status: FinalStatus, diagnostics: string): Promise<boolean>
}
