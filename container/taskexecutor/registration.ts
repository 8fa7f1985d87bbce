/** Finding the master and registering with it: tried again, with growing pauses, until it works or the time is up. */
import { ConnectFailed, type Channel } from '#core/rpc/channel.js'
import type { GatewayHandlers } from '#core/rpc/gateway.js'
import { ResourceManagerGateway, TaskExecutorGateway } from '#core/rpc/gateways/task-executor.js'
import { ConnectionLost, Fenced, RpcConnection, RpcEndpoints, RpcTimeout, UnknownEndpoint } from '#core/rpc/rpc-connection.js'
import { logger } from '#core/log/logger.js'
import { sleep, type Environment, type Millis } from '#core/time/environment.js'
import type { ResourceId } from '#core/ids/ids.js'
import { backoffDelay } from '#core/time/backoff.js'
import { RegistrationRefused, RegistrationTimedOut } from './errors.js'

const log = logger('TaskExecutor')
const RETRY = { first: 100, most: 2_000 }
const CALL_TIMEOUT_MS = 10_000

type RegisterRequest = Parameters<RpcGateway['registerTaskExecutor']>[0]
type RpcGateway = ReturnType<typeof resourceManager>
function resourceManager(connection: RpcConnection) {
  return connection.gateway(ResourceManagerGateway, 'resourcemanager', undefined, CALL_TIMEOUT_MS)
}

export interface RegistrationOptions {
  readonly environment: Environment
  readonly resourceId: ResourceId
  readonly timeoutMs: Millis
  /** Opens a connection to the master that leads now; undefined: none is known yet. */
  connect(): Promise<Channel | undefined>
  /** What is said of this TaskExecutor, as of now. */
  request(): RegisterRequest
  /** What the master may call. Calls that come before the answer to the registration wait for it. */
  readonly handlers: GatewayHandlers<typeof TaskExecutorGateway>
  /** True: the process is ending, no further try. */
  ended(): boolean
}

export interface Registration {
  readonly connection: RpcConnection
  readonly epoch: number
  readonly heartbeatIntervalMs: Millis
  readonly heartbeatTimeoutMs: Millis
}

/**
 * Undefined when `ended`.
 * @throws TASKMANAGER_REGISTRATION_TIMED_OUT, TASKMANAGER_REGISTRATION_REFUSED
 */
export async function register(options: RegistrationOptions): Promise<Registration | undefined> {
  const { environment, resourceId, timeoutMs } = options
  const deadline = environment.clock.monotonic() + timeoutMs
  let last = 'no JobManager has written its address yet'
  for (let attempt = 1; !options.ended(); attempt++) {
    try {
      const channel = await options.connect()
      if (channel !== undefined) return await registerAt(channel, options)
    } catch (error) {
      if (!isTransient(error)) throw error
      last = error instanceof Error ? error.message : String(error)
      log.debug(`Registration, try ${attempt}: ${last}`)
    }
    const pause = backoffDelay(RETRY, attempt, environment.random)
    if (environment.clock.monotonic() + pause >= deadline) throw new RegistrationTimedOut({ resourceId, timeoutMs, last })
    await sleep(environment, pause)
  }
  return undefined
}

async function registerAt(channel: Channel, options: RegistrationOptions): Promise<Registration> {
  const endpoints = new RpcEndpoints()
  let known: { resolve(epoch: number): void; reject(error: unknown): void } | undefined
  const epoch = new Promise<number>((resolve, reject) => (known = { resolve, reject }))
  epoch.catch(() => undefined)
  endpoints.serve('taskexecutor', TaskExecutorGateway, options.handlers, epoch)
  const connection = new RpcConnection(channel, endpoints, options.environment)
  try {
    const answer = await resourceManager(connection).registerTaskExecutor(options.request())
    known?.resolve(answer.epoch)
    return { connection, ...answer }
  } catch (error) {
    known?.reject(error)
    connection.close()
    if (isTransient(error)) throw error
    throw new RegistrationRefused(
      { resourceId: options.resourceId, master: channel.peer, reason: error instanceof Error ? error.message : String(error) },
      { cause: error },
    )
  }
}

/** UnknownEndpoint: the master is just starting. */
function isTransient(error: unknown): boolean {
  return ConnectFailed.is(error) || ConnectionLost.is(error) || RpcTimeout.is(error) || UnknownEndpoint.is(error) || Fenced.is(error)
}
