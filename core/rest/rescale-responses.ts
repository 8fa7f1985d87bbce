/** Bodies of the REST API about rescaling: Flink 2.3's shapes, with more where said. Times in ms. */
import * as z from '../zod.js'

const bound = z.int().min(1).max(32_768)

/** Body of PUT, answer of GET /jobs/:jobid/resource-requirements: by vertex. Unknown fields are let through: what GET says may be sent back. */
export const ResourceRequirementsSchema = z.record(
  z.string().max(100),
  z.object({ parallelism: z.object({ lowerBound: bound, upperBound: bound }) }),
)
export type ResourceRequirementsBody = z.infer<typeof ResourceRequirementsSchema>

/** GET /jobs/:jobid/resource-requirements; beyond Flink's: between which bounds it may be. */
export type ResourceRequirementsAnswer = Record<
  string,
  {
    parallelism: { lowerBound: number; upperBound: number }
    name: string
    current: number
    highest: number
    /** Why it stays as it is; null: it can be changed. */
    fixed: string | null
  }
>

/** PUT /jobs/:jobid/resource-requirements; Flink answers with nothing. */
export interface RescaleAccepted {
  rescaleUuid: string
}

export interface RescalePhaseBody {
  /** waiting, slots, checkpoint, cancel, restore, deploy. */
  phase: string
  startTimestampInMillis: number
  /** null: it is in this phase. */
  endTimestampInMillis: number | null
  durationInMillis: number
}

export interface RescaledVertexBody {
  jobVertexId: string
  jobVertexName: string
  slotSharingGroupId: string
  desiredParallelism: number
  sufficientParallelism: number
  preRescaleParallelism: number
  postRescaleParallelism: number
}

/** An element of the history. */
export interface RescaleSummary {
  rescaleUuid: string
  resourceRequirementsUuid: string
  rescaleAttemptId: number
  vertices: Record<string, RescaledVertexBody>
  slots: Record<string, { slotSharingGroupId: string; desiredSlots: number; preRescaleSlots: number; postRescaleSlots: number }>
  schedulerStates: { state: string; enterTimestampInMillis: number; leaveTimestampInMillis: number | null; durationInMillis: number }[]
  startTimestampInMillis: number
  /** null: it is under way. */
  endTimestampInMillis: number | null
  terminalState: 'COMPLETED' | 'FAILED' | 'IGNORED' | null
  triggerCause: 'UPDATE_REQUIREMENT'
  terminatedReason: string | null
  /** Beyond Flink's: who wanted it and why, and what came of it, cause first. */
  reason: string
  message: string | null
  phases: RescalePhaseBody[]
}

export type RescaleDetails = RescaleSummary

export interface RescaleCounts {
  ignored: number
  inProgress: number
  completed: number
  failed: number
}

/** GET /jobs/:jobid/rescales/overview */
export interface RescalesOverview {
  rescalesCounts: RescaleCounts
  latest: { completed: RescaleSummary | null; failed: RescaleSummary | null; ignored: RescaleSummary | null }
}

/** GET /jobs/:jobid/rescales/config */
export interface RescalesConfig {
  rescaleHistoryMax: number
  schedulerExecutionMode: string | null
  submissionResourceWaitTimeoutInMillis: number
  slotIdleTimeoutInMillis: number
}

/** Rates in rows per second. */
export interface EvaluatedVertex {
  name: string
  parallelism: number
  wantedParallelism: number
  recordsInPerSecond: number
  busyRatio: number
  /** null: it hardly works. */
  trueProcessingRate: number | null
  targetDataRate: number
  /** To work off in time what waits at the sources. */
  catchUpDataRate: number
  utilization: number
  /** Why it keeps its parallelism; null: it need not. */
  fixed: string | null
}

/** GET /jobs/:jobid/rescales/autoscaler (not in Flink) */
export interface AutoscalerBody {
  enabled: boolean
  scalingEnabled: boolean
  /** What was seen last; empty: not enough yet. */
  vertices: Record<string, EvaluatedVertex>
  /** Newest first. */
  decisions: {
    timestamp: number
    kind: 'scale' | 'suggest' | 'hold'
    reason: string
    parallelism: Record<string, number>
    vertices: Record<string, EvaluatedVertex>
  }[]
}
