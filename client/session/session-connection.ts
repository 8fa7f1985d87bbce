/** A running session as a client reaches it: through YARN's proxy by its application id, or directly by host and port. */
import { userInfo } from 'node:os'
import type { Configuration } from '#core/config/configuration.js'
import { CLIENT_TIMEOUT, REST_ADDRESS, REST_PORT } from '#core/config/options/rest.js'
import { YARN_APPLICATION_ID } from '#core/config/options/yarn.js'
import type { FileSystem } from '#core/fs/file-system.js'
import { localFileSystem } from '#core/fs/local-file-system.js'
import type { SessionDetails } from '#core/rest/session-responses.js'
import { hdfsFileSystem } from '#hadoop/hdfs/hdfs-file-system.js'
import { httpTransport } from '../cluster/http-transport.js'
import { MasterClient, MasterRefused, MasterUnreachable } from '../cluster/master-client.js'
import { isTerminal } from '../deploy/yarn/application-state.js'
import { applicationReport } from '../deploy/yarn/applications.js'
import { proxyTransport } from '../deploy/yarn/master-proxy.js'
import { connectYarn, type YarnCluster } from '../deploy/yarn/yarn-cluster.js'
import {
  NotASession,
  SessionAddressMissing,
  SessionElsewhere,
  SessionEnded,
  SessionNotNamed,
  SessionNotStarted,
  SessionOfAnother,
  SessionUnreachable,
} from './errors.js'

export interface SessionConnection {
  /** For people: `application_…`, or `the session at host:port`. */
  readonly name: string
  /** How a command names it: `-yid application_…` or `-m host:port`. */
  readonly switches: string
  readonly master: MasterClient
  readonly details: SessionDetails
  /** Of the submission directory. */
  readonly files: FileSystem
  /** Why it will not answer any more; undefined: it may. */
  gone(): Promise<string | undefined>
}

/** Target `yarn-session`. @throws SESSION_*, YARN_UNKNOWN_APPLICATION, HADOOP_* */
export async function connectYarnSession(configuration: Configuration): Promise<SessionConnection> {
  const applicationId = configuration.get(YARN_APPLICATION_ID)
  if (applicationId === undefined) throw new SessionNotNamed({})
  return connectSessionOf(await connectYarn(configuration, process.env), applicationId)
}

/** @throws SESSION_*, YARN_UNKNOWN_APPLICATION */
export async function connectSessionOf(cluster: YarnCluster, applicationId: string): Promise<SessionConnection> {
  const { state, finalStatus } = await applicationReport(cluster, applicationId)
  if (isTerminal(state)) throw new SessionEnded({ session: applicationId, state: `${state} / ${finalStatus}` })
  if (state !== 'RUNNING') throw new SessionNotStarted({ session: applicationId, state })
  const master = new MasterClient(proxyTransport(cluster, applicationId))
  const details = await sessionDetails(master, applicationId, `'weft status ${applicationId}' tells more.`)
  if (details.user !== cluster.user) throw new SessionOfAnother({ session: applicationId, owner: details.user, user: cluster.user })
  return {
    name: applicationId,
    switches: `-yid ${applicationId}`,
    master,
    details,
    files: hdfsFileSystem(cluster.hdfs),
    gone: async () => {
      const report = await applicationReport(cluster, applicationId)
      return isTerminal(report.state) ? `${applicationId} has ended: ${report.state} / ${report.finalStatus}` : undefined
    },
  }
}

/** Target `remote`. @throws SESSION_* */
export async function connectRemoteSession(configuration: Configuration): Promise<SessionConnection> {
  const host = configuration.get(REST_ADDRESS)
  if (host === undefined) throw new SessionAddressMissing({})
  const address = `${host}:${configuration.get(REST_PORT)}`
  const session = `the session at ${address}`
  const master = new MasterClient(httpTransport(`http://${address}/`, configuration.get(CLIENT_TIMEOUT)))
  const details = await sessionDetails(master, session, 'Is it the address that the session printed, and does the session run?')
  const directory = details['submission-directory']
  if (directory.startsWith('file:')) {
    const { username: user } = userInfo()
    const session = `The session at ${address}`
    if ((await localFileSystem.status(directory)) === undefined) throw new SessionElsewhere({ session, directory })
    if (details.user !== (process.env['HADOOP_USER_NAME'] ?? user)) throw new SessionOfAnother({ session, owner: details.user, user })
  }
  return {
    name: session,
    switches: `-m ${address}`,
    master,
    details,
    files: directory.startsWith('file:') ? localFileSystem : hdfsFileSystem((await connectYarn(configuration, process.env)).hdfs),
    // Nobody else can be asked; whoever waits gives up after a while.
    gone: () => Promise.resolve(undefined),
  }
}

async function sessionDetails(master: MasterClient, session: string, next: string): Promise<SessionDetails> {
  try {
    return await master.session()
  } catch (error) {
    if (MasterRefused.is(error)) throw new NotASession({ session: capitalized(session), reason: error.details.reason }, { cause: error })
    if (MasterUnreachable.is(error)) throw new SessionUnreachable({ session, reason: error.details.reason, next }, { cause: error })
    throw error
  }
}

function capitalized(text: string): string {
  return text.startsWith('application_') ? text : text.charAt(0).toUpperCase() + text.slice(1)
}
