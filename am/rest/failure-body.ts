/** What a client is told when an endpoint fails: Flink's status codes and texts. */
import { logger } from '#core/log/logger.js'
import type { ErrorBody } from '#core/rest/responses.js'
import { stackTrace } from '../stack-trace.js'
import { RestRefused } from './rest-error.js'

const log = logger('Rest')

export interface Failure {
  readonly status: number
  readonly body: ErrorBody
}

/** `request`: method and path, for the log. */
export function failureOf(error: unknown, request: string): Failure {
  if (RestRefused.is(error)) return { status: error.details.status, body: { errors: [error.message] } }
  log.error(`${request} failed`, error)
  const stack = `<Exception on server side:\n${stackTrace(error)}\nEnd of exception on server side>`
  return { status: 500, body: { errors: ['Internal server error.', stack] } }
}

export function notServed(method: string, path: string): Failure {
  return { status: 404, body: { errors: [method === 'GET' ? `Unable to load requested file ${path}.` : `Not found: ${path}`] } }
}
