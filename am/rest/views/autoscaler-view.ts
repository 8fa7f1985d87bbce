/** What REST tells of a job's autoscaler: what it saw last, and what it decided. */
import type { AutoscalerBody, EvaluatedVertex } from '#core/rest/rescale-responses.js'
import type { VertexEvaluation } from '../../autoscaler/evaluate.js'
import type { JobAutoscaler } from '../../autoscaler/job-autoscaler.js'

export function autoscalerBody(autoscaler: JobAutoscaler | undefined): AutoscalerBody {
  if (autoscaler === undefined) return { enabled: false, scalingEnabled: false, vertices: {}, decisions: [] }
  const { state, settings } = autoscaler
  return {
    enabled: true,
    scalingEnabled: settings.scalingEnabled,
    vertices: verticesBody(state.evaluation),
    decisions: state.decisions.map(({ at, kind, reason, vertices, parallelism }) => ({
      timestamp: at,
      kind,
      reason,
      parallelism: Object.fromEntries(parallelism),
      vertices: verticesBody(vertices),
    })),
  }
}

function verticesBody(vertices: readonly VertexEvaluation[]): Record<string, EvaluatedVertex> {
  return Object.fromEntries(
    vertices.map(
      ({ vertexId, name, parallelism, recordsIn, busy, trueProcessingRate, targetRate, catchUpRate, utilization, wanted, fixed }) => [
        vertexId,
        {
          name,
          parallelism,
          wantedParallelism: wanted,
          recordsInPerSecond: recordsIn,
          busyRatio: busy,
          // JSON knows no infinity.
          trueProcessingRate: trueProcessingRate === Infinity ? null : trueProcessingRate,
          targetDataRate: targetRate,
          catchUpDataRate: catchUpRate,
          utilization,
          fixed: fixed ?? null,
        },
      ],
    ),
  )
}
