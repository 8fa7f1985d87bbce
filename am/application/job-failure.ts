/** A job's failure as an error for people: which job, which task, where; its cause is what happened there. */
import type { Job } from '../jobmaster/job-master.js'
import type { JobFailure } from '../jobmaster/scheduler/state.js'
import { JobFailed } from './errors.js'

export function jobFailed({ jobId, jobGraph }: Job, failure: JobFailure | undefined): Error {
  return new JobFailed(
    {
      job: jobGraph.name,
      jobId,
      task: failure?.taskName ?? null,
      endpoint: failure?.endpoint ?? null,
      worker: failure?.resourceId ?? null,
      notRestarted: failure?.notRestarted ?? null,
    },
    failure === undefined ? undefined : { cause: failure.error },
  )
}
