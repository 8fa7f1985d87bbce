import { connect, type TLSSocket } from 'node:tls'
import { once } from 'node:events'
import { randomBytes } from 'node:crypto'
import { MessageChannel } from 'node:worker_threads'
import { expect } from 'chai'
import type { SlotLocation } from '#core/graph/deployment.js'
import type { EdgeId, ExecutionAttemptId, ResourceId } from '#core/ids/ids.js'
import { pskClientOptions } from '#core/rpc/tls-channel.js'
import { systemEnvironment, type Environment } from '#core/time/environment.js'
import { INT } from '#core/types/logical-type.js'
import { schema } from '#core/types/schema.js'
import { DataConnection } from '#container/network/data-connection.js'
import { encodeHeader, encodeJson, FrameType, PROTOCOL_VERSION } from '#container/network/frame.js'
import { InputGate } from '#container/network/input-gate.js'
import { PartitionRegistry } from '#container/network/partition-registry.js'
import { ResultPartition } from '#container/network/result-partition.js'
import { SlotNetwork } from '#container/network/slot-network.js'
import { portTransport } from '#container/network/transport.js'
import { BatchBuilder } from '#runtime/columnar/batch-builder.js'
import { encodeBatch } from '#runtime/columnar/wire.js'

const numbers = schema(['n', INT])
const producer = 'p' as ExecutionAttemptId
const edge = 'e' as EdgeId

/** Pauses pass fifty times as fast. */
const hasty: Environment = {
  ...systemEnvironment,
  timers: { after: (delay, action, background) => systemEnvironment.timers.after(delay / 50, action, background) },
}

function batch(...values: number[]) {
  const builder = new BatchBuilder(numbers)
  for (const value of values) builder.appendRow([value])
  return builder.finish()
}

function partition(registry: PartitionRegistry, failures: Error[] = []) {
  const made = new ResultPartition(
    { edgeId: edge, sourceOperator: 0, partitioner: { kind: 'FORWARD' }, numSubpartitions: 1, maxParallelism: 128, schema: numbers },
    {
      environment: systemEnvironment,
      bufferTimeout: 0,
      maxQueuedBytes: 1024 * 1024,
      onRoom: () => undefined,
      onFailure: (error) => failures.push(error),
    },
  )
  registry.register(producer, made)
  return made
}

/** A gate with one channel, and what comes out of it. */
function gate(location: SlotLocation, access: ConstructorParameters<typeof InputGate>[1]) {
  const seen: string[] = []
  const waiting: (() => void)[] = []
  const note = (what: string) => {
    seen.push(what)
    for (const wake of waiting.splice(0)) wake()
  }
  const made: InputGate = new InputGate(
    { edgeId: edge, targetInput: 0, schema: numbers, channels: [{ producer, subpartition: 0, location }] },
    access,
    {
      onAvailable: () =>
        queueMicrotask(() => {
          for (let polled = made.poll(); polled !== undefined; polled = made.poll())
            note(polled.element.kind === 'data' ? `${polled.element.batch.length} rows` : polled.element.kind)
        }),
      onFailure: (error) => note(`${(error as { code?: string }).code}: ${error.message}`),
      onOvertakingBarrier: (_channel, { checkpointId }, overtaken) => note(`barrier ${checkpointId} before ${overtaken.length}`),
      onBarrierQueued: (_channel, { checkpointId }) => note(`barrier ${checkpointId} waits`),
    },
  )
  return {
    made,
    seen,
    async until(condition: () => boolean) {
      while (!condition()) await new Promise<void>((resolve) => waiting.push(resolve))
    },
  }
}

