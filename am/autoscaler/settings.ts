/** What the configuration says about the autoscaler of a job. */
import type { Configuration } from '#core/config/configuration.js'
import * as options from '#core/config/options/autoscaler.js'
import type { Millis } from '#core/time/environment.js'

export interface AutoscalerSettings {
  /** False: decisions are told, not carried out. */
  readonly scalingEnabled: boolean
  readonly window: Millis
  readonly stabilization: Millis
  readonly utilization: { readonly target: number; readonly min: number; readonly max: number }
  readonly scaleDownInterval: Millis
  /** Largest share of the parallelism that goes in one step, in [0, 1]. */
  readonly maxScaleDown: number
  /** Largest multiple of the parallelism that comes in one step. */
  readonly maxScaleUp: number
  /** 0: no capacity to catch up. */
  readonly catchUp: Millis
  readonly restartTime: Millis
  /** Bound of the pause that was seen; undefined: `restartTime` counts. */
  readonly trackedRestartLimit: Millis | undefined
  readonly parallelism: { readonly min: number; readonly max: number }
  /** Vertex ids. */
  readonly excluded: ReadonlySet<string>
  /** Least share of the expected gain; undefined: not looked at. */
  readonly effectiveness: number | undefined
  readonly history: { readonly count: number; readonly age: Millis }
}

export function autoscalerSettings(configuration: Configuration): AutoscalerSettings {
  const target = configuration.get(options.AUTOSCALER_UTILIZATION_TARGET)
  const boundary = configuration.get(options.AUTOSCALER_UTILIZATION_BOUNDARY)
  return {
    scalingEnabled: configuration.get(options.AUTOSCALER_SCALING_ENABLED),
    window: configuration.get(options.AUTOSCALER_METRICS_WINDOW),
    stabilization: configuration.get(options.AUTOSCALER_STABILIZATION),
    utilization: {
      target,
      min: configuration.get(options.AUTOSCALER_UTILIZATION_MIN) ?? Math.max(0, target - boundary),
      max: configuration.get(options.AUTOSCALER_UTILIZATION_MAX) ?? target + boundary,
    },
    scaleDownInterval: configuration.get(options.AUTOSCALER_SCALE_DOWN_INTERVAL),
    maxScaleDown: configuration.get(options.AUTOSCALER_MAX_SCALE_DOWN),
    maxScaleUp: configuration.get(options.AUTOSCALER_MAX_SCALE_UP),
    catchUp: configuration.get(options.AUTOSCALER_CATCH_UP),
    restartTime: configuration.get(options.AUTOSCALER_RESTART_TIME),
    trackedRestartLimit: configuration.get(options.AUTOSCALER_TRACK_RESTART_TIME)
      ? configuration.get(options.AUTOSCALER_RESTART_TIME_LIMIT)
      : undefined,
    parallelism: {
      min: configuration.get(options.AUTOSCALER_MIN_PARALLELISM),
      max: configuration.get(options.AUTOSCALER_MAX_PARALLELISM),
    },
    excluded: new Set(configuration.get(options.AUTOSCALER_EXCLUDED).filter((id) => id !== '')),
    effectiveness: configuration.get(options.AUTOSCALER_EFFECTIVENESS_DETECTION)
      ? configuration.get(options.AUTOSCALER_EFFECTIVENESS_THRESHOLD)
      : undefined,
    history: { count: configuration.get(options.AUTOSCALER_HISTORY_COUNT), age: configuration.get(options.AUTOSCALER_HISTORY_AGE) },
  }
}
