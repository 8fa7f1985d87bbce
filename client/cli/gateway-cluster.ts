/** The cluster that a SQL gateway, or a SQL client without one, gives its jobs to: one of its own, or a session that runs already. */
import { userInfo } from 'node:os'
import { APPLICATION_DESCRIPTOR_VERSION } from '#core/cluster/application-descriptor.js'
import type { Configuration } from '#core/config/configuration.js'
import { LOCAL_ISOLATION } from '#core/config/options/cluster.js'
import { TARGET } from '#core/config/options/execution.js'
import { CLIENT_TIMEOUT, REST_BIND_PORT } from '#core/config/options/rest.js'
import { ISOLATE_JOBS } from '#core/config/options/session.js'
import { localFileSystem } from '#core/fs/local-file-system.js'
import { newHexId, type JobId } from '#core/ids/ids.js'
import { systemEnvironment } from '#core/time/environment.js'
import { MasterClient } from '../cluster/master-client.js'
import { GatewayTargetUnknown } from '../gateway/errors.js'
import { connectRemoteSession, connectYarnSession, type SessionConnection } from '../session/session-connection.js'
import { start } from './local-session.js'

export interface GatewayCluster {
  readonly connection: SessionConnection
  /** How the cluster ended, for people. */
  readonly over: Promise<string>
  leave(): Promise<void>
}

/** `name`: of a cluster of its own. @throws GATEWAY_TARGET_UNKNOWN, SESSION_* */
export async function connectGatewayCluster(configuration: Configuration, name: string): Promise<GatewayCluster> {
  const target = configuration.get(TARGET) ?? 'local'
  const never = new Promise<string>(() => undefined)
  if (target === 'yarn-session') return { connection: await connectYarnSession(configuration), over: never, leave: () => Promise.resolve() }
  if (target === 'remote') return { connection: await connectRemoteSession(configuration), over: never, leave: () => Promise.resolve() }
  if (target !== 'local') throw new GatewayTargetUnknown({ target })
  // Jobs of statements bring no code that could leave anything in a thread; those of programs, which come by REST, do.
  const isolated = String(configuration.has(REST_BIND_PORT))
  const ofSession = configuration.has(ISOLATE_JOBS) ? configuration : configuration.with({ [ISOLATE_JOBS.key]: isolated })
  const descriptor = {
    version: APPLICATION_DESCRIPTOR_VERSION,
    jobId: newHexId<JobId>(systemEnvironment.random),
    name,
    user: process.env['HADOOP_USER_NAME'] ?? userInfo().username,
    attached: false,
    configuration: ofSession.toRecord(),
    program: { kind: 'session' },
  } as const
  const local = await start(descriptor, configuration.get(LOCAL_ISOLATION), configuration.get(CLIENT_TIMEOUT))
  const master = new MasterClient(local.transport)
  const connection: SessionConnection = {
    name: 'the cluster in this process',
    switches: '-t local',
    master,
    details: await master.session(),
    files: localFileSystem,
    gone: () => Promise.resolve(local.ended()?.failure),
  }
  return {
    connection,
    over: local.over.then(() => local.ended()?.failure ?? 'The cluster has ended.'),
    leave: async () => {
      await master.cancel(descriptor.jobId).catch(() => local.terminate())
      await local.over
    },
  }
}
