/** `weft start-cluster`: a session on this machine, for as long as the command runs. Flink's standalone session, in the foreground. */
import { userInfo } from 'node:os'
import { APPLICATION_DESCRIPTOR_VERSION } from '#core/cluster/application-descriptor.js'
import { LOCAL_ISOLATION } from '#core/config/options/cluster.js'
import { CLIENT_TIMEOUT, REST_BIND_PORT, REST_PORT } from '#core/config/options/rest.js'
import { ISOLATE_JOBS } from '#core/config/options/session.js'
import { newHexId, type JobId } from '#core/ids/ids.js'
import { systemEnvironment } from '#core/time/environment.js'
import { MasterClient } from '../cluster/master-client.js'
import type { LocalApplication } from '../deploy/local/local-application.js'
import type { TextSink } from './progress.js'
import { commandConfiguration } from './settings.js'

const DEFAULT_NAME = 'Weft session cluster'

export interface LocalSessionOptions {
  readonly properties: readonly string[]
  readonly installation: string
  readonly out: TextSink
  readonly err: TextSink
}

export async function localSession({ properties, installation, out, err }: LocalSessionOptions): Promise<number> {
  const given = commandConfiguration(properties, {}, installation)
  const inert = given.inertKeys()
  if (inert.length > 0) err.write(`Warning: without effect here: ${inert.join(', ')}\n`)
  const configuration = given.with({
    ...(given.has(ISOLATE_JOBS) ? {} : { [ISOLATE_JOBS.key]: 'true' }),
    ...(given.has(REST_BIND_PORT) ? {} : { [REST_BIND_PORT.key]: String(given.get(REST_PORT)) }),
  })
  const descriptor = {
    version: APPLICATION_DESCRIPTOR_VERSION,
    jobId: newHexId<JobId>(systemEnvironment.random),
    name: DEFAULT_NAME,
    user: process.env['HADOOP_USER_NAME'] ?? userInfo().username,
    attached: false,
    configuration: configuration.toRecord(),
    program: { kind: 'session' },
  } as const
  const session = await start(descriptor, configuration.get(LOCAL_ISOLATION), configuration.get(CLIENT_TIMEOUT))
  const client = new MasterClient(session.transport)
  let stopping = false
  const onInterrupt = () => {
    if (stopping) return session.terminate()
    stopping = true
    err.write('\nStopping the session and its jobs. (Ctrl-C again ends it at once.)\n')
    client.cancel(descriptor.jobId).catch(() => session.terminate())
  }
  process.on('SIGINT', onInterrupt)
  process.on('SIGTERM', onInterrupt)
  try {
    await client.session()
    const address = await session.address()
    out.write(`${address}\n`)
    err.write(
      `Web interface: http://${address}/\n` +
        `  to run a job in it:  weft run -m ${address} <job>\n` +
        `  to see its jobs:     weft list -m ${address}\n` +
        'The session and its jobs end with this command (Ctrl-C).\n',
    )
    await session.over
    const end = session.ended()
    if (end?.succeeded === true) err.write('The session has ended.\n')
    else if (!stopping) err.write(`${end?.failure ?? 'The session has ended.'}\n`)
    return end?.succeeded === true || stopping ? 0 : 1
  } finally {
    process.off('SIGINT', onInterrupt)
    process.off('SIGTERM', onInterrupt)
    session.terminate()
    await session.over
  }
}

/** A session in threads or processes of this machine. */
export async function start(
  descriptor: Parameters<typeof import('../deploy/local/run-local.js').runLocal>[0],
  isolation: 'THREADS' | 'PROCESSES',
  timeoutMs: number,
): Promise<LocalApplication> {
  if (isolation === 'PROCESSES') {
    const { runLocalProcesses } = await import('../deploy/local/run-processes.js')
    return runLocalProcesses(descriptor, timeoutMs)
  }
  const { runLocal, startLocalMaster } = await import('../deploy/local/run-local.js')
  return runLocal(descriptor, startLocalMaster(), timeoutMs)
}
