import { expect } from 'chai'
import { systemEnvironment } from '#core/time/environment.js'
import {
  AllocateRequest,
  AllocateResponse,
  FinishApplicationMasterResponse,
  RegisterApplicationMasterResponse,
} from '#hadoop/proto/application-master-protocol.js'
import { AmRmTokenIdentifier } from '#hadoop/proto/security-messages.js'
import type { InferInput } from '#hadoop/proto/message.js'
import { AmRmClient } from '#hadoop/yarn/am-rm/am-rm-client.js'
import type { AmRmEvent } from '#hadoop/yarn/am-rm/events.js'
import { ScriptedServer, tokenServer, type ServerCall } from '../ipc/scripted-server.js'
import { granted } from './session-story.js'

const password = Buffer.from('secret')
const tokenOf = (keyId: number) => ({
  identifier: Buffer.from(
    AmRmTokenIdentifier.encode({ appAttemptId: { applicationId: { id: 1, clusterTimestamp: 1795421644448n }, attemptId: 3 }, keyId }),
  ),
  password,
  kind: 'YARN_AM_RM_TOKEN',
  service: '',
})

/** A ResourceManager that counts response ids; `serve` may answer an allocate instead of it. */
class Rm {
  responseId = 0
  readonly allocates: AllocateRequest[] = []
  next: InferInput<typeof AllocateResponse> = {}
  serve: ((call: ServerCall) => boolean) | undefined
  onCall(call: ServerCall): void {
    if (this.serve?.(call) === true) return
    switch (call.method) {
      case 'registerApplicationMaster':
        this.responseId = 0
        return call.succeed(
          RegisterApplicationMasterResponse.encode({
            queue: 'default',
            maximumCapability: { memory: 1024n, virtualCores: 2 },
            schedulerResourceTypes: ['MEMORY', 'CPU'],
          }),
        )
      case 'finishApplicationMaster':
        return call.succeed(FinishApplicationMasterResponse.encode({ isUnregistered: true }))
      default: {
        this.allocates.push(AllocateRequest.decode(call.request))
        const answer = this.next
        this.next = {}
        return call.succeed(AllocateResponse.encode({ responseId: ++this.responseId, ...answer }))
      }
    }
  }
}

describe('AmRmClient', () => {
  const servers: ScriptedServer[] = []
  let client: AmRmClient
  let events: AmRmEvent[]
  async function start(rm: Rm, token = tokenOf(1)): Promise<ScriptedServer> {
    const server = await ScriptedServer.start({
      onSasl: tokenServer({ identifier: token.identifier, password, quality: 'auth' }),
      onCall: (call) => rm.onCall(call),
    })
    servers.push(server)
    return server
  }
  function connect(...addresses: ScriptedServer[]): void {
    events = []
    client = new AmRmClient({
      addresses: addresses.map(({ address }) => address),
      token: tokenOf(1),
      environment: systemEnvironment,
      onEvent: (event) => events.push(event),
      intervalMs: 20,
      requestIntervalMs: 5,
      expiryMs: 10_000,
    })
    client.register({ host: 'am', rpcPort: 1, trackingUrl: '' })
  }
  async function until<K extends AmRmEvent['type']>(type: K): Promise<Extract<AmRmEvent, { type: K }>> {
    for (let i = 0; i < 1_000; i++) {
      const found = events.find((event): event is Extract<AmRmEvent, { type: K }> => event.type === type)
      if (found !== undefined) return found
      await new Promise((resolve) => setTimeout(resolve, 2))
    }
    throw new Error(`no ${type} in ${JSON.stringify(events.map((event) => event.type))}`)
  }
  afterEach(async () => {
    client.close()
    for (const server of servers.splice(0)) await server.stop()
  })

  it('registers, heartbeats, asks, and stops with finish', async () => {
    const rm = new Rm()
    connect(await start(rm))
    expect(client.applicationAttemptId).to.equal('appattempt_1795421644448_0001_000003')
    expect(await until('registered')).to.include({ queue: 'default', vcoresCounted: true, resynchronized: false })
    client.setAsks([{ priority: 1, memoryMb: 256, vcores: 1, count: 1 }])
    while (!rm.allocates.some((request) => (request.ask ?? []).length > 0)) await new Promise((resolve) => setTimeout(resolve, 2))
    rm.next = { allocatedContainers: [granted(2)], nmTokens: [{ nodeId: { host: 'node', port: 1 }, token: tokenOf(9) }] }
    expect((await until('allocated')).containers[0]).to.deep.include({ node: { host: 'node', port: 1 }, memoryMb: 256 })
    // Whoever hears of a container has its token already.
    const order = events.map((event) => event.type)
    expect(order.indexOf('nmTokens')).to.be.below(order.indexOf('allocated'))
    client.finish({ status: 'SUCCEEDED', diagnostics: '', trackingUrl: '' })
    expect((await until('finished')).counters).to.include({ asked: 1, granted: 1 })
    const after = rm.allocates.length
    await new Promise((resolve) => setTimeout(resolve, 60))
    expect(rm.allocates).to.have.length(after)
    expect(rm.allocates.map((request) => request.responseId)).to.deep.equal(rm.allocates.map((_, index) => index))
  })

  it('repeats the same request at the other ResourceManager, and registers with it when told so', async () => {
    const first = new Rm()
    const second = new Rm()
    let registered = false
    second.serve = (call) => {
      registered ||= call.method === 'registerApplicationMaster'
      if (!registered) call.fail('ERROR', 'org.apache.hadoop.yarn.exceptions.ApplicationMasterNotRegisteredException', 'not registered')
      return !registered
    }
    const one = await start(first)
    connect(one, await start(second))
    client.setAsks([{ priority: 1, memoryMb: 256, vcores: 1, count: 2 }])
    await until('registered')
    while (first.allocates.length < 3) await new Promise((resolve) => setTimeout(resolve, 2))
    servers.splice(servers.indexOf(one), 1)
    await one.stop()
    while (second.allocates.length < 2) await new Promise((resolve) => setTimeout(resolve, 2))
    expect(second.allocates[0]).to.deep.include({ responseId: 0 })
    expect(second.allocates[0]!.ask!.map(({ numContainers }) => numContainers)).to.deep.equal([2])
    expect(events.flatMap((event) => (event.type === 'registered' ? [event.resynchronized] : []))).to.deep.equal([false, true])
  })

  it('connects anew with a rolled-over token', async () => {
    const rm = new Rm()
    const server = await start(rm)
    connect(server)
    await until('registered')
    // The new token has another identifier, which this server does not accept: the attempt to use it shows.
    rm.next = { amRmToken: tokenOf(2) }
    await until('amRmToken')
    expect((await until('rmUnreachable')).reason).to.match(/Mismatched response/)
    expect(server.connections.length).to.be.at.least(2)
  })

  it('ends when the attempt is over, and is silent after close', async () => {
    const rm = new Rm()
    connect(await start(rm))
    await until('registered')
    rm.serve = (call) => {
      call.fail(
        'ERROR',
        'org.apache.hadoop.yarn.exceptions.ApplicationAttemptNotFoundException',
        "Application attempt doesn't exist in ApplicationMasterService cache.",
      )
      return true
    }
    expect(await until('attemptOver')).to.include({ className: 'org.apache.hadoop.yarn.exceptions.ApplicationAttemptNotFoundException' })
    const count = events.length
    client.release(['container_1_0001_01_000002'])
    client.setAsks([{ priority: 1, memoryMb: 1, vcores: 1, count: 1 }])
    await new Promise((resolve) => setTimeout(resolve, 30))
    expect(events).to.have.length(count)
  })
})
