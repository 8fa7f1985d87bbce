import { MessageChannel } from 'node:worker_threads'
import { expect } from 'chai'
import fc from 'fast-check'
import type { EdgeId, ExecutionAttemptId, OperatorId, ResourceId } from '#core/ids/ids.js'
import { virtualEnvironment } from '#core/time/virtual-environment.js'
import { INT } from '#core/types/logical-type.js'
import { schema } from '#core/types/schema.js'
import { DataConnection } from '#container/network/data-connection.js'
import { InputGate } from '#container/network/input-gate.js'
import { decodeLatencyMarker, encodeLatencyMarker, MAX_WAITING_MARKERS, type LatencyMarker } from '#container/network/latency-marker.js'
import { PartitionRegistry } from '#container/network/partition-registry.js'
import { ResultPartition } from '#container/network/result-partition.js'
import type { Element, Subpartition } from '#container/network/subpartition.js'
import { portTransport } from '#container/network/transport.js'
import { BatchBuilder } from '#runtime/columnar/batch-builder.js'
import { barrierOf } from '../checkpoint/one-slot.js'

const numbers = schema(['n', INT])
const producer = 'p' as ExecutionAttemptId
const edgeId = 'e' as EdgeId

function batch(rows: number) {
  const builder = new BatchBuilder(numbers)
  for (let row = 0; row < rows; row++) builder.appendRow([row])
  return builder.finish()
}

const marker = (markedTime: number, subtaskIndex = 0): LatencyMarker => ({
  markedTime,
  operatorId: 'ab'.repeat(16) as OperatorId,
  subtaskIndex,
})

function shown(element: Element): string {
  switch (element.kind) {
    case 'data':
      return `${element.batch.length} rows`
    case 'latencyMarker':
      return `marker ${element.marker.markedTime}`
    case 'barrier':
      return `barrier ${element.barrier.checkpointId}`
    default:
      return element.kind
  }
}

function take(subpartition: Subpartition): string[] {
  const taken: string[] = []
  for (let element = subpartition.poll(); element !== undefined; element = subpartition.poll()) taken.push(shown(element))
  return taken
}

function make(subpartitions: number, bufferTimeout: number, kind: 'REBALANCE' | 'BROADCAST' = 'BROADCAST') {
  const environment = virtualEnvironment()
  const partition = new ResultPartition(
    { edgeId, sourceOperator: 0, partitioner: { kind }, numSubpartitions: subpartitions, maxParallelism: 128, schema: numbers },
    { environment, bufferTimeout, maxQueuedBytes: 1024 * 1024, onRoom: () => undefined, onFailure: () => undefined },
  )
  return { environment, partition, sub: (i: number) => partition.subpartition(i) as Subpartition }
}

describe('latency markers on the wire', () => {
  it('come back as they were', () => {
    fc.assert(
      fc.property(
        fc.double({ noNaN: true, noDefaultInfinity: true }),
        fc.uint8Array({ minLength: 16, maxLength: 16 }),
        fc.integer({ min: 0, max: 0xffff_ffff }),
        (markedTime, id, subtaskIndex) => {
          const sent = { markedTime, operatorId: Buffer.from(id).toString('hex') as OperatorId, subtaskIndex }
          expect(decodeLatencyMarker(encodeLatencyMarker(sent), 'peer')).to.deep.equal(sent)
        },
      ),
    )
  })

  it('are refused in any other length, and without a time', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 60 }).filter(({ length }) => length !== 28),
        (bytes) => {
          expect(() => decodeLatencyMarker(bytes, 'peer')).to.throw(`latency marker of ${bytes.length} bytes`)
        },
      ),
    )
    for (const time of [NaN, Infinity, -Infinity])
      expect(() => decodeLatencyMarker(encodeLatencyMarker(marker(time)), 'peer')).to.throw('without a time')
  })
})

