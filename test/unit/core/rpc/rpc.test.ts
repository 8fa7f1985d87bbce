import { expect } from 'chai'
import { randomBytes } from 'node:crypto'
import { connect } from 'node:net'
import * as z from 'zod'
import { ConnectFailed, type Channel } from '#core/rpc/channel.js'
import { call, gateway } from '#core/rpc/gateway.js'
import { channelPair } from '#core/rpc/channel-pair.js'
import {
  ConnectionLost,
  Fenced,
  InvalidMessage,
  RpcConnection,
  RpcEndpoints,
  RpcTimeout,
  UnknownEndpoint,
} from '#core/rpc/rpc-connection.js'
import { connectTls, listenTls, MAX_FRAME_BYTES, type TlsListener } from '#core/rpc/tls-channel.js'
import { systemEnvironment } from '#core/time/environment.js'
import { virtualEnvironment } from '#core/time/virtual-environment.js'

const Calculator = gateway('Calculator', {
  divide: call(z.object({ a: z.number(), b: z.number() }), z.object({ quotient: z.number() })),
  never: call(z.object({}), z.object({})),
})
const handlers = {
  divide: ({ a, b }: { a: number; b: number }) => {
    if (b === 0) throw new RangeError('division by zero')
    return { quotient: a / b }
  },
  never: () => new Promise<Record<string, never>>(() => undefined),
}

async function failure(promise: Promise<unknown>): Promise<Error> {
  try {
    await promise
  } catch (error) {
    return error as Error
  }
  throw new Error('did not fail')
}

function serving(epoch?: number): RpcEndpoints {
  const endpoints = new RpcEndpoints()
  endpoints.serve('calculator', Calculator, handlers, epoch)
  return endpoints
}

function threadPair(): { channels: readonly [Channel, Channel]; close(): void } {
  const channels = channelPair('a', 'b')
  return { channels, close: () => channels[0].close() }
}

describe('RpcConnection', () => {
  it('answers calls, and revives errors', async () => {
    const pair = threadPair()
    new RpcConnection(pair.channels[0], serving(), systemEnvironment)
    const client = new RpcConnection(pair.channels[1], new RpcEndpoints(), systemEnvironment).gateway(Calculator, 'calculator')
    expect(await client.divide({ a: 6, b: 3 })).to.deep.equal({ quotient: 2 })
    expect((await failure(client.divide({ a: 1, b: 0 }))).message).to.equal('division by zero')
    pair.close()
  })

  it('refuses unknown endpoints and methods, and messages that are not of the schema', async () => {
    const pair = threadPair()
    new RpcConnection(pair.channels[0], serving(), systemEnvironment)
    const connection = new RpcConnection(pair.channels[1], new RpcEndpoints(), systemEnvironment)
    expect(UnknownEndpoint.is(await failure(connection.gateway(Calculator, 'nobody').divide({ a: 1, b: 1 })))).to.equal(true)
    const Wider = gateway('Wider', { toString: call(z.unknown(), z.unknown()), divide: call(z.unknown(), z.unknown()) })
    expect(UnknownEndpoint.is(await failure(connection.gateway(Wider, 'calculator').toString({})))).to.equal(true)
    expect(InvalidMessage.is(await failure(connection.gateway(Wider, 'calculator').divide({ a: 'x' })))).to.equal(true)
    pair.close()
  })

  it('fences: an endpoint of epoch 2 refuses callers of epoch 1 and of none', async () => {
    const pair = threadPair()
    new RpcConnection(pair.channels[0], serving(2), systemEnvironment)
    const connection = new RpcConnection(pair.channels[1], new RpcEndpoints(), systemEnvironment)
    expect(Fenced.is(await failure(connection.gateway(Calculator, 'calculator', 1).divide({ a: 1, b: 1 })))).to.equal(true)
    expect(Fenced.is(await failure(connection.gateway(Calculator, 'calculator').divide({ a: 1, b: 1 })))).to.equal(true)
    expect(await connection.gateway(Calculator, 'calculator', 2).divide({ a: 1, b: 1 })).to.deep.equal({ quotient: 1 })
    pair.close()
  })

  it('gives up after the call’s time, on its own clock', async () => {
    const pair = threadPair()
    const environment = virtualEnvironment()
    new RpcConnection(pair.channels[0], serving(), systemEnvironment)
    const client = new RpcConnection(pair.channels[1], new RpcEndpoints(), environment).gateway(Calculator, 'calculator', undefined, 1000)
    const call = failure(client.never({}))
    environment.advance(1000)
    expect(RpcTimeout.is(await call)).to.equal(true)
    pair.close()
  })

  it('fails outstanding calls when the connection is lost', async () => {
    const pair = threadPair()
    new RpcConnection(pair.channels[0], serving(), systemEnvironment)
    const connection = new RpcConnection(pair.channels[1], new RpcEndpoints(), systemEnvironment)
    const call = failure(connection.gateway(Calculator, 'calculator').never({}))
    pair.close()
    expect(ConnectionLost.is(await call)).to.equal(true)
  })
})

describe('TLS channel', () => {
  const secret = randomBytes(32)
  let listener: TlsListener
  const accepted: Channel[] = []
  before(async () => {
    listener = await listenTls('127.0.0.1', [0], secret, (channel) => {
      accepted.push(channel)
      new RpcConnection(channel, serving(), systemEnvironment)
    })
  })
  after(() => listener.close())

  it('carries calls between processes that know the secret', async () => {
    const channel = await connectTls('127.0.0.1', listener.port, secret)
    const client = new RpcConnection(channel, new RpcEndpoints(), systemEnvironment).gateway(Calculator, 'calculator')
    const answers = await Promise.all(Array.from({ length: 50 }, (_, i) => client.divide({ a: i, b: 2 })))
    expect(answers.map((answer) => answer.quotient)).to.deep.equal(Array.from({ length: 50 }, (_, i) => i / 2))
    channel.close()
  })

  it('refuses another secret before anything is read', async () => {
    const before = accepted.length
    expect(ConnectFailed.is(await failure(connectTls('127.0.0.1', listener.port, randomBytes(32))))).to.equal(true)
    expect(accepted.length).to.equal(before)
  })

  it('refuses a plain connection', async () => {
    const before = accepted.length
    const socket = connect(listener.port, '127.0.0.1')
    socket.write('GET / HTTP/1.1\r\n\r\n')
    await new Promise((resolve) => socket.once('close', resolve))
    expect(accepted.length).to.equal(before)
  })

  it('drops a peer that announces a frame over the limit', async () => {
    const { connect: connectTlsRaw } = await import('node:tls')
    const { pskClientOptions } = await import('#core/rpc/tls-channel.js')
    const socket = connectTlsRaw({ host: '127.0.0.1', port: listener.port, ...pskClientOptions(secret) })
    await new Promise((resolve) => socket.once('secureConnect', resolve))
    const head = Buffer.alloc(4)
    head.writeUInt32BE(MAX_FRAME_BYTES + 1)
    socket.write(head)
    socket.on('error', () => undefined)
    await new Promise((resolve) => socket.once('close', resolve))
  })

  it('says which address it could not reach', async () => {
    const closed = await listenTls('127.0.0.1', [0], secret, () => undefined)
    await closed.close()
    const error = await failure(connectTls('127.0.0.1', closed.port, secret))
    expect(error.message).to.contain(`127.0.0.1:${closed.port}`)
  })
})
