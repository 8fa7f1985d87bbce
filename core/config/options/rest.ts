import { boolean, duration, integer, option, string } from '../option.js'

export const REST_ADDRESS = option('rest.address', string(), {
  description: 'Target remote: host of the session’s REST endpoint (the host of -m).',
})
export const REST_PORT = option('rest.port', integer(1, 65535), {
  default: '8081',
  description: 'Target remote: port of the session’s REST endpoint (the port of -m). Also where a local session listens.',
})
export const REST_BIND_ADDRESS = option('rest.bind-address', string(), { description: 'Interface that the REST endpoint listens on.' })
export const REST_BIND_PORT = option('rest.bind-port', string(), {
  description:
    'Port, list or range (8081-8090) the REST endpoint listens on; on YARN 0 (any free port) unless set. A job that runs in the client’s process (local.isolation: THREADS) has one only where this is set.',
})
export const REST_MAX_CONTENT_LENGTH = option('rest.server.max-content-length', integer(1), {
  default: '104857600',
  description: 'Largest request body, in bytes.',
})
export const REST_ASYNC_STORE_DURATION = option('rest.async.store-duration', duration(), {
  default: '5 min',
  description: 'How long the outcome of what was triggered over REST (a savepoint, say) is kept for those who ask.',
})
export const WEB_REFRESH_INTERVAL = option('web.refresh-interval', duration(), {
  default: '3 s',
  description: 'How often the dashboard polls.',
})
export const WEB_CANCEL = option('web.cancel.enable', boolean(), { default: 'true', description: 'Jobs may be cancelled from the web.' })
export const WEB_EXCEPTION_HISTORY = option('web.exception-history-size', integer(1), {
  default: '16',
  description: 'Failures of a job that are kept for display.',
})
export const WEB_CHECKPOINTS_HISTORY = option('web.checkpoints.history', integer(0), {
  default: '10',
  description: 'Checkpoints of a job that are kept for display.',
})
export const WEB_RESCALE_HISTORY = option('web.adaptive-scheduler.rescale-history.size', integer(0), {
  default: '20',
  description: 'Rescales of a job that are kept for display (Flink: 0).',
})
export const ACCESS_CONTROL_ALLOW_ORIGIN = option('web.access-control-allow-origin', string(), {
  default: '*',
  description: 'CORS header of REST responses.',
})
export const CLIENT_TIMEOUT = option('client.timeout', duration(), {
  default: '1 min',
  description: 'Longest time a client waits for one answer.',
})
export const CLIENT_HEARTBEAT_TIMEOUT = option('client.heartbeat.timeout', duration(), {
  default: '3 min',
  description: 'An attached client that does not ask for results so long is held gone; what waits only for it ends.',
})
