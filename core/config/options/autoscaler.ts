/** Keys, defaults and meaning of the autoscaler of Flink's Kubernetes operator. */
import { boolean, double, duration, integer, list, option } from '../option.js'

export const AUTOSCALER_ENABLED = option('job.autoscaler.enabled', boolean(), {
  default: 'false',
  description: 'The JobManager watches how busy the job’s vertices are and chooses their parallelism (docs/autoscaling.md).',
})
export const AUTOSCALER_SCALING_ENABLED = option('job.autoscaler.scaling.enabled', boolean(), {
  default: 'true',
  description: 'False: decisions are made, logged and shown, but not carried out.',
})
export const AUTOSCALER_METRICS_WINDOW = option('job.autoscaler.metrics.window', duration(), {
  default: '15 min',
  description: 'Rates are averages over this time. Nothing is decided before it is full, counted from the last start of tasks.',
})
export const AUTOSCALER_STABILIZATION = option('job.autoscaler.stabilization.interval', duration(), {
  default: '5 min',
  description: 'What is measured so soon after tasks have started does not count.',
})
export const AUTOSCALER_UTILIZATION_TARGET = option('job.autoscaler.utilization.target', double(0.01, 1), {
  default: '0.7',
  description: 'How busy the vertices are to be.',
  deprecatedKeys: ['job.autoscaler.target.utilization'],
})
export const AUTOSCALER_UTILIZATION_BOUNDARY = option('job.autoscaler.target.utilization.boundary', double(0, 1), {
  default: '0.3',
  description: 'Where utilization.min or .max is unset: so far a vertex may be from the target before it is scaled.',
})
export const AUTOSCALER_UTILIZATION_MAX = option('job.autoscaler.utilization.max', double(0), {
  description: 'A vertex that is, or would be, busier than this is scaled up.',
})
export const AUTOSCALER_UTILIZATION_MIN = option('job.autoscaler.utilization.min', double(0), {
  description: 'A vertex that is less busy than this is scaled down.',
})
export const AUTOSCALER_SCALE_DOWN_INTERVAL = option('job.autoscaler.scale-down.interval', duration(), {
  default: '1 h',
  description: 'For so long a scale down has to be wanted before it is done, to the highest parallelism wanted meanwhile.',
  deprecatedKeys: ['job.autoscaler.scale-up.grace-period'],
})
export const AUTOSCALER_MAX_SCALE_DOWN = option('job.autoscaler.scale-down.max-factor', double(0, 1), {
  default: '0.6',
  description: 'Most of the parallelism that one scale down takes away: 0.6 leaves 40 %, 1 is no limit.',
  deprecatedKeys: ['job.autoscaler.max-scale-down.factor'],
})
export const AUTOSCALER_MAX_SCALE_UP = option('job.autoscaler.scale-up.max-factor', double(0), {
  default: '100000.0',
  description: 'Most that one scale up adds, as a multiple of the parallelism: 1 doubles it.',
  deprecatedKeys: ['job.autoscaler.max-scale-up.factor'],
})
export const AUTOSCALER_CATCH_UP = option('job.autoscaler.catch-up.duration', duration(), {
  default: '30 min',
  description:
    'In this time the job is to work off what waits at its sources, and what comes while it is rescaled; 0: no capacity for that.',
})
export const AUTOSCALER_RESTART_TIME = option('job.autoscaler.restart.time', duration(), {
  default: '5 min',
  description: 'How long a rescale is expected to take.',
})
export const AUTOSCALER_TRACK_RESTART_TIME = option('job.autoscaler.restart.time-tracking.enabled', boolean(), {
  default: 'false',
  description: 'The longest pause that was seen counts instead of restart.time, once there was one.',
})
export const AUTOSCALER_RESTART_TIME_LIMIT = option('job.autoscaler.restart.time-tracking.limit', duration(), {
  default: '15 min',
  description: 'Upper bound of that.',
})
export const AUTOSCALER_MIN_PARALLELISM = option('job.autoscaler.vertex.min-parallelism', integer(1, 32768), {
  default: '1',
  description: 'Lowest parallelism that is chosen.',
})
export const AUTOSCALER_MAX_PARALLELISM = option('job.autoscaler.vertex.max-parallelism', integer(1, 32768), {
  default: '200',
  description: 'Highest parallelism that is chosen; the max parallelism of a vertex counts besides.',
})
export const AUTOSCALER_EXCLUDED = option('job.autoscaler.vertex.exclude.ids', list(';'), {
  default: '',
  description: 'Ids of vertices that keep their parallelism.',
})
export const AUTOSCALER_EFFECTIVENESS_DETECTION = option('job.autoscaler.scaling.effectiveness.detection.enabled', boolean(), {
  default: 'false',
  description: 'A vertex that a scale up did not make faster is not scaled up further.',
})
export const AUTOSCALER_EFFECTIVENESS_THRESHOLD = option('job.autoscaler.scaling.effectiveness.threshold', double(0, 1), {
  default: '0.1',
  description: 'Share of the expected gain that a scale up must have brought.',
})
export const AUTOSCALER_HISTORY_COUNT = option('job.autoscaler.history.max.count', integer(1), {
  default: '3',
  description: 'Decisions that are kept for display.',
})
export const AUTOSCALER_HISTORY_AGE = option('job.autoscaler.history.max.age', duration(), {
  default: '1 d',
  description: 'Older ones are forgotten.',
})
