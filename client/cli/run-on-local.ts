/** Follows an application on this machine to its end; Ctrl-C cancels it, a second one ends it at once. */
import { systemEnvironment } from '#core/time/environment.js'
import { MasterClient } from '../cluster/master-client.js'
import type { LocalApplication } from '../deploy/local/local-application.js'
import { followApplication } from './follow.js'
import type { PreparedJob } from './prepared-job.js'

export async function runOnLocal(job: PreparedJob, application: LocalApplication): Promise<number> {
  const client = new MasterClient(application.transport)
  const applicationId = job.descriptor.jobId
  let interrupted = false
  const onInterrupt = () => {
    if (interrupted) return application.terminate()
    interrupted = true
    job.err.write('\nInterrupted: cancelling the job. Nothing of it goes on running. (Ctrl-C again ends it at once.)\n')
    client.cancel(applicationId).catch(() => application.terminate())
  }
  process.on('SIGINT', onInterrupt)
  process.on('SIGTERM', onInterrupt)
  try {
    const end = await followApplication({
      client,
      applicationId,
      environment: systemEnvironment,
      out: job.out,
      err: job.descriptor.attached ? job.err : { ...job.err, write: () => undefined },
      maxColumnWidth: job.maxColumnWidth,
      gone: async () => application.ended(),
    })
    await application.over
    if (!end.succeeded && !interrupted) job.err.write(`${end.failure}\n`)
    return end.succeeded && !interrupted ? 0 : 1
  } finally {
    process.off('SIGINT', onInterrupt)
    process.off('SIGTERM', onInterrupt)
    application.terminate()
    await application.over
  }
}
