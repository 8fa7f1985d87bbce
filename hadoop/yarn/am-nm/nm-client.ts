/**
 * Starts, watches and stops containers on NodeManagers: ContainerManagementProtocol with the NM token of each node, one connection per
 * node, a limited number of starts at a time. A call that succeeds may still have failed each container in it: `failedRequests` is
 * always read.
 */
import { defineError } from '#core/errors/define-error.js'
import { sleep, type Environment, type Millis } from '#core/time/environment.js'
import { ServerUnreachable } from '../../ipc/errors.js'
import { isRemoteException, InvalidToken, NodeManagerNotReady, remoteException, simpleName } from '../../ipc/remote-exception.js'
import { backoff, isTransient } from '../../ipc/retry.js'
import { RpcClient } from '../../ipc/rpc-client.js'
import { ContainerManagementProtocol, type ContainerExceptionMap } from '../../proto/container-management-protocol.js'
import type { InferInput } from '../../proto/message.js'
import type { Token } from '../../proto/token.js'
import type { ContainerLaunchContext, ContainerStatus, SerializedException } from '../../proto/yarn-records.js'
import { tokenMethod } from '../../security/digest-md5.js'
import type { QualityOfProtection } from '../../security/sasl-mechanism.js'
import type { NodeToken } from '../am-rm/events.js'
import { explainExit, type ExitExplanation } from '../exit-status.js'
import { formatContainerId, formatNode, parseContainerId, type NodeAddress } from '../identifiers.js'

export const ContainerStartFailed = defineError('YARN_CONTAINER_START_FAILED', {
  recovery: 'retry-elsewhere',
  message: (c: { container: string; node: string; diagnostics: string; className: string }) =>
    `NodeManager ${c.node} did not start ${c.container}: ${c.diagnostics}`,
})
export const ContainerCallFailed = defineError('YARN_CONTAINER_CALL_FAILED', {
  recovery: 'none',
  message: (c: { container: string; node: string; call: string; diagnostics: string; className: string }) =>
    `NodeManager ${c.node} failed ${c.call} of ${c.container}: ${c.diagnostics}`,
})
export const NoNodeToken = defineError('YARN_NO_NM_TOKEN', {
  recovery: 'retry-elsewhere',
  message: (c: { node: string }) => `the ResourceManager gave no token for NodeManager ${c.node}`,
})

export interface ContainerPlace {
  readonly id: string
  readonly node: NodeAddress
}
export interface StartRequest extends ContainerPlace {
  /** The container's own token, from its allocation. */
  readonly token: Token
  readonly context: InferInput<typeof ContainerLaunchContext>
}
export interface ContainerReport {
  readonly id: string
  /** RUNNING covers queued and localizing, too: `subState` tells. */
  readonly state: 'NEW' | 'RUNNING' | 'COMPLETE'
  readonly subState: string
  readonly diagnostics: string
  /** Of a COMPLETE container. */
  readonly exitStatus?: number
  readonly exit?: ExitExplanation
}

export interface NmClientOptions {
  readonly environment: Environment
  readonly protection?: readonly QualityOfProtection[] | undefined
  /** Starts under way at a time, over all nodes. */
  readonly maxParallelStarts?: number
  /** Time for one start with all its repetitions. */
  readonly startTimeoutMs?: Millis
  readonly callTimeoutMs?: Millis
}

type NodeClient = RpcClient<typeof ContainerManagementProtocol>

const NOT_READY_PAUSE_MS = 1_000
/** Nobody listens there: YARN gives such a node up only after its expiry, and containers granted on it meanwhile are better had elsewhere. */
const UNREACHABLE_PATIENCE_MS = 1_000
const RETRY = { initialMs: 200, maximumMs: 5_000 }

export class NmClient {
  readonly #options: NmClientOptions
  readonly #tokens = new Map<string, Token>()
  readonly #nodes = new Map<string, NodeClient>()
  readonly #waiting: (() => void)[] = []
  #starting = 0

  constructor(options: NmClientOptions) {
    this.#options = options
  }

  /** From `nmTokens` events; replaces older ones. */
  setTokens(tokens: readonly NodeToken[]): void {
    for (const { node, token } of tokens) {
      this.#tokens.set(formatNode(node), token)
      this.#nodes.get(formatNode(node))?.reconnect()
    }
  }

