/** Why a session does not take a job. */
import { defineError } from '#core/errors/define-error.js'

export const NotSubmitted = defineError('SESSION_JOB_NOT_SUBMITTED', {
  recovery: 'none',
  message: (d: { jobId: string; path: string }) => `Job ${d.jobId} cannot be started: there is no ${d.path}. A client puts it there first`,
})
export const InvalidSubmission = defineError('SESSION_SUBMISSION_INVALID', {
  recovery: 'none',
  message: (d: { path: string; problem: string }) =>
    `${d.path} is no job that this session can run: ${d.problem}. Client and session must be of the same version`,
})
export const SessionEnding = defineError('SESSION_ENDING', {
  recovery: 'none',
  message: (d: { name: string }) => `The session '${d.name}' is being stopped and takes no more jobs. Start another: weft yarn-session`,
})
