import { expect } from 'chai'
import { systemEnvironment, type Environment } from '#core/time/environment.js'
import {
  GetContainerStatusesRequest,
  GetContainerStatusesResponse,
  StartContainersRequest,
  StartContainersResponse,
  StopContainersResponse,
} from '#hadoop/proto/container-management-protocol.js'
import type { Infer } from '#hadoop/proto/message.js'
import { NmClient, type StartRequest } from '#hadoop/yarn/am-nm/nm-client.js'
import { formatContainerId, parseContainerId } from '#hadoop/yarn/identifiers.js'
import { ScriptedServer, tokenServer, type ServerCall } from '../ipc/scripted-server.js'

/** Pauses and deadlines fifty times as short. */
const hurried: Environment = {
  ...systemEnvironment,
  timers: { after: (delay, action, background) => systemEnvironment.timers.after(delay / 50, action, background) },
}
const identifier = Buffer.from('nm token')
const password = Buffer.from('secret')
const token = { identifier, password, kind: 'NMToken', service: '' }
const containerToken = { identifier: Buffer.from('c'), password: Buffer.from('d'), kind: 'ContainerToken', service: '' }
const id = 'container_1795421644448_0001_01_000002'
const YARN = 'org.apache.hadoop.yarn.exceptions'

async function errorOf(promise: Promise<unknown>): Promise<Error & { code?: string; details?: Record<string, unknown> }> {
  try {
    await promise
  } catch (error) {
    return error as Error
  }
  throw new Error('it succeeded')
}

const failed = (message: string, className = `${YARN}.YarnException`) => ({
  failedRequests: [{ containerId: parseContainerId(id), exception: { message, className } }],
})

