/** How long YARN lets an application be: set where it is asked for, read back since a queue may allow less. */
import { formatDuration } from '#core/config/units.js'
import { YARN_APPLICATION_LIFETIME } from '#core/config/options/yarn.js'
import { isRemoteException } from '#hadoop/ipc/remote-exception.js'
import { HadoopHttpFailed } from '#hadoop/rest/errors.js'
import { endOfLifetime, type ApplicationReport } from '#hadoop/rest/resource-manager-records.js'
import type { YarnCluster } from './yarn-cluster.js'

/** Some is lost between the clock's reading here and there, and the answer may be rounded to seconds. */
const TOLERANCE_MS = 5_000

export interface Lifetime {
  /** Wall clock, ms; undefined: without end. */
  readonly endsAt: number | undefined
  /** For people: what was asked for and is not so. */
  readonly warnings: readonly string[]
}

/** `report`: of an application that was accepted. `lifetime`: wished, ms; undefined: none, but the queue may set one by itself. */
export async function limitLifetime(cluster: YarnCluster, report: ApplicationReport, lifetime: number | undefined): Promise<Lifetime> {
  if (lifetime === undefined) return { endsAt: endOfLifetime(report), warnings: [] }
  // Counted by the ResourceManager's clock, which set the start.
  const wished = report.startedTime + lifetime
  // A submission by RPC has said it already.
  const already = compareLifetime(report, wished, lifetime)
  if (already.warnings.length === 0) return already
  try {
    await cluster.resourceManager.setLifetime(report.id, wished)
  } catch (error) {
    const reason = isRemoteException(error) ? error.details.reason : HadoopHttpFailed.is(error) ? error.details.text : undefined
    if (reason === undefined) throw error
    return { endsAt: endOfLifetime(report), warnings: [`YARN did not take ${YARN_APPLICATION_LIFETIME.key}: ${reason}`] }
  }
  return compareLifetime(await cluster.resourceManager.application(report.id), wished, lifetime)
}

/** Pure. `read`: what the ResourceManager says now; undefined: it knows the application no more. */
export function compareLifetime(read: ApplicationReport | undefined, wished: number, lifetime: number): Lifetime {
  const endsAt = read === undefined ? undefined : endOfLifetime(read)
  if (endsAt !== undefined && Math.abs(endsAt - wished) <= TOLERANCE_MS) return { endsAt, warnings: [] }
  const instead = endsAt === undefined ? 'no end' : `the end ${new Date(endsAt).toISOString()}; its queue may allow no more`
  return { endsAt, warnings: [`YARN gave the application ${instead} (${YARN_APPLICATION_LIFETIME.key} is ${formatDuration(lifetime)}).`] }
}

/** One line; empty where there is no end. */
export function describeEnd(endsAt: number | undefined): string {
  return endsAt === undefined ? '' : `YARN ends the application at ${new Date(endsAt).toISOString()}, whatever it does then`
}
