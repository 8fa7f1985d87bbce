/** Failures of jobs that the master itself finds. */
import { defineError } from '#core/errors/define-error.js'

export const SlotsUnavailable = defineError('JOB_SLOTS_UNAVAILABLE', {
  recovery: 'none',
  message: (d: { held: number; needed: number; waited: string; reason: string }) =>
    `The job got ${d.held} of ${d.needed} slots within ${d.waited}: ${d.reason}`,
})
export const InvalidJobGraph = defineError('JOB_GRAPH_INVALID', {
  recovery: 'none',
  message: (d: { problem: string }) => `The job graph is not valid: ${d.problem}`,
})
export const UnknownCoordinator = defineError('JOB_NO_COORDINATOR', {
  recovery: 'none',
  message: (d: { operator: string; request: string }) =>
    `Operator ${d.operator} asks its coordinator for '${d.request}', but has none of that kind`,
})
export const ResultLost = defineError('JOB_RESULT_NOT_REPEATABLE', {
  recovery: 'none',
  message: (d: { rows: number }) =>
    `The job would have to start again after a failure, but ${d.rows} rows of its result that would come again were already shown. ` +
    `Write the result to a table (INSERT INTO) to let the job restart.`,
})
export const ClientGone = defineError('JOB_CLIENT_GONE', {
  recovery: 'none',
  message: (d: { silence: string }) =>
    `Nobody has fetched the result of this SELECT for ${d.silence} (client.heartbeat.timeout): its client is gone, so it ends.`,
})
export const TableInaccessible = defineError('JOB_TABLE_INACCESSIBLE', {
  recovery: 'none',
  message: (d: { table: string; action: 'read' | 'written' }) => `Table '${d.table}' cannot be ${d.action}`,
})
export const TableUnavailable = defineError('JOB_TABLE_UNAVAILABLE', {
  recovery: 'retry-here',
  message: (d: { table: string; action: 'read' | 'written' }) => `Table '${d.table}' cannot be ${d.action} at the moment`,
})
export const StaleAttempt = defineError('JOB_STALE_ATTEMPT', {
  recovery: 'none',
  message: (d: { attempt: string }) => `Attempt ${d.attempt} is not one that runs now`,
})
/** Why a checkpoint of a job is given up whose tasks have all finished. */
export const JobEnding = defineError('JOB_ENDING', {
  recovery: 'none',
  message: () => 'All tasks of the job have finished',
})
