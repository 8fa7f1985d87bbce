/** Savepoints that a program takes of its own jobs in a session. */
import type { Environment } from '#core/time/environment.js'
import { outcome } from '../cluster/async-outcome.js'
import type { SessionConnection } from './session-connection.js'

/** Path of the savepoint. `stop`: the job ends with it. @throws CLI_OPERATION_FAILED, CLIENT_MASTER_* */
export async function savepointOf(
  { master }: SessionConnection,
  environment: Environment,
  jobId: string,
  { directory, stop }: { readonly directory: string | undefined; readonly stop: 'drain' | 'suspend' | undefined },
): Promise<string> {
  const triggerId =
    stop === undefined
      ? await master.trigger(`jobs/${jobId}/savepoints`, { 'target-directory': directory ?? null, 'cancel-job': false })
      : await master.trigger(`jobs/${jobId}/stop`, { targetDirectory: directory ?? null, drain: stop === 'drain' })
  const what = stop === undefined ? 'The savepoint' : 'The stop with savepoint'
  const { location } = await outcome(master, `jobs/${jobId}/savepoints`, triggerId, what, environment)
  return String(location)
}
