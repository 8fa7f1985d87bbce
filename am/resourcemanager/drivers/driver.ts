/** Where workers come from: Flink's ResourceManagerDriver. */
import type { ResourceId } from '#core/ids/ids.js'
import type { WorkersWanted } from '../slotmanager/slot-manager.js'

export interface DriverListener {
  /** A worker of `slots` slots is being started on `host`; it is to register. */
  started(resourceId: ResourceId, host: string, slots: number): void
  /** A worker of an earlier attempt of this master may still run. */
  recovered(resourceId: ResourceId, host: string, slots: number): void
  /** It has ended; `reason` says why in words, with exit status and the last lines of its log where it failed. */
  terminated(resourceId: ResourceId, reason: string): void
  /** No worker of the kind asked for will ever be had. */
  unobtainable(error: Error): void
  /** This master may not go on. `retry`: another attempt may take over, so nothing is to be unregistered. */
  fatal(error: Error, retry: boolean): void
}

export type FinalStatus = 'SUCCEEDED' | 'FAILED' | 'KILLED'

export interface ResourceManagerDriver {
  start(listener: DriverListener): Promise<void>
  /** Workers wanted in all, by size, those that are there included. Absolute: repeating it changes nothing. */
  declareWorkers(wanted: readonly WorkersWanted[]): void
  /** Gives a worker back. Unknown ones are ignored. */
  releaseWorker(resourceId: ResourceId, reason: string): void
  /** What is asked for and not there, and the limits that may be in the way: for people. */
  describePending(): string
  /** Gives everything back and takes leave. */
  finish(status: FinalStatus, diagnostics: string): Promise<void>
}
