/** Target `local` with `local.isolation: PROCESSES`: JobManager and TaskManagers as processes, replaced when they die. */
import { CLIENT_TIMEOUT } from '#core/config/options/rest.js'
import { systemEnvironment } from '#core/time/environment.js'
import { MasterClient } from '../cluster/master-client.js'
import { runLocalProcesses } from '../deploy/local/run-processes.js'
import { followApplication } from './follow.js'
import type { PreparedJob } from './prepared-job.js'

export async function runOnLocalProcesses(job: PreparedJob): Promise<number> {
  const processes = runLocalProcesses({ ...job.descriptor, attached: true }, job.configuration.get(CLIENT_TIMEOUT))
  const client = new MasterClient(processes.transport)
  const applicationId = job.descriptor.jobId
  let interrupted = false
  const onInterrupt = () => {
    if (interrupted) return processes.terminate()
    interrupted = true
    job.err.write('\nInterrupted: cancelling the job. Nothing of it goes on running. (Ctrl-C again ends it at once.)\n')
    client.cancel(applicationId).catch(() => processes.terminate())
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
      gone: async () => processes.ended(),
    })
    await processes.over
    if (!end.succeeded && !interrupted) job.err.write(`${end.failure}\n`)
    return end.succeeded && !interrupted ? 0 : 1
  } finally {
    process.off('SIGINT', onInterrupt)
    process.off('SIGTERM', onInterrupt)
    processes.terminate()
    await processes.over
  }
}
