/** What a TaskExecutor tells of one subtask: its counters since it started, rates, and latencies that markers measured. */
import * as z from '../../zod.js'
import type { OperatorId } from '../../ids/ids.js'

const operatorId = z.string().min(1).max(300) as unknown as z.ZodType<OperatorId>

export const TaskCountersSchema = z.object({
  recordsIn: z.number(),
  recordsOut: z.number(),
  bytesIn: z.number(),
  bytesOut: z.number(),
  busyMs: z.number(),
  idleMs: z.number(),
  backPressuredMs: z.number(),
  /** Lowest watermark of the inputs, ms; null: none yet. */
  watermark: z.number().nullable(),
  /** Rows dropped because their window had fired. */
  lateRecordsDropped: z.number(),
})
export type TaskCounters = z.infer<typeof TaskCountersSchema>

/** Growth of the counters per second, over the last minute at most. */
export const TaskRatesSchema = z.object({
  recordsIn: z.number(),
  recordsOut: z.number(),
  bytesIn: z.number(),
  bytesOut: z.number(),
  busyMs: z.number(),
  idleMs: z.number(),
  backPressuredMs: z.number(),
})
export type TaskRates = z.infer<typeof TaskRatesSchema>

/** Statistics of a histogram, as Flink shows them. */
export const HISTOGRAM_STATISTICS = ['min', 'max', 'mean', 'median', 'stddev', 'p75', 'p90', 'p95', 'p98', 'p99', 'p999'] as const
export type HistogramStatistic = (typeof HISTOGRAM_STATISTICS)[number]

/** Histograms that one subtask may have: sources (and their subtasks) times operators of its chain. */
export const MAX_LATENCY_HISTOGRAMS = 2_000

/** Ms from the source to an operator of the subtask's chain. */
export const LatencyHistogramSchema = z.object({
  /** Null: not told apart (metrics.latency.granularity). */
  sourceId: operatorId.nullable(),
  sourceSubtaskIndex: z.int().min(0).nullable(),
  operatorId,
  /** In the order of HISTOGRAM_STATISTICS. */
  statistics: z.array(z.number()).length(HISTOGRAM_STATISTICS.length),
})
export type LatencyHistogram = z.infer<typeof LatencyHistogramSchema>

/** Counters that the functions of one subtask may show, and the length of a name with its operator's. */
export const MAX_USER_COUNTERS = 500
export const MAX_COUNTER_NAME = 400

/** A function's own counter; `name`: `<operator>.<counter>`. */
export const UserCounterSchema = z.object({ name: z.string().min(1).max(MAX_COUNTER_NAME), count: z.number() })
export type UserCounter = z.infer<typeof UserCounterSchema>

export const TaskMetricsSchema = TaskCountersSchema.extend({
  rates: TaskRatesSchema.optional(),
  latencies: z.array(LatencyHistogramSchema).max(MAX_LATENCY_HISTOGRAMS).optional(),
  userCounters: z.array(UserCounterSchema).max(MAX_USER_COUNTERS).optional(),
})
export type TaskMetrics = z.infer<typeof TaskMetricsSchema>