describe('latency markers in a result partition', () => {
  it('wait with the rows for the buffer time-out, and leave behind them', () => {
    const { environment, partition, sub } = make(1, 100)
    partition.collect(batch(3))
    partition.emitLatencyMarker(marker(1))
    environment.advance(99)
    expect(take(sub(0))).to.deep.equal([])
    environment.advance(1)
    expect(take(sub(0))).to.deep.equal(['3 rows', 'marker 1'])
  })

  it('are not held up longer where no rows come', () => {
    const { environment, partition, sub } = make(1, 100)
    partition.emitLatencyMarker(marker(1))
    environment.advance(100)
    expect(take(sub(0))).to.deep.equal(['marker 1'])
  })

  it('leave at once with a buffer time-out of 0', () => {
    const { partition, sub } = make(1, 0)
    partition.collect(batch(2))
    partition.emitLatencyMarker(marker(1))
    expect(take(sub(0))).to.deep.equal(['2 rows', 'marker 1'])
  })

  it('never pass what was collected before them, whatever comes when', () => {
    const step = fc.oneof(
      fc.record({ rows: fc.integer({ min: 1, max: 700 }) }),
      fc.constant({ marker: true }),
      fc.constant({ watermark: true }),
      fc.record({ advance: fc.integer({ min: 0, max: 60 }) }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), fc.constantFrom(0, 50), (steps, timeout) => {
        const { environment, partition, sub } = make(1, timeout)
        const rowsBefore: number[] = []
        let rows = 0
        let watermark = 0
        for (const each of steps) {
          if ('rows' in each) {
            rows += each.rows
            partition.collect(batch(each.rows))
          } else if ('marker' in each) partition.emitLatencyMarker(marker(rowsBefore.push(rows)))
          else if ('watermark' in each) partition.emitWatermark(++watermark)
          else environment.advance(each.advance)
        }
        void partition.end()
        const seen: number[] = []
        let taken = 0
        for (let element = sub(0).poll(); element !== undefined; element = sub(0).poll()) {
          if (element.kind === 'data') taken += element.batch.length
          if (element.kind !== 'latencyMarker') continue
          seen.push(element.marker.markedTime)
          expect(taken).to.be.at.least(rowsBefore[element.marker.markedTime - 1] as number)
        }
        expect(seen, 'all, in order').to.deep.equal(rowsBefore.map((_, i) => i + 1))
      }),
    )
  })

  it('go to one consumer each, and to every one in time', () => {
    for (const kind of ['REBALANCE', 'BROADCAST'] as const) {
      const { partition, sub } = make(4, 0, kind)
      for (let i = 0; i < 200; i++) partition.emitLatencyMarker(marker(i))
      const counts = [0, 1, 2, 3].map((i) => take(sub(i)).length)
      expect(counts.reduce((sum, count) => sum + count)).to.equal(200)
      expect(Math.min(...counts), `${counts.join(', ')}`).to.be.greaterThan(0)
    }
  })

  it('are passed by a barrier that overtakes, and are no part of its checkpoint', async () => {
    const { partition, sub } = make(1, 0)
    partition.collect(batch(2))
    partition.emitLatencyMarker(marker(1))
    partition.collect(batch(3))
    const passed = await partition.broadcastBarrier(barrierOf(1, { alignment: 'unaligned' }), 0)
    expect([...passed.values()].flat().map(shown)).to.deep.equal(['2 rows', '3 rows'])
    expect(take(sub(0))).to.deep.equal(['barrier 1', '2 rows', 'marker 1', '3 rows'])
  })

  it('do not pile up before a consumer that stands still', () => {
    for (const timeout of [0, 1_000_000]) {
      const { partition, sub } = make(1, timeout)
      for (let i = 0; i < MAX_WAITING_MARKERS + 50; i++) partition.emitLatencyMarker(marker(i))
      partition.flush()
      expect(take(sub(0))).to.have.length(MAX_WAITING_MARKERS)
      partition.emitLatencyMarker(marker(7))
      partition.flush()
      expect(take(sub(0)), 'it goes on').to.deep.equal(['marker 7'])
    }
  })
})

describe('latency markers between slots', () => {
  it('come in order with the rows, need no credit, and a barrier that overtakes leaves them out', async () => {
    const { environment, partition } = make(1, 0)
    const registry = new PartitionRegistry(environment, 'here')
    registry.register(producer, partition)
    const { port1, port2 } = new MessageChannel()
    const server = new DataConnection(portTransport(port2, 'producers'), registry, () => undefined)
    const connection = new DataConnection(portTransport(port1, 'consumers'), registry, () => undefined)
    const location = { resourceId: 'w' as ResourceId, slotIndex: 0, host: '', dataPort: 0 }
    let overtaken: string[] | undefined
    let wake: () => void = () => undefined
    const gate = new InputGate(
      { edgeId, targetInput: 0, schema: numbers, channels: [{ producer, subpartition: 0, location }] },
      { registry, isHere: () => false, connectionTo: () => Promise.resolve(connection) },
      {
        onAvailable: () => wake(),
        onFailure: (error) => {
          throw error
        },
        onOvertakingBarrier: (_channel, _barrier, elements) => {
          overtaken = elements.map(shown)
          wake()
        },
        onBarrierQueued: () => undefined,
      },
    )
    const polled: string[] = []
    const until = async (condition: () => boolean) => {
      while (!condition()) await new Promise<void>((resolve) => (wake = resolve))
    }
    const drain = () => {
      for (let next = gate.poll(); next !== undefined; next = gate.poll()) polled.push(shown(next.element))
      return polled.length
    }
    try {
      for (let i = 0; i < 20; i++) {
        partition.collect(batch(1))
        partition.emitLatencyMarker(marker(i))
      }
      await until(() => drain() >= 40)
      expect(polled).to.deep.equal(Array.from({ length: 20 }, (_, i) => ['1 rows', `marker ${i}`]).flat())
      // What waits when the barrier comes may be on either side, or on its way.
      partition.emitLatencyMarker(marker(50))
      partition.collect(batch(2))
      partition.emitLatencyMarker(marker(51))
      partition.collect(batch(3))
      const passed = await partition.broadcastBarrier(barrierOf(1, { alignment: 'unaligned' }), 0)
      await until(() => overtaken !== undefined)
      expect([...(overtaken ?? []), ...[...passed.values()].flat().map(shown)]).to.deep.equal(['2 rows', '3 rows'])
      await until(() => drain() >= 44)
      expect(polled.slice(40)).to.deep.equal(['marker 50', '2 rows', 'marker 51', '3 rows'])
    } finally {
      gate.close()
      server.close()
      connection.close()
    }
  })
})