describe('SlotNetwork', () => {
  const secret = randomBytes(32)
  const open: SlotNetwork[] = []
  const sockets: TLSSocket[] = []
  afterEach(() => {
    for (const each of open.splice(0)) each.close()
    for (const each of sockets.splice(0)) each.destroy()
  })

  function network(name: string, withSecret: Buffer | undefined = secret) {
    const registry = new PartitionRegistry(systemEnvironment, name)
    const made = new SlotNetwork({
      resourceId: name as ResourceId,
      slotIndex: 0,
      environment: hasty,
      registry,
      secret: withSecret,
      handOver: () => undefined,
    })
    open.push(made)
    return made
  }
  const at = (resourceId: string, dataPort: number): SlotLocation => ({
    resourceId: resourceId as ResourceId,
    slotIndex: 0,
    host: '127.0.0.1',
    dataPort,
  })

  async function rawSocket(port: number): Promise<TLSSocket> {
    const socket = connect({ host: '127.0.0.1', port, ...pskClientOptions(secret) })
    sockets.push(socket)
    socket.on('error', () => undefined)
    await once(socket, 'secureConnect')
    return socket
  }

  it('carries a channel from start to end, and tells the producer that all has come', async () => {
    const [a, b] = [network('a'), network('b')]
    const port = await a.listen('127.0.0.1', [0])
    const result = partition(a.registry)
    const { seen, until } = gate(at('a', port), b)
    result.collect(batch(1, 2))
    result.emitWatermark(5)
    result.collect(batch(3))
    await result.end()
    await until(() => seen.includes('end'))
    expect(seen).to.deep.equal(['2 rows', 'watermark', '1 rows', 'watermark', 'end'])
  })

  it('uses one connection for both directions', async () => {
    const [a, b] = [network('a'), network('b')]
    const [portA, portB] = [await a.listen('127.0.0.1', [0]), await b.listen('127.0.0.1', [0])]
    const forth = partition(a.registry)
    const toB = gate(at('a', portA), b)
    await forth.end()
    await toB.until(() => toB.seen.includes('end'))
    const back = partition(b.registry)
    const toA = gate(at('b', portB), a)
    await back.end()
    await toA.until(() => toA.seen.includes('end'))
    expect(await a.connectionTo(at('b', portB)))
      .to.have.property('peer')
      .that.contains('TaskManager b, slot 0')
    // That connection was opened by b, so its address is not where b listens.
    expect((await a.connectionTo(at('b', portB))).peer).to.not.contain(`:${portB} `)
  })

  it('does not talk to those who do not know the secret', async () => {
    const a = network('a')
    const port = await a.listen('127.0.0.1', [0])
    const stranger = network('b', randomBytes(32))
    const error = await stranger.connectionTo(at('a', port)).catch((failure: Error) => failure)
    expect(error).to.have.property('code', 'NETWORK_CONNECT_FAILED')
    expect((error as Error).message).to.contain(`127.0.0.1:${port}`)
  })

  it('notices when another slot answers at the address', async () => {
    const [other, b] = [network('other'), network('b')]
    const port = await other.listen('127.0.0.1', [0])
    const error = await b.connectionTo(at('a', port)).catch((failure: Error) => failure)
    expect((error as Error).message).to.contain('slot 0 of TaskManager other answers there')
  })

  it('hangs up on whatever does not begin with a good HELLO, and goes on serving others', async () => {
    const [a, b] = [network('a'), network('b')]
    const port = await a.listen('127.0.0.1', [0])
    const hello = encodeJson({ resourceId: 'x', slotIndex: 0 })
    for (const first of [
      Buffer.from('GET / HTTP/1.1\r\n\r\n'),
      encodeHeader(FrameType.END, 1, 0, 0),
      Buffer.concat([encodeHeader(FrameType.HELLO, 0, PROTOCOL_VERSION + 1, hello.length), hello]),
      Buffer.concat([encodeHeader(FrameType.HELLO, 0, PROTOCOL_VERSION, 2), Buffer.from('{}')]),
    ]) {
      const socket = await rawSocket(port)
      socket.write(first)
      await once(socket, 'close')
    }
    const result = partition(a.registry)
    const { seen, until } = gate(at('a', port), b)
    await result.end()
    await until(() => seen.includes('end'))
  })

  it('hangs up on a bad frame, and fails the producer that was sending there', async () => {
    const a = network('a')
    const port = await a.listen('127.0.0.1', [0])
    const failures: Error[] = []
    const result = partition(a.registry, failures)
    const socket = await rawSocket(port)
    const hello = encodeJson({ resourceId: 'x', slotIndex: 3 })
    const request = encodeJson({ producer, edge, subpartition: 0 })
    socket.write(
      Buffer.concat([
        encodeHeader(FrameType.HELLO, 0, PROTOCOL_VERSION, hello.length),
        hello,
        encodeHeader(FrameType.REQUEST, 1, 2, request.length),
        request,
      ]),
    )
    result.collect(batch(1))
    await once(socket, 'data')
    socket.write(encodeHeader(FrameType.CREDIT, 1, 0xffff_ffff, 0))
    await once(socket, 'close')
    expect(failures.map((error) => (error as { code?: string }).code)).to.deep.equal(['NETWORK_PROTOCOL_VIOLATION'])
    expect(failures[0]?.message).to.contain('TaskManager x, slot 3')
  })
})

