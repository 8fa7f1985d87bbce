/** `weft sql-gateway`: Flink's SQL Gateway over a cluster of its own (`-t local`) or a session that runs already. */
import { TARGET } from '#core/config/options/execution.js'
import { GATEWAY_BIND_ADDRESS, GATEWAY_BIND_PORT, GATEWAY_PORT } from '#core/config/options/sql-gateway.js'
import { parsePortRange } from '#core/config/port-range.js'
import { systemEnvironment } from '#core/time/environment.js'
import { GatewayServer } from '../gateway/server.js'
import { SessionManager } from '../gateway/session-manager.js'
import { connectGatewayCluster } from './gateway-cluster.js'
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
  const { connection, over, leave } = await connectGatewayCluster(configuration, 'Weft SQL gateway')
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
