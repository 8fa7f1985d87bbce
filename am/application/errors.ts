/** Failures of an application as a whole. */
import { defineError } from '#core/errors/define-error.js'

export const StatementFailed = defineError('APPLICATION_STATEMENT_FAILED', {
  recovery: 'none',
  message: (d: { number: number; place: string; text: string }) => `Statement ${d.number}${d.place} failed: ${shorten(d.text)}`,
})
export const JobFailed = defineError('APPLICATION_JOB_FAILED', {
  recovery: 'none',
  message: (d: {
    job: string
    jobId: string
    task: string | null
    endpoint: string | null
    worker: string | null
    notRestarted: string | null
  }) =>
    `Job '${d.job}' (${d.jobId}) failed` +
    (d.task === null ? '' : ` in task ${d.task}`) +
    (d.endpoint === null ? '' : ` on ${d.endpoint}`) +
    (d.worker === null ? '' : ` (${d.worker})`) +
    (d.notRestarted === null ? '' : `; it is not restarted again: ${d.notRestarted}`),
})
export const ApplicationCanceled = defineError('APPLICATION_CANCELED', {
  recovery: 'none',
  message: (d: { what: string }) => `${d.what} was cancelled`,
})
export const DetachedSelect = defineError('APPLICATION_DETACHED_SELECT', {
  recovery: 'none',
  message: () =>
    `A SELECT has nobody to show its result to in a detached application. Write it to a table (INSERT INTO), or run attached (without -d)`,
})

export const SavepointsUnavailable = defineError('APPLICATION_SAVEPOINTS_UNAVAILABLE', {
  recovery: 'none',
  message: (d: { job: string }) => `Job '${d.job}' has no savepoints any more: it ended under an earlier JobManager`,
})

const SHOWN_CHARACTERS = 100

function shorten(text: string): string {
  const line = text.trim().replaceAll(/\s+/g, ' ')
  return line.length <= SHOWN_CHARACTERS ? line : `${line.slice(0, SHOWN_CHARACTERS - 1)}…`
}
