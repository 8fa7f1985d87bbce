/** `weft sql-gateway`: Flink's SQL Gateway over a cluster of its own (`-t local`) or a session that runs already. */
import { userInfo } from 'node:os'
import { APPLICATION_DESCRIPTOR_VERSION } from '#core/cluster/application-descriptor.js'
import type { Configuration } from '#core/config/configuration.js'
import { LOCAL_ISOLATION } from '#core/config/options/cluster.js'
import { TARGET } from '#core/config/options/execution.js'
import { CLIENT_TIMEOUT, REST_BIND_PORT } from '#core/config/options/rest.js'
import { ISOLATE_JOBS } from '#core/config/options/session.js'
import { GATEWAY_BIND_ADDRESS, GATEWAY_BIND_PORT, GATEWAY_PORT } from '#core/config/options/sql-gateway.js'
import { parsePortRange } from '#core/config/port-range.js'
import { localFileSystem } from '#core/fs/local-file-system.js'
import { newHexId, type JobId } from '#core/ids/ids.js'
import { systemEnvironment } from '#core/time/environment.js'
import { MasterClient } from '../cluster/master-client.js'
import { GatewayTargetUnknown } from '../gateway/errors.js'
import { GatewayServer } from '../gateway/server.js'
import { SessionManager } from '../gateway/session-manager.js'
import { connectRemoteSession, connectYarnSession, type SessionConnection } from '../session/session-connection.js'
import { start } from './local-session.js'
import type { TextSink } from './progress.js'
import { sessionSwitches } from './session-switches.js'
import { commandConfiguration } from './settings.js'

export interface SqlGatewayOptions {
  readonly target?: string
  readonly jobmanager?: string
  readonly yarnapplicationId?: string
  readonly properties: readonly string[]
  readonly installation: string
  readonly out: TextSink
  readonly err: TextSink
}

/** Until it is interrupted, or its cluster has ended. */
export async function sqlGateway(options: SqlGatewayOptions): Promise<number> {
  const { out, err } = options
  const switches = { ...sessionSwitches(options), ...(options.target === undefined ? {} : { [TARGET.key]: options.target }) }
  const configuration = commandConfiguration(options.properties, switches, options.installation)
  configuration.validate('command line')
  const inert = configuration.inertKeys()
  if (inert.length > 0) err.write(`Warning: without effect here: ${inert.join(', ')}\n`)
  const { connection, over, leave } = await connect(configuration)
  let interrupt: () => void = () => undefined
  const interrupted = new Promise<'interrupted'>((resolve) => (interrupt = () => resolve('interrupted')))
  process.on('SIGINT', interrupt)
  process.on('SIGTERM', interrupt)
  const sessions = new SessionManager({ connection, environment: systemEnvironment }, configuration)
  let server: GatewayServer | undefined
  try {
    const host = configuration.get(GATEWAY_BIND_ADDRESS)
    const range = configuration.get(GATEWAY_BIND_PORT) ?? String(configuration.get(GATEWAY_PORT))
    server = await GatewayServer.listen(sessions, configuration, host, parsePortRange(GATEWAY_BIND_PORT.key, range))
    const shown = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host
    out.write(`http://${shown}:${server.port}\n`)
    err.write(
      `SQL gateway of ${connection.name}. Flink's SQL client: sql-client.sh gateway --endpoint http://${shown}:${server.port}. Ctrl-C ends it.\n`,
    )
    const end = await Promise.race([interrupted, over])
    if (end === 'interrupted') return 0
    err.write(`${end}\n`)
    return 1
  } finally {
    await server?.close()
    await sessions.closeAll()
    await leave()
    process.off('SIGINT', interrupt)
    process.off('SIGTERM', interrupt)
  }
}

interface Connected {
  readonly connection: SessionConnection
  /** How the cluster ended, for people. */
  readonly over: Promise<string>
  leave(): Promise<void>
}

/** @throws GATEWAY_TARGET_UNKNOWN, SESSION_* */
async function connect(configuration: Configuration): Promise<Connected> {
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
    name: 'Weft SQL gateway',
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
