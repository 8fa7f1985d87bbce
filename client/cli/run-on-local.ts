/** Target `local`: master and TaskManager as threads of this process. */
import { CLIENT_TIMEOUT } from '#core/config/options/rest.js'
import { systemEnvironment } from '#core/time/environment.js'
import { httpTransport, MasterClient } from '../cluster/master-client.js'
import { runLocal, type LocalMaster } from '../deploy/local/run-local.js'
import { followApplication, type ApplicationEnd } from './follow.js'
import type { PreparedJob } from './prepared-job.js'

export async function runOnLocal(job: PreparedJob, master: LocalMaster): Promise<number> {
  // There is nobody to leave a detached job with: the process ends with the job either way, only the progress is left out.
  const application = await runLocal(
    { ...job.descriptor, attached: true, target: { kind: 'local', workingDirectory: process.cwd() } },
    master,
  )
  const client = new MasterClient(httpTransport(application.url, job.configuration.get(CLIENT_TIMEOUT)))
  const applicationId = job.descriptor.jobId
  let interrupted = false
  let exited: number | undefined
  void application.ended.then((code) => (exited = code))
  const onInterrupt = () => {
    if (interrupted) return void application.terminate()
    interrupted = true
    job.err.write('\nInterrupted: cancelling the job. Nothing of it goes on running. (Ctrl-C again ends it at once.)\n')
    client.cancel(applicationId).catch(() => void application.terminate())
  }
  process.on('SIGINT', onInterrupt)
  process.on('SIGTERM', onInterrupt)
  let end: ApplicationEnd
  try {
    end = await followApplication({
      client,
      applicationId,
      environment: systemEnvironment,
      out: job.out,
      err: job.descriptor.attached ? job.err : { ...job.err, write: () => undefined },
      maxColumnWidth: job.maxColumnWidth,
      gone: async () =>
        exited === undefined
          ? undefined
          : { succeeded: exited === 0, failure: exited === 0 ? '' : `The JobManager ended with exit code ${exited}.` },
    })
    await application.ended
  } finally {
    process.off('SIGINT', onInterrupt)
    process.off('SIGTERM', onInterrupt)
    await application.terminate()
  }
  if (!end.succeeded && !interrupted) job.err.write(`${end.failure}\n`)
  return end.succeeded && !interrupted ? 0 : 1
}
