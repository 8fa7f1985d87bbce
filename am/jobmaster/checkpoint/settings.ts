/** What the configuration says about a job's checkpoints. */
import type { CheckpointBarrier } from '#core/checkpoint/barrier.js'
import type { Configuration } from '#core/config/configuration.js'
import * as options from '#core/config/options/checkpointing.js'
import { WEB_CHECKPOINTS_HISTORY } from '#core/config/options/rest.js'
import type { Millis } from '#core/time/environment.js'

export interface CheckpointSettings {
  /** Undefined: none are taken by themselves. */
  readonly interval: Millis | undefined
  readonly mode: 'EXACTLY_ONCE' | 'AT_LEAST_ONCE'
  readonly timeout: Millis
  readonly minPause: Millis
  readonly maxConcurrent: number
  readonly tolerableFailures: number
  readonly retention: 'DELETE_ON_CANCELLATION' | 'RETAIN_ON_CANCELLATION' | 'NO_EXTERNALIZED_CHECKPOINTS'
  readonly retained: number
  readonly incremental: boolean
  readonly unaligned: boolean
  readonly alignedTimeout: Millis
  readonly afterTasksFinish: boolean
  readonly recoveryPath: string | undefined
  readonly ignoreUnclaimedState: boolean
  readonly claimMode: 'NO_CLAIM' | 'CLAIM'
  /** Checkpoints that are kept for display. */
  readonly history: number
}

export function checkpointSettings(configuration: Configuration): CheckpointSettings {
  const minPause = configuration.get(options.CHECKPOINT_MIN_PAUSE)
  return {
    interval: configuration.get(options.CHECKPOINT_INTERVAL),
    mode: configuration.get(options.CHECKPOINT_MODE),
    timeout: configuration.get(options.CHECKPOINT_TIMEOUT),
    minPause,
    // As in Flink: a pause between two leaves no room for two at once.
    maxConcurrent: minPause > 0 ? 1 : configuration.get(options.MAX_CONCURRENT_CHECKPOINTS),
    tolerableFailures: configuration.get(options.TOLERABLE_FAILED_CHECKPOINTS),
    retention: configuration.get(options.CHECKPOINT_RETENTION),
    retained: configuration.get(options.RETAINED_CHECKPOINTS),
    incremental: configuration.get(options.INCREMENTAL_CHECKPOINTS),
    unaligned: configuration.get(options.UNALIGNED_ENABLED),
    alignedTimeout: configuration.get(options.ALIGNED_TIMEOUT),
    afterTasksFinish: configuration.get(options.CHECKPOINTS_AFTER_FINISH),
    recoveryPath: configuration.get(options.STATE_RECOVERY_PATH),
    ignoreUnclaimedState: configuration.get(options.IGNORE_UNCLAIMED_STATE),
    claimMode: configuration.get(options.CLAIM_MODE),
    history: configuration.get(WEB_CHECKPOINTS_HISTORY),
  }
}

/** How the barriers of a checkpoint move; those of savepoints are always aligned, so that no record is in flight. */
export function alignmentOf(
  settings: CheckpointSettings,
  kind: CheckpointBarrier['kind'],
): Pick<CheckpointBarrier, 'alignment' | 'alignedTimeoutMs'> {
  if (kind === 'savepoint') return { alignment: 'aligned', alignedTimeoutMs: null }
  if (settings.mode === 'AT_LEAST_ONCE') return { alignment: 'at-least-once', alignedTimeoutMs: null }
  if (!settings.unaligned) return { alignment: 'aligned', alignedTimeoutMs: null }
  if (settings.alignedTimeout === 0) return { alignment: 'unaligned', alignedTimeoutMs: null }
  return { alignment: 'aligned', alignedTimeoutMs: settings.alignedTimeout }
}
