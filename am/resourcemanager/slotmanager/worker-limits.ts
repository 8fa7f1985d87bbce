/** How many workers there may and must be, whatever jobs need: `slotmanager.*`. Pure. */
import type { Configuration } from '#core/config/configuration.js'
import { TASK_SLOTS } from '#core/config/options/cluster.js'
import { TASKMANAGER_PROCESS_SIZE } from '#core/config/options/memory.js'
import { YARN_CONTAINER_VCORES } from '#core/config/options/yarn.js'
import {
  MAX_TOTAL_CPU,
  MAX_TOTAL_MEMORY,
  MIN_TOTAL_CPU,
  MIN_TOTAL_MEMORY,
  NUMBER_OF_SLOTS_MAX,
  NUMBER_OF_SLOTS_MIN,
  REDUNDANT_TASKMANAGERS,
} from '#core/config/options/slotmanager.js'

/** Whole workers of the usual size. */
export interface WorkerLimits {
  /** Kept although nobody uses them. */
  readonly min: number
  /** Never exceeded. */
  readonly max: number
  /** Kept empty while a job wants slots. */
  readonly redundant: number
  /** The key that sets `max`, for people. */
  readonly maxKey: string
}

export const NO_LIMITS: WorkerLimits = { min: 0, max: Infinity, redundant: 0, maxKey: NUMBER_OF_SLOTS_MAX.key }

/** One worker, as it is asked for. `memory`: bytes. */
export interface WorkerSize {
  readonly slots: number
  readonly vcores: number
  readonly memory: number
}

/** As YARN is asked for it. */
export function workerSize(configuration: Configuration): WorkerSize {
  const slots = configuration.get(TASK_SLOTS)
  const vcores = configuration.get(YARN_CONTAINER_VCORES)
  return { slots, vcores: vcores < 0 ? slots : vcores, memory: configuration.get(TASKMANAGER_PROCESS_SIZE) }
}

export function workerLimits(configuration: Configuration, { slots, vcores, memory }: WorkerSize): WorkerLimits {
  const lower = [
    configuration.get(NUMBER_OF_SLOTS_MIN) / slots,
    (configuration.get(MIN_TOTAL_MEMORY) ?? 0) / memory,
    (configuration.get(MIN_TOTAL_CPU) ?? 0) / vcores,
  ]
  const upper: readonly (readonly [key: string, workers: number])[] = [
    [NUMBER_OF_SLOTS_MAX.key, configuration.get(NUMBER_OF_SLOTS_MAX) / slots],
    [MAX_TOTAL_MEMORY.key, (configuration.get(MAX_TOTAL_MEMORY) ?? Infinity) / memory],
    [MAX_TOTAL_CPU.key, (configuration.get(MAX_TOTAL_CPU) ?? Infinity) / vcores],
  ]
  const [maxKey, most] = upper.reduce((tightest, each) => (each[1] < tightest[1] ? each : tightest))
  const max = Math.floor(most)
  return { min: Math.min(max, Math.ceil(Math.max(...lower))), max, redundant: configuration.get(REDUNDANT_TASKMANAGERS), maxKey }
}