describe('InputGate', () => {
  function withRawProducer() {
    const { port1, port2 } = new MessageChannel()
    const registry = new PartitionRegistry(systemEnvironment, 'here')
    const connection = new DataConnection(portTransport(port1, 'slot 1'), registry, () => undefined)
    const location: SlotLocation = { resourceId: 'w' as ResourceId, slotIndex: 1, host: '', dataPort: 0 }
    const it_ = gate(location, { registry, isHere: () => false, connectionTo: async () => connection })
    return { ...it_, port: port2, close: () => connection.close() }
  }
  const data = (rows: number) => ({
    type: FrameType.DATA,
    channel: 1,
    argument: 0,
    payload: encodeBatch(batch(...Array.from({ length: rows }, (_, i) => i))),
  })

  it('does not accept batches beyond the credit it gave', async () => {
    const { port1, port2: port } = new MessageChannel()
    const registry = new PartitionRegistry(systemEnvironment, 'here')
    const connection = new DataConnection(portTransport(port1, 'slot 1'), registry, () => undefined)
    const location: SlotLocation = { resourceId: 'w' as ResourceId, slotIndex: 1, host: '', dataPort: 0 }
    // Nobody polls, so the two credits of the channel do not come back.
    const failure = new Promise<Error>((resolve) => {
      const descriptor = { edgeId: edge, targetInput: 0, schema: numbers, channels: [{ producer, subpartition: 0, location }] }
      new InputGate(
        descriptor,
        { registry, isHere: () => false, connectionTo: async () => connection },
        { onAvailable: () => undefined, onFailure: resolve, onOvertakingBarrier: () => undefined, onBarrierQueued: () => undefined },
      )
    })
    await once(port, 'message')
    for (let i = 0; i < 3; i++) port.postMessage(data(1))
    const error = await failure
    expect(error).to.have.property('code', 'NETWORK_PROTOCOL_VIOLATION')
    expect(error.message).to.contain('without credit')
    connection.close()
    port.close()
  })

  it('fails when its producer’s thread goes away, saying whose', async () => {
    const { port, seen, until } = withRawProducer()
    await once(port, 'message')
    port.close()
    await until(() => seen.length > 0)
    expect(seen[0]).to.contain('NETWORK_CONNECTION_LOST').and.to.contain('slot 1')
  })

  it('hands a producer’s refusal on', async () => {
    const { port, seen, until, close } = withRawProducer()
    await once(port, 'message')
    port.postMessage({
      type: FrameType.ERROR,
      channel: 1,
      argument: 0,
      payload: encodeJson({ name: 'X', message: 'gone', code: 'NETWORK_PARTITION_NOT_FOUND' }),
    })
    await until(() => seen.length > 0)
    expect(seen).to.deep.equal(['NETWORK_PARTITION_NOT_FOUND: gone'])
    close()
    port.close()
  })
})