  /**
   * Resolves when the NodeManager has accepted the container; its process runs later, after localization. Repeats lost calls; a second
   * start of the same container is found out and counts as success.
   * @throws YARN_CONTAINER_START_FAILED, YARN_NO_NM_TOKEN
   */
  async start(request: StartRequest): Promise<void> {
    await this.#enter()
    try {
      await this.#start(request)
    } finally {
      this.#leave()
    }
  }

  async #start(request: StartRequest): Promise<void> {
    const { environment, startTimeoutMs = 120_000 } = this.#options
    const deadline = environment.clock.monotonic() + startTimeoutMs
    let tokenRefused = false
    let unreachableSince: Millis | undefined
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.#startOnce(request)
      } catch (error) {
        const now = environment.clock.monotonic()
        unreachableSince = ServerUnreachable.is(error) ? (unreachableSince ?? now) : undefined
        const late = now >= deadline || (unreachableSince !== undefined && now - unreachableSince >= UNREACHABLE_PATIENCE_MS)
        if (InvalidToken.is(error) && !tokenRefused) {
          // The connection may have been made with a token that has been replaced since.
          tokenRefused = true
          this.#nodes.get(formatNode(request.node))?.reconnect()
        } else if (NodeManagerNotReady.is(error) && !late) {
          await sleep(environment, NOT_READY_PAUSE_MS)
        } else if (isTransient(error) && !late) {
          await sleep(environment, backoff(RETRY, attempt, environment.random.uniform()))
        } else if (ContainerStartFailed.is(error) || NoNodeToken.is(error)) {
          throw error
        } else {
          throw startFailed(request, error)
        }
      }
    }
  }

  async #startOnce(request: StartRequest): Promise<void> {
    const answer = await this.#node(request.node).calls.startContainers({
      startContainerRequest: [{ containerLaunchContext: request.context, containerToken: request.token }],
    })
    const failure = failureOf(answer.failedRequests, request.id)
    if (failure === undefined) return
    // The first attempt worked and its answer was lost.
    if (/Attempt to relaunch the same container/i.test(failure.message ?? '') && (await this.status(request)) !== undefined) return
    throw asError(failure, request, 'startContainers')
  }

  /** Asynchronous on the node: SIGTERM, a moment later SIGKILL. A container that is gone already counts as stopped. @throws YARN_CONTAINER_CALL_FAILED */
  async stop(place: ContainerPlace): Promise<void> {
    const answer = await this.#node(place.node).calls.stopContainers({ containerId: [parseContainerId(place.id)] })
    this.#check(answer.failedRequests, place, 'stopContainers')
  }

  /** Tells the node that the container has another size. `token`: from `resized`. @throws YARN_CONTAINER_CALL_FAILED */
  async update(place: ContainerPlace, token: Token): Promise<void> {
    const answer = await this.#node(place.node).calls.updateContainer({ updateContainerToken: [token] })
    this.#check(answer.failedRequests, place, 'updateContainer')
  }

  /** Undefined: the node does not know the container (any more). @throws YARN_CONTAINER_CALL_FAILED */
  async status(place: ContainerPlace): Promise<ContainerReport | undefined> {
    const answer = await this.#node(place.node).calls.getContainerStatuses({ containerId: [parseContainerId(place.id)] })
    if (!this.#check(answer.failedRequests, place, 'getContainerStatuses')) return undefined
    const status = answer.status.find((one) => one.containerId !== undefined && formatContainerId(one.containerId) === place.id)
    return status === undefined ? undefined : report(place.id, status)
  }

  /** THREAD_DUMP = SIGQUIT, GRACEFUL = SIGTERM, FORCEFUL = SIGKILL. */
  async signal(place: ContainerPlace, command: 'THREAD_DUMP' | 'GRACEFUL' | 'FORCEFUL'): Promise<void> {
    const commands = { THREAD_DUMP: 'OUTPUT_THREAD_DUMP', GRACEFUL: 'GRACEFUL_SHUTDOWN', FORCEFUL: 'FORCEFUL_SHUTDOWN' } as const
    await this.#node(place.node).calls.signalToContainer({ containerId: parseContainerId(place.id), command: commands[command] })
  }

  /** A node that is gone for good: drops its connection and token. */
  forget(node: NodeAddress): void {
    const key = formatNode(node)
    this.#nodes.get(key)?.close()
    this.#nodes.delete(key)
    this.#tokens.delete(key)
  }

  close(): void {
    for (const client of this.#nodes.values()) client.close()
    this.#nodes.clear()
  }

  /** True when the call succeeded for the container; false when the node does not know it. */
  #check(failures: readonly ContainerExceptionMap[], place: ContainerPlace, call: string): boolean {
    const failure = failureOf(failures, place.id)
    if (failure === undefined) return true
    if (/is not handled by this NodeManager/i.test(failure.message ?? '')) return false
    throw new ContainerCallFailed({
      container: place.id,
      node: formatNode(place.node),
      call,
      diagnostics: wordsOf(failure),
      className: failure.className ?? '',
    })
  }

  #node(node: NodeAddress): NodeClient {
    const key = formatNode(node)
    if (!this.#tokens.has(key)) throw new NoNodeToken({ node: key })
    let client = this.#nodes.get(key)
    if (client === undefined) {
      const { environment, protection, callTimeoutMs = 60_000 } = this.#options
      const method = tokenMethod(
        () => {
          const token = this.#tokens.get(key)
          if (token === undefined) throw new NoNodeToken({ node: key })
          return token
        },
        { random: environment.random, protection },
      )
      client = new RpcClient({
        protocol: ContainerManagementProtocol,
        addresses: [node],
        authentication: () => ({ methods: [method] }),
        environment,
        callTimeoutMs,
        connectTimeoutMs: 10_000,
        rounds: 2,
        backoff: RETRY,
      })
      this.#nodes.set(key, client)
    }
    return client
  }

  async #enter(): Promise<void> {
    if (this.#starting < (this.#options.maxParallelStarts ?? 20)) {
      this.#starting++
      return
    }
    // The place is handed over by whoever leaves.
    await new Promise<void>((resolve) => this.#waiting.push(resolve))
  }
  #leave(): void {
    const next = this.#waiting.shift()
    if (next === undefined) this.#starting--
    else next()
  }
}

