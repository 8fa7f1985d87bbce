/** A job's way from one parallelism to another, as data: what was asked for, how far it is, what came of earlier ones. Pure. */
import type { JobGraph } from '#core/graph/job-graph.js'
import type { VertexId } from '#core/ids/ids.js'
import type { Millis } from '#core/time/environment.js'
import type { Parallelism } from '../executiongraph/rescaled-graph.js'

export interface ParallelismBounds {
  /** With fewer subtasks it is not run. */
  readonly lower: number
  /** What it runs at when the slots can be had. */
  readonly upper: number
}

/** Every vertex of the job. Flink's JobResourceRequirements. */
export type ResourceRequirements = ReadonlyMap<VertexId, ParallelismBounds>

export interface RescaleRequest {
  /** 32 hex digits; of this rescale. */
  readonly uuid: string
  readonly requirements: ResourceRequirements
  /** For people: who wants it and why. */
  readonly reason: string
}

/**
 *   waiting ──▶ slots ──▶ checkpoint ──▶ cancel ──▶ restore ──▶ deploy ──▶ done
 *
 * waiting: the job restarts; it goes on when its tasks are deployed again. slots, checkpoint: tasks run at the parallelism of before.
 * cancel: affected tasks end. restore: coordinators start from the checkpoint. deploy: until all tasks run.
 */
export type RescalePhase = 'waiting' | 'slots' | 'checkpoint' | 'cancel' | 'restore' | 'deploy'

export interface PhaseTimes {
  readonly phase: RescalePhase
  readonly start: Millis
  /** Undefined: it is in this phase. */
  readonly end: Millis | undefined
}

export interface RescaledVertex {
  readonly vertexId: VertexId
  readonly name: string
  readonly before: number
  readonly wanted: ParallelismBounds
  /** What it was rescaled to, or is to be. */
  readonly after: number
}

/** Flink's terms. */
export type TerminalState = 'COMPLETED' | 'FAILED' | 'IGNORED'
export type TerminatedReason =
  | 'SUCCEEDED'
  | 'RESOURCE_REQUIREMENTS_UPDATED'
  | 'NO_RESOURCES_OR_PARALLELISMS_CHANGE'
  | 'EXCEPTION_OCCURRED'
  | 'JOB_FINISHED'
  | 'JOB_CANCELED'
  | 'JOB_FAILED'

export interface RescaleRecord {
  readonly uuid: string
  /** 1, 2, … of the job. */
  readonly attempt: number
  readonly reason: string
  readonly vertices: readonly RescaledVertex[]
  readonly slotsBefore: number
  readonly slotsAfter: number
  readonly start: Millis
  readonly phases: readonly PhaseTimes[]
  /** Undefined: it is under way. */
  readonly end: RescaleEnd | undefined
}

export interface RescaleEnd {
  readonly at: Millis
  readonly state: TerminalState
  readonly reason: TerminatedReason
  /** Cause first: which limit, what failed, what it was cut down to. */
  readonly message: string | undefined
}

export interface PendingRescale {
  readonly request: RescaleRequest
  readonly phase: RescalePhase
  readonly parallelism: Parallelism
  /** Counts the preparations: answers to earlier ones mean nothing. */
  readonly round: number
  /** Why it is less than was asked for. */
  readonly cut: string | undefined
  readonly record: RescaleRecord
}

export interface RescaleHistory {
  /** Of all, those under way included. */
  readonly attempts: number
  readonly counts: Readonly<Record<TerminalState, number>>
  /** Ended ones, newest first, bounded. */
  readonly ended: readonly RescaleRecord[]
  readonly latest: Readonly<Partial<Record<TerminalState, RescaleRecord>>>
}

export const NO_RESCALES: RescaleHistory = {
  attempts: 0,
  counts: { COMPLETED: 0, FAILED: 0, IGNORED: 0 },
  ended: [],
  latest: {},
}

/** What a job runs at as it was submitted. */
export function initialRequirements({ vertices }: JobGraph): ResourceRequirements {
  return new Map(vertices.map(({ id, parallelism }) => [id, { lower: parallelism, upper: parallelism }]))
}

/** As much of what is wanted as fits into so many slots (one holds a subtask of each vertex); undefined: not even the least. */
export function parallelismWithin(requirements: ResourceRequirements, slots: number): Parallelism | undefined {
  const parallelism = new Map<VertexId, number>()
  for (const [id, { lower, upper }] of requirements) {
    if (lower > slots) return undefined
    parallelism.set(id, Math.min(upper, slots))
  }
  return parallelism
}

/** A rescale that begins; `parallelism`: what it leads to. */
export function beginRescale(
  request: RescaleRequest,
  graph: JobGraph,
  parallelism: Parallelism,
  attempt: number,
  phase: RescalePhase,
  now: Millis,
): PendingRescale {
  const vertices = graph.vertices.map(({ id, name, parallelism: before }): RescaledVertex => {
    const after = parallelism.get(id) ?? before
    return { vertexId: id, name, before, wanted: request.requirements.get(id) ?? { lower: before, upper: before }, after }
  })
  const record: RescaleRecord = {
    uuid: request.uuid,
    attempt,
    reason: request.reason,
    vertices,
    slotsBefore: Math.max(...vertices.map(({ before }) => before)),
    slotsAfter: Math.max(...vertices.map(({ after }) => after)),
    start: now,
    phases: [{ phase, start: now, end: undefined }],
    end: undefined,
  }
  return { request, phase, parallelism, round: 0, cut: undefined, record }
}

export function enterPhase(rescale: PendingRescale, phase: RescalePhase, now: Millis): PendingRescale {
  if (rescale.phase === phase) return rescale
  const phases = [...closed(rescale.record.phases, now), { phase, start: now, end: undefined }]
  return { ...rescale, phase, record: { ...rescale.record, phases } }
}

/** It has to make do with less. */
export function cutTo(rescale: PendingRescale, parallelism: Parallelism, why: string): PendingRescale {
  const vertices = rescale.record.vertices.map((vertex) => ({ ...vertex, after: parallelism.get(vertex.vertexId) ?? vertex.after }))
  const slotsAfter = Math.max(...vertices.map(({ after }) => after))
  return { ...rescale, parallelism, cut: why, record: { ...rescale.record, vertices, slotsAfter } }
}

/** Takes note of the end. `size`: how many ended ones are kept. */
export function recordEnd(history: RescaleHistory, record: RescaleRecord, end: RescaleEnd, size: number): RescaleHistory {
  const ended: RescaleRecord = { ...record, phases: closed(record.phases, end.at), end }
  return {
    attempts: history.attempts,
    counts: { ...history.counts, [end.state]: history.counts[end.state] + 1 },
    ended: [ended, ...history.ended].slice(0, size),
    latest: { ...history.latest, [end.state]: ended },
  }
}

function closed(phases: readonly PhaseTimes[], now: Millis): PhaseTimes[] {
  return phases.map((each) => (each.end === undefined ? { ...each, end: now } : each))
}
