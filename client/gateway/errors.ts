/** What the gateway itself refuses; the names of Flink's exceptions come with server-failure.ts. */
import { defineError } from '#core/errors/define-error.js'

export const GatewayRefused = defineError('GATEWAY_REFUSED', {
  recovery: 'none',
  /** `exception`: what Flink throws there, with its package. */
  message: (d: { status: 400 | 404 | 500; exception: string; problem: string }) => d.problem,
})

export const GatewayPortTaken = defineError('GATEWAY_CANNOT_LISTEN', {
  recovery: 'none',
  message: (d: { ports: string; host: string; reason: string }) =>
    `The SQL gateway cannot listen on ${d.host}, port ${d.ports} (sql-gateway.endpoint.rest.port): ${d.reason}`,
})

export const GatewayTargetUnknown = defineError('GATEWAY_TARGET_UNKNOWN', {
  recovery: 'none',
  message: (d: { target: string }) =>
    `A SQL gateway has no target '${d.target}': local is a cluster of its own, yarn-session (with -Dyarn.application.id) and remote (with -m host:port) are sessions that run already.`,
})

/** A statement's failure as the operation keeps it. */
export function refused(exception: string, problem: string, status: 400 | 404 | 500 = 500): Error {
  return new GatewayRefused({ status, exception, problem })
}