describe('NmClient', () => {
  let server: ScriptedServer
  let client: NmClient
  let onCall: (call: ServerCall) => void
  beforeEach(async () => {
    server = await ScriptedServer.start({ onSasl: tokenServer({ identifier, password, quality: 'auth' }), onCall: (call) => onCall(call) })
    client = new NmClient({ environment: hurried })
    client.setTokens([{ node: server.address, token }])
  })
  afterEach(async () => {
    client.close()
    await server.stop()
  })
  const request = (): StartRequest => ({ id, node: server.address, token: containerToken, context: { command: ['x'] } })
  /** One answer per start; the last one again and again. */
  const answerStarts = (...answers: ((call: ServerCall) => void)[]): void => {
    let next = 0
    onCall = (call) => {
      if (call.method === 'getContainerStatuses') {
        const asked = GetContainerStatusesRequest.decode(call.request).containerId
        call.succeed(
          GetContainerStatusesResponse.encode({
            status: asked.map((containerId) => ({ containerId, state: 'RUNNING', containerSubState: 'SCHEDULED' })),
          }),
        )
      } else answers[Math.min(next++, answers.length - 1)]!(call)
    }
  }
  const accept = (call: ServerCall): void => call.succeed(StartContainersResponse.encode({ succeededRequests: [parseContainerId(id)] }))

  it('passes the launch context and the container token on unchanged', async () => {
    let seen: Infer<typeof StartContainersRequest> | undefined
    answerStarts((call) => {
      seen = StartContainersRequest.decode(call.request)
      accept(call)
    })
    await client.start(request())
    expect(seen?.startContainerRequest[0]?.containerLaunchContext?.command).to.deep.equal(['x'])
    expect(Buffer.from(seen!.startContainerRequest[0]!.containerToken!.identifier).toString()).to.equal('c')
  })

  it('reads what failed within a call that succeeded', async () => {
    answerStarts((call) =>
      call.succeed(StartContainersResponse.encode(failed('Unauthorized request to start container. \nThis token is expired.'))),
    )
    const error = await errorOf(client.start(request()))
    expect(error.code).to.equal('YARN_CONTAINER_START_FAILED')
    expect(error.message).to.contain(id).and.contain('This token is expired')
    expect(server.calls).to.have.length(1)
  })

  it('takes a second start of a running container for a success', async () => {
    const relaunch = failed(`Unauthorized request to start container.\n Attempt to relaunch the same container with id ${id}.`)
    answerStarts(
      (call) => call.connection.socket.destroy(),
      (call) => call.succeed(StartContainersResponse.encode(relaunch)),
    )
    await client.start(request())
    expect(server.calls).to.deep.equal(['startContainers', 'startContainers', 'getContainerStatuses'])
  })

  it('waits for a NodeManager that is not ready, told by exception or by failed request', async () => {
    answerStarts(
      (call) =>
        call.fail(
          'ERROR',
          `${YARN}.NMNotYetReadyException`,
          'Rejecting new containers as NodeManager has not yet connected with ResourceManager',
        ),
      (call) => call.succeed(StartContainersResponse.encode(failed('not yet', `${YARN}.NMNotYetReadyException`))),
      accept,
    )
    await client.start(request())
    expect(server.calls).to.have.length(3)
  })

  it('connects once more with the newest token when one is refused, then gives up', async () => {
    const refuse = (call: ServerCall): void =>
      call.fail('ERROR', 'org.apache.hadoop.security.token.SecretManager$InvalidToken', 'Given NMToken for application is invalid')
    answerStarts(refuse, accept)
    await client.start(request())
    expect(server.connections).to.have.length(2)
    answerStarts(refuse)
    const error = await errorOf(client.start(request()))
    expect([error.code, error.details?.['className']]).to.deep.equal([
      'YARN_CONTAINER_START_FAILED',
      'org.apache.hadoop.security.token.SecretManager$InvalidToken',
    ])
  })

  it('needs a token of the node', async () => {
    const error = await errorOf(client.start({ ...request(), node: { host: 'other', port: 1 } }))
    expect([error.code, error.message.includes('other:1')]).to.deep.equal(['YARN_NO_NM_TOKEN', true])
  })

  it('gives up a node that cannot be reached in time', async () => {
    await server.stop()
    const late = new NmClient({ environment: hurried, startTimeoutMs: 20 })
    late.setTokens([{ node: server.address, token }])
    expect((await errorOf(late.start(request()))).message).to.match(/connection refused/)
    late.close()
    server = await ScriptedServer.start({})
  })

  it('does not wait for a NodeManager where nobody listens: the container is better had elsewhere', async () => {
    await server.stop()
    const error = await errorOf(client.start(request()))
    expect(error.code).to.equal('YARN_CONTAINER_START_FAILED')
    expect(error.message).to.match(/refused/)
  })

  it('starts no more containers at a time than it may', async () => {
    const waiting: ServerCall[] = []
    let most = 0
    onCall = (call) => {
      waiting.push(call)
      most = Math.max(most, waiting.length)
      setTimeout(() => accept(waiting.shift()!), 5)
    }
    client.close()
    client = new NmClient({ environment: hurried, maxParallelStarts: 3 })
    client.setTokens([{ node: server.address, token }])
    await Promise.all(Array.from({ length: 12 }, () => client.start(request())))
    expect([server.calls.length, most, server.connections.length]).to.deep.equal([12, 3, 1])
  })

  it('counts a container that the node does not know as stopped, and has no status for it', async () => {
    const unknown = failed(`Container ${id} is not handled by this NodeManager`)
    onCall = (call) =>
      call.succeed(call.method === 'stopContainers' ? StopContainersResponse.encode(unknown) : GetContainerStatusesResponse.encode(unknown))
    await client.stop(request())
    expect(await client.status(request())).to.equal(undefined)
    onCall = (call) => call.succeed(StopContainersResponse.encode(failed('Unauthorized')))
    expect((await errorOf(client.stop(request()))).code).to.equal('YARN_CONTAINER_CALL_FAILED')
  })

  it('reports a status in words', async () => {
    onCall = (call) =>
      call.succeed(
        GetContainerStatusesResponse.encode({
          status: [{ containerId: parseContainerId(id), state: 'COMPLETE', exitStatus: -105, diagnostics: 'x' }],
        }),
      )
    const report = await client.status(request())
    expect(report).to.deep.include({ id: formatContainerId(parseContainerId(id)), state: 'COMPLETE', exitStatus: -105, diagnostics: 'x' })
    expect(report?.exit?.name).to.equal('KILLED_BY_APPMASTER')
  })
})
