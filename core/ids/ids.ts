/** Typed identifiers. Flink's ids are 16 random bytes as 32 lower-case hex digits. */
import { createHash } from 'node:crypto'
import type { RandomSource } from '../time/environment.js'

declare const brand: unique symbol
type Id<Name extends string> = string & { readonly [brand]: Name }

/** Flink's JobID. */
export type JobId = Id<'JobId'>
/** Flink's JobVertexID: a chain of operators in the job graph. */
export type VertexId = Id<'VertexId'>
/** Stable id of one operator; state and functions are found by it. */
export type OperatorId = Id<'OperatorId'>
/** An edge of the job graph: one result partition of its source, one input gate of its target. */
export type EdgeId = Id<'EdgeId'>
/** One attempt to run one subtask of a vertex. */
export type ExecutionAttemptId = Id<'ExecutionAttemptId'>
/** A slot given to a job. */
export type AllocationId = Id<'AllocationId'>
/** A TaskManager: on YARN its container id, elsewhere free text. */
export type ResourceId = Id<'ResourceId'>

export const HEX_32 = /^[0-9a-f]{32}$/

export function newHexId<T extends JobId | VertexId | OperatorId | EdgeId | AllocationId>(random: RandomSource): T {
  return random.bytes(16).toString('hex') as T
}

export function jobId(text: string): JobId {
  if (!HEX_32.test(text)) throw new Error(`not a job id (32 lower-case hex digits): '${text}'`)
  return text as JobId
}

/** Id of an application's job number `n` (from 0, in the order of its statements): the same in every attempt. */
export function nthJobId(first: JobId, n: number): JobId {
  return n === 0 ? first : (createHash('sha256').update(`${first}:${n}`).digest('hex').slice(0, 32) as JobId)
}

/** Id of the job of an application's `execute()` number `n` (from 0): the same in every attempt, and of no statement. */
export function executedJobId(first: JobId, n: number): JobId {
  return createHash('sha256').update(`${first}:execute:${n}`).digest('hex').slice(0, 32) as JobId
}

/**
 * `<job>_<vertex>_<subtask>_<attempt>`: unique and readable in a log. The attempts of a master that followed another carry its
 * epoch, `<job>_e02_…` as in YARN's container ids: a worker that both had knows them apart.
 */
export function executionAttemptId(job: JobId, vertex: VertexId, subtask: number, attempt: number, epoch = 1): ExecutionAttemptId {
  const master = epoch === 1 ? '' : `_e${String(epoch).padStart(2, '0')}`
  return `${job}${master}_${vertex}_${subtask}_${attempt}` as ExecutionAttemptId
}

/** Which subtask of which vertex it is an attempt of, read from the id; undefined: it is no such id. */
export function subtaskOfAttempt(id: ExecutionAttemptId): { readonly vertexId: VertexId; readonly subtaskIndex: number } | undefined {
  const attempt = id.lastIndexOf('_')
  const subtask = id.lastIndexOf('_', attempt - 1)
  const vertex = id.lastIndexOf('_', subtask - 1)
  const subtaskIndex = Number(id.slice(subtask + 1, attempt))
  if (vertex < 0 || !Number.isInteger(subtaskIndex)) return undefined
  return { vertexId: id.slice(vertex + 1, subtask) as VertexId, subtaskIndex }
}

export function resourceId(text: string): ResourceId {
  return text as ResourceId
}
