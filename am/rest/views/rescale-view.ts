/** What REST tells of a job's rescales: made from the model on demand. */
import type { RescaleCounts, RescaleSummary, RescalesOverview, ResourceRequirementsAnswer } from '#core/rest/rescale-responses.js'
import type { Millis } from '#core/time/environment.js'
import { parallelismLimits } from '../../jobmaster/executiongraph/parallelism-limits.js'
import type { PhaseTimes, RescaleRecord } from '../../jobmaster/scheduler/rescale.js'
import type { JobRun } from '../../jobmaster/scheduler/state.js'
import { SLOT_SHARING_GROUP } from './job-view.js'
import { quantiles, type Quantiles } from './vertex-view.js'

export function requirementsBody(run: JobRun): ResourceRequirementsAnswer {
  const wanted = run.rescale?.request.requirements ?? run.requirements
  return Object.fromEntries(
    [...parallelismLimits(run.graph.jobGraph).values()].map(({ vertex, max, fixed }) => {
      const bounds = wanted.get(vertex.id)
      const [lowerBound, upperBound] = [bounds?.lower ?? vertex.parallelism, bounds?.upper ?? vertex.parallelism]
      const { name, parallelism: current } = vertex
      return [vertex.id, { parallelism: { lowerBound, upperBound }, name, current, highest: max, fixed: fixed ?? null }]
    }),
  )
}

/** Newest first: the one that is under way, then those that have ended. */
export function rescaleHistory(run: JobRun, now: Millis): RescaleSummary[] {
  return records(run).map((record) => rescaleBody(record, now))
}

export function findRescale(run: JobRun, uuid: string, now: Millis): RescaleSummary | undefined {
  const found = records(run).find((record) => record.uuid === uuid)
  return found === undefined ? undefined : rescaleBody(found, now)
}

export function rescalesOverview(run: JobRun, now: Millis): RescalesOverview {
  const { latest } = run.rescales
  const body = (record: RescaleRecord | undefined) => (record === undefined ? null : rescaleBody(record, now))
  return {
    rescalesCounts: counts(run),
    latest: { completed: body(latest.COMPLETED), failed: body(latest.FAILED), ignored: body(latest.IGNORED) },
  }
}

/** How long they took, of those that are kept. */
export function rescalesSummary(run: JobRun, now: Millis): { rescalesCounts: RescaleCounts } & Record<string, unknown> {
  const durations = (state: string | undefined): Quantiles =>
    quantiles(run.rescales.ended.filter(({ end }) => state === undefined || end?.state === state).map((each) => duration(each, now)))
  return {
    rescalesCounts: counts(run),
    completedRescalesDurationStatsInMillis: durations('COMPLETED'),
    failedRescalesDurationStatsInMillis: durations('FAILED'),
    ignoredRescalesDurationStatsInMillis: durations('IGNORED'),
    rescalesDurationStatsInMillis: durations(undefined),
  }
}

function records({ rescale, rescales }: JobRun): RescaleRecord[] {
  return [...(rescale === undefined ? [] : [rescale.record]), ...rescales.ended]
}

function counts({ rescale, rescales }: JobRun): RescaleCounts {
  const { IGNORED, COMPLETED, FAILED } = rescales.counts
  return { ignored: IGNORED, inProgress: rescale === undefined ? 0 : 1, completed: COMPLETED, failed: FAILED }
}

function duration({ start, end }: RescaleRecord, now: Millis): Millis {
  return (end?.at ?? now) - start
}

function rescaleBody(record: RescaleRecord, now: Millis): RescaleSummary {
  const { uuid, attempt, reason, vertices, slotsBefore, slotsAfter, start, phases, end } = record
  return {
    rescaleUuid: uuid,
    resourceRequirementsUuid: uuid,
    rescaleAttemptId: attempt,
    vertices: Object.fromEntries(
      vertices.map(({ vertexId, name, before, wanted, after }) => [
        vertexId,
        {
          jobVertexId: vertexId,
          jobVertexName: name,
          slotSharingGroupId: SLOT_SHARING_GROUP,
          desiredParallelism: wanted.upper,
          sufficientParallelism: wanted.lower,
          preRescaleParallelism: before,
          postRescaleParallelism: after,
        },
      ]),
    ),
    slots: {
      [SLOT_SHARING_GROUP]: {
        slotSharingGroupId: SLOT_SHARING_GROUP,
        desiredSlots: Math.max(...vertices.map(({ wanted }) => wanted.upper)),
        preRescaleSlots: slotsBefore,
        postRescaleSlots: slotsAfter,
      },
    },
    schedulerStates: schedulerStates(phases, now),
    startTimestampInMillis: start,
    endTimestampInMillis: end?.at ?? null,
    terminalState: end?.state ?? null,
    triggerCause: 'UPDATE_REQUIREMENT',
    terminatedReason: end?.reason ?? null,
    reason,
    message: end?.message ?? null,
    phases: phases.map((each) => ({
      phase: each.phase,
      startTimestampInMillis: each.start,
      endTimestampInMillis: each.end ?? null,
      durationInMillis: (each.end ?? now) - each.start,
    })),
  }
}

/** What the scheduler is in during each phase; phases in a row with the same are one. */
function schedulerStates(phases: readonly PhaseTimes[], now: Millis): RescaleSummary['schedulerStates'] {
  const states: RescaleSummary['schedulerStates'] = []
  for (const { phase, start, end } of phases) {
    const state = phase === 'waiting' || phase === 'cancel' || phase === 'restore' ? 'Restarting' : 'Executing'
    const last = states.at(-1)
    const enter = last?.state === state ? last.enterTimestampInMillis : start
    if (last?.state === state) states.pop()
    states.push({
      state,
      enterTimestampInMillis: enter,
      leaveTimestampInMillis: end ?? null,
      durationInMillis: (end ?? now) - enter,
    })
  }
  return states
}
