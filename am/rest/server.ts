/** What answers at the REST endpoint: the routes on fastify, with Flink's headers and error bodies. listener.ts has the socket. */
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import type { IncomingMessage } from 'node:http'
import { ACCESS_CONTROL_ALLOW_ORIGIN, REST_MAX_CONTENT_LENGTH } from '#core/config/options/rest.js'
import type { ErrorBody } from '#core/rest/responses.js'
import { failureOf, notServed } from './failure-body.js'
import { frontPage } from './front-page.js'
import type { MasterView } from './master-view.js'
import type { Parameters } from './parameters.js'
import type { Admission, RestAnswers } from './proxy-door.js'
import { RestRefused } from './rest-error.js'
import type { Route } from './route.js'
import { ROUTES } from './routes.js'

const JSON_TYPE = 'application/json; charset=UTF-8'

/** Answers requests once the routes are ready. */
export async function restAnswers(master: MasterView): Promise<RestAnswers> {
  const admissions = new WeakMap<IncomingMessage, Admission>()
  const server = createRestServer(master, admissions)
  await server.ready()
  return (request, response, admission) => {
    if (admission !== undefined) admissions.set(request, admission)
    server.routing(request, response)
  }
}

/** `admissions`: of requests that came through a door; others may everything. */
export function createRestServer(master: MasterView, admissions = new WeakMap<IncomingMessage, Admission>()): FastifyInstance {
  const server = fastify({ logger: false, bodyLimit: master.configuration.get(REST_MAX_CONTENT_LENGTH) })
  const origin = master.configuration.get(ACCESS_CONTROL_ALLOW_ORIGIN)
  server.addHook('onSend', async (_request, reply) => void reply.header('access-control-allow-origin', origin))
  // Whatever comes is read up to the limit, its type says nothing: YARN's proxy sends all as text. Routes that take a body parse it.
  server.removeAllContentTypeParsers()
  server.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => done(null, body))
  for (const route of ROUTES) {
    for (const prefix of ['', '/v1']) {
      server.route({
        method: route.method,
        url: prefix + route.path,
        handler: async (request, reply) => {
          requireRight(admissions.get(request.raw), route)
          const query = request.query as Record<string, string | string[]>
          const single: Parameters = Object.fromEntries(
            Object.entries(query).map(([name, value]) => [name, Array.isArray(value) ? value[0] : value]),
          )
          const sent = typeof request.body === 'string' ? request.body : ''
          const body = await route.handle(master, { path: request.params as Parameters, query: single, body: sent })
          return reply
            .code(route.status ?? 200)
            .type(JSON_TYPE)
            .send(JSON.stringify(body))
        },
      })
    }
  }
  server.get('/', (_request, reply) => reply.type('text/html; charset=UTF-8').send(frontPage(master)))
  server.setNotFoundHandler((request, reply) => {
    const { status, body } = notServed(request.method, request.url.split('?', 1)[0] ?? '')
    return fail(reply, status, body)
  })
  server.setErrorHandler((error, request, reply) => onError(error, request, reply))
  return server
}

/** @throws REST_REFUSED 403 */
function requireRight(admission: Admission | undefined, route: Route): void {
  if (admission === undefined || admission.right === 'MODIFY' || route.right === 'VIEW') return
  const { user, owner } = admission
  throw new RestRefused({ status: 403, message: `User ${user} may not change the jobs of ${owner} (yarn.modify.acls).` })
}

function onError(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  // Fastify's own: a body that is too large, say.
  const own = (error as { statusCode?: unknown }).statusCode
  if (typeof own === 'number' && own >= 400 && own < 500)
    return fail(reply, own, { errors: [error instanceof Error ? error.message : String(error)] })
  const { status, body } = failureOf(error, `${request.method} ${request.url}`)
  return fail(reply, status, body)
}

function fail(reply: FastifyReply, status: number, body: ErrorBody): FastifyReply {
  return reply.code(status).type(JSON_TYPE).send(JSON.stringify(body))
}