function failureOf(failures: readonly ContainerExceptionMap[], id: string): SerializedException | undefined {
  const failure = failures.find((one) => one.containerId === undefined || formatContainerId(one.containerId) === id)
  return failure === undefined ? undefined : (failure.exception ?? { message: 'no reason given' })
}

/** The exception's message, and its cause's when that says more. */
function wordsOf(exception: SerializedException): string {
  const words: string[] = []
  for (let one: SerializedException | undefined = exception; one !== undefined && words.length < 5; one = one.cause) {
    const text = (one.message ?? simpleName(one.className ?? '')).trim()
    if (text !== '' && !words.some((earlier) => earlier.includes(text))) words.push(text)
  }
  return words.join(': ') || 'no reason given'
}

function asError(exception: SerializedException, request: StartRequest, call: string): Error {
  const className = exception.className ?? ''
  const node = formatNode(request.node)
  const error = remoteException({ className, message: `${exception.message ?? ''}\n${exception.trace ?? ''}`, server: node, call })
  if (NodeManagerNotReady.is(error)) return error
  return new ContainerStartFailed({ container: request.id, node, diagnostics: wordsOf(exception), className }, { cause: error })
}

function startFailed(request: StartRequest, error: unknown): Error {
  const diagnostics = error instanceof Error ? error.message : String(error)
  const className = isRemoteException(error) ? error.details.className : ''
  return new ContainerStartFailed({ container: request.id, node: formatNode(request.node), diagnostics, className }, { cause: error })
}

function report(id: string, status: ContainerStatus): ContainerReport {
  const state = status.state ?? 'NEW'
  const diagnostics = status.diagnostics === 'N/A' ? '' : status.diagnostics.trim()
  const base = { id, state, subState: status.containerSubState ?? '', diagnostics }
  return state === 'COMPLETE' ? { ...base, exitStatus: status.exitStatus, exit: explainExit(status.exitStatus, diagnostics) } : base
}
