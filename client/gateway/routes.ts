/** The endpoints of Flink's SQL Gateway, versions 1 to 4: method, path, the first version that has it, what it answers. */
import * as z from '#core/zod.js'
import { refused } from './errors.js'
import { completeStatement } from './complete-statement.js'
import type { RowFormat } from './result-page.js'
import type { SessionManager } from './session-manager.js'

export const VERSIONS = ['V1', 'V2', 'V3', 'V4'] as const
const FLINK_VERSION = '2.3.0'

export interface GatewayRequest {
  readonly sessions: SessionManager
  /** Of the path, by name. */
  readonly path: Readonly<Record<string, string>>
  readonly query: URLSearchParams
  /** Empty: none came. */
  readonly body: string
  /** `/v4`; empty: the path had none. */
  readonly prefix: string
  /** From 1. */
  readonly version: number
}

export interface GatewayRoute {
  readonly method: 'GET' | 'POST' | 'DELETE'
  /** Parts that begin with a colon are ids. */
  readonly path: string
  readonly since: number
  /** What a failure says was being done. */
  readonly doing: string
  /** A text is the body as it is. */
  handle(request: GatewayRequest): unknown
}

const settings = z.record(z.string().max(1000), z.string().max(100_000)).nullish()
const OpenSession = z.object({ sessionName: z.string().max(1000).nullish(), properties: settings })
const ExecuteStatement = z.object({
  statement: z.string().nullish(),
  executionTimeout: z.number().min(0).max(Number.MAX_SAFE_INTEGER).nullish(),
  executionConfig: settings,
})
const ConfigureSession = z.object({ statement: z.string(), executionTimeout: z.number().nullish() })
const CompleteStatement = z.object({ statement: z.string(), position: z.int().min(0) })

/** @throws GATEWAY_REFUSED (400) */
function parsed<T>(body: string, schema: z.ZodType<T>): T {
  let value: unknown
  try {
    value = body === '' ? {} : JSON.parse(body)
  } catch {
    throw badRequest('the body is no JSON')
  }
  const result = schema.safeParse(value)
  if (!result.success) throw badRequest(z.prettifyError(result.error))
  return result.data
}

function badRequest(why: string): Error {
  return refused('org.apache.flink.runtime.rest.handler.RestHandlerException', `Bad request received. ${why}`, 400)
}

const sessionOf = ({ sessions, path }: GatewayRequest) => sessions.session(path['session_handle'] ?? '')
const operationOf = (request: GatewayRequest) => sessionOf(request).operation(request.path['operation_handle'] ?? '')

export const ROUTES: readonly GatewayRoute[] = [
  {
    method: 'GET',
    path: '/info',
    since: 1,
    doing: 'Failed to get the info.',
    handle: () => ({ productName: 'Apache Flink', version: FLINK_VERSION }),
  },
  { method: 'GET', path: '/api_versions', since: 1, doing: 'Failed to get the versions.', handle: () => ({ versions: VERSIONS }) },
  {
    method: 'POST',
    path: '/sessions',
    since: 1,
    doing: 'Failed to openSession.',
    handle: ({ sessions, body }) => ({ sessionHandle: sessions.open(parsed(body, OpenSession).properties ?? {}).id }),
  },
  {
    method: 'GET',
    path: '/sessions/:session_handle',
    since: 1,
    doing: 'Failed to getSessionConfig.',
    handle: (request) => ({ properties: sessionOf(request).properties() }),
  },
  {
    method: 'DELETE',
    path: '/sessions/:session_handle',
    since: 1,
    doing: 'Failed to closeSession.',
    handle: async ({ sessions, path }) => {
      await sessions.close(path['session_handle'] ?? '')
      return { status: 'CLOSED' }
    },
  },
  {
    method: 'POST',
    path: '/sessions/:session_handle/heartbeat',
    since: 1,
    doing: 'Failed to trigger the heartbeat.',
    handle: (request) => {
      sessionOf(request)
      return {}
    },
  },
  {
    method: 'POST',
    path: '/sessions/:session_handle/statements',
    since: 1,
    doing: 'Failed to executeStatement.',
    handle: (request) => {
      const { statement, executionTimeout, executionConfig } = parsed(request.body, ExecuteStatement)
      return { operationHandle: sessionOf(request).submit(statement ?? '', executionConfig ?? {}, executionTimeout ?? 0).id }
    },
  },
  {
    method: 'GET',
    path: '/sessions/:session_handle/operations/:operation_handle/status',
    since: 1,
    doing: 'Failed to getOperationInfo.',
    handle: (request) => ({ status: operationOf(request).status }),
  },
  {
    method: 'POST',
    path: '/sessions/:session_handle/operations/:operation_handle/cancel',
    since: 1,
    doing: 'Failed to cancelOperation.',
    handle: async (request) => {
      const operation = operationOf(request)
      await operation.cancel()
      return { status: operation.status }
    },
  },
  {
    method: 'DELETE',
    path: '/sessions/:session_handle/operations/:operation_handle/close',
    since: 1,
    doing: 'Failed to closeOperation.',
    handle: async (request) => {
      await sessionOf(request).closeOperation(request.path['operation_handle'] ?? '')
      return { status: 'CLOSED' }
    },
  },
  {
    method: 'GET',
    path: '/sessions/:session_handle/operations/:operation_handle/result/:token',
    since: 1,
    doing: 'Failed to fetchResults.',
    handle: (request) => {
      const { path, query, prefix, version } = request
      const given = version === 1 ? 'JSON' : (query.get('rowFormat') ?? 'JSON')
      if (given !== 'JSON' && given !== 'PLAIN_TEXT') throw badRequest(`Cannot resolve query parameter (rowFormat) from value "${given}".`)
      const format: RowFormat = given
      const { session_handle: session, operation_handle: id, token } = path
      if (!/^-?\d{1,15}$/.test(token ?? '')) throw badRequest(`Cannot resolve path parameter (token) from value "${token}".`)
      const suffix = version === 1 ? '' : `?rowFormat=${format}`
      const uri = (of: number) => `${prefix}/sessions/${session}/operations/${id}/result/${of}${suffix}`
      return operationOf(request).page(Number(token), format, uri)
    },
  },
  {
    method: 'POST',
    path: '/sessions/:session_handle/configure-session',
    since: 2,
    doing: 'Failed to configure session.',
    handle: async (request) => {
      await sessionOf(request).configure(parsed(request.body, ConfigureSession).statement)
      return {}
    },
  },
  {
    method: 'GET',
    path: '/sessions/:session_handle/complete-statement',
    since: 2,
    doing: 'Failed to get statement completion candidates.',
    handle: (request) => {
      const { statement, position } = parsed(request.body, CompleteStatement)
      return { candidates: completeStatement(statement, position, sessionOf(request).sql.catalog) }
    },
  },
]
