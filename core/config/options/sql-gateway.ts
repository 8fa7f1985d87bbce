/** `weft sql-gateway`: Flink's options of the REST endpoint and its sessions. */
import { duration, integer, option, string } from '../option.js'

export const GATEWAY_PORT = option('sql-gateway.endpoint.rest.port', integer(0, 65535), {
  default: '8083',
  description: 'Port that the SQL gateway listens on; 0: any free one.',
})
export const GATEWAY_BIND_PORT = option('sql-gateway.endpoint.rest.bind-port', string(), {
  description: 'Port, list or range (8083-8090) that the SQL gateway listens on; unless set it is its port.',
})
export const GATEWAY_BIND_ADDRESS = option('sql-gateway.endpoint.rest.bind-address', string(), {
  default: '127.0.0.1',
  description:
    'Interface that the SQL gateway listens on. Whoever reaches it runs statements as the user who started it: let it be reached by nobody else.',
})
export const GATEWAY_IDLE_TIMEOUT = option('sql-gateway.session.idle-timeout', duration(), {
  default: '10 min',
  description: 'A session of the SQL gateway that nobody asks for so long is closed, with its queries; 0: never.',
})
export const GATEWAY_CHECK_INTERVAL = option('sql-gateway.session.check-interval', duration(), {
  default: '1 min',
  description: 'How often the SQL gateway looks for idle sessions; 0: never.',
})
export const GATEWAY_MAX_SESSIONS = option('sql-gateway.session.max-num', integer(1), {
  default: '1000000',
  description: 'Sessions that the SQL gateway has open at most.',
})
