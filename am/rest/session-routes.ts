/** What the clients of a session ask beyond what every master answers, and the outcome of a job. */
import { DEFAULT_SCHEME } from '#core/config/options/execution.js'
import { WEB_CANCEL } from '#core/config/options/rest.js'
import { FileSystemFailed, PathNotFound } from '#core/fs/errors.js'
import { isTerminalJobState } from '#core/graph/states.js'
import type { JobId } from '#core/ids/ids.js'
import type { ExecutionResult, JobSubmitted, SessionDetails } from '#core/rest/session-responses.js'
import { describeFailure } from '../application/describe-failure.js'
import { jobFailed } from '../application/job-failure.js'
import { InvalidJobGraph } from '../jobmaster/errors.js'
import type { Job, JobResult } from '../jobmaster/job-master.js'
import { InvalidSubmission, NotSubmitted, SessionEnding } from '../session/errors.js'
import { stackTrace } from '../stack-trace.js'
import { findJob } from './find-job.js'
import type { MasterView } from './master-view.js'
import { hexId } from './parameters.js'
import { notFound, RestRefused } from './rest-error.js'
import type { RestRequest, Route } from './route.js'

export const SESSION_ROUTES: readonly Route[] = [
  { method: 'GET', path: '/session', right: 'VIEW', handle: session },
  { method: 'PUT', path: '/session/jobs/:jobid', right: 'MODIFY', status: 202, handle: submit },
  { method: 'GET', path: '/jobs/:jobid/execution-result', right: 'VIEW', handle: executionResult },
  { method: 'DELETE', path: '/cluster', right: 'MODIFY', handle: shutDown },
]

function requireSession({ session, application }: MasterView): NonNullable<MasterView['session']> {
  if (session !== undefined) return session
  const { name } = application.details()
  throw notFound(`This JobManager is no session: it runs the application '${name}' and takes no other jobs`)
}

function session(master: MasterView): SessionDetails {
  const found = requireSession(master)
  const details = found.details()
  return {
    id: found.id,
    name: details.name,
    user: found.user,
    'submission-directory': found.submissionDirectory,
    'default-scheme': master.configuration.get(DEFAULT_SCHEME) ?? null,
    'start-time': details['start-time'],
  }
}

async function submit(master: MasterView, request: RestRequest): Promise<JobSubmitted> {
  const jobId = hexId(request.path, 'jobid') as JobId
  try {
    await requireSession(master).submit(jobId)
  } catch (error) {
    throw refusal(error)
  }
  return { jobid: jobId }
}

function refusal(error: unknown): unknown {
  if (NotSubmitted.is(error)) return new RestRefused({ status: 404, message: error.message }, { cause: error })
  if (SessionEnding.is(error)) return new RestRefused({ status: 409, message: error.message }, { cause: error })
  if (InvalidSubmission.is(error) || InvalidJobGraph.is(error) || FileSystemFailed.is(error) || PathNotFound.is(error))
    return new RestRefused({ status: 400, message: error.message }, { cause: error })
  return error
}

async function executionResult(master: MasterView, request: RestRequest): Promise<ExecutionResult> {
  const job = findJob(master, request)
  if (!isTerminalJobState(job.state)) return { status: { id: 'IN_PROGRESS' }, 'job-execution-result': null }
  // The state is there a little before all of the end is: what it wrote is in place when the result is.
  const result = await job.result
  const { timestamps } = job.run
  return {
    status: { id: 'COMPLETED' },
    'job-execution-result': {
      id: job.jobId,
      'application-status': result.state === 'FINISHED' ? 'SUCCEEDED' : result.state,
      'net-runtime': (timestamps[result.state] ?? 0) - (timestamps.INITIALIZING ?? 0),
      'accumulator-results': {},
      ...failureCause(job, result),
    },
  }
}

function failureCause(job: Job, { state, failure }: JobResult) {
  if (state !== 'FAILED') return {}
  const error = jobFailed(job, failure)
  const cause = failure?.error ?? error
  return { 'failure-cause': { class: cause.name, 'stack-trace': stackTrace(cause), message: describeFailure(error) } }
}

/** Flink's way to stop a session; also ends an application. */
function shutDown(master: MasterView) {
  if (!master.configuration.get(WEB_CANCEL))
    throw new RestRefused({ status: 403, message: 'Cancelling by REST is switched off (web.cancel.enable)' })
  master.application.cancel()
  return {}
}
