import { expect } from 'chai'
import type { ResultPartitionDescriptor } from '#core/graph/deployment.js'
import type { EdgeId } from '#core/ids/ids.js'
import { virtualEnvironment } from '#core/time/virtual-environment.js'
import { INT, STRING } from '#core/types/logical-type.js'
import { schema } from '#core/types/schema.js'
import { barrierOf } from '../checkpoint/one-slot.js'
import { MAX_BATCH_BYTES, MAX_QUEUED_BATCHES, ResultPartition } from '#container/network/result-partition.js'
import type { Subpartition } from '#container/network/subpartition.js'
import { BatchBuilder } from '#runtime/columnar/batch-builder.js'
import { MAX_WATERMARK } from '#runtime/operators/operator.js'

const rows = schema(['id', INT], ['text', STRING])

function make(n: number, kind: 'REBALANCE' | 'BROADCAST' | 'GLOBAL' = 'BROADCAST', bufferTimeout = 100, watermarksInOrder = false) {
  const environment = virtualEnvironment()
  const events: string[] = []
  const descriptor: ResultPartitionDescriptor = {
    edgeId: 'e' as EdgeId,
    sourceOperator: 0,
    partitioner: { kind },
    numSubpartitions: n,
    maxParallelism: 128,
    schema: rows,
  }
  const partition = new ResultPartition(descriptor, {
    environment,
    bufferTimeout,
    watermarksInOrder,
    maxQueuedBytes: 4 * 1024 * 1024,
    onRoom: () => events.push('room'),
    onFailure: (error) => events.push(error.message),
  })
  return { environment, events, partition, sub: (i: number) => partition.subpartition(i) as Subpartition }
}

function batch(count: number, text = 'x') {
  const builder = new BatchBuilder(rows)
  for (let i = 0; i < count; i++) builder.appendRow([i, text])
  return builder.finish()
}

function take(subpartition: Subpartition): string[] {
  const taken: string[] = []
  for (let element = subpartition.poll(); element !== undefined; element = subpartition.poll()) {
    taken.push(
      element.kind === 'data'
        ? `${element.batch.length} rows`
        : element.kind === 'watermark'
          ? `watermark ${element.watermark}`
          : element.kind === 'barrier'
            ? `barrier ${element.barrier.checkpointId}${element.overtaking ? ' overtaking' : ''}`
            : element.kind,
    )
  }
  return taken
}

describe('ResultPartition', () => {
  it('gathers rows until the buffer timeout', () => {
    const { environment, partition, sub } = make(1)
    partition.collect(batch(3))
    partition.collect(batch(4))
    expect(take(sub(0))).to.deep.equal([])
    environment.advance(100)
    expect(take(sub(0))).to.deep.equal(['7 rows'])
  })

  it('sends at once with a buffer timeout of 0', () => {
    const { partition, sub } = make(1, 'BROADCAST', 0)
    partition.collect(batch(3))
    partition.emitWatermark(5)
    expect(take(sub(0))).to.deep.equal(['3 rows', 'watermark 5'])
  })

  it('lets no row overtake a watermark where their order is asked for', () => {
    const { partition, sub } = make(1, 'BROADCAST', 100, true)
    partition.collect(batch(1))
    partition.collect(batch(2))
    partition.emitWatermark(5)
    partition.emitWatermark(6)
    partition.collect(batch(4))
    partition.emitWatermark(7)
    expect(take(sub(0))).to.deep.equal(['3 rows', 'watermark 6'])
    partition.flush()
    expect(take(sub(0))).to.deep.equal(['4 rows', 'watermark 7'])
  })

  it('passes large batches on without copying, and never puts a watermark before rows that came first', () => {
    const { partition, sub, environment } = make(1)
    partition.collect(batch(10))
    partition.emitWatermark(1)
    partition.collect(batch(10))
    partition.emitWatermark(2)
    partition.collect(batch(600))
    expect(take(sub(0))).to.deep.equal(['620 rows', 'watermark 2'])
    environment.advance(1000)
    expect(take(sub(0))).to.deep.equal([])
  })

  it('cuts batches that are too large for a frame', () => {
    const { partition, sub } = make(1)
    partition.collect(batch(64, 'y'.repeat(MAX_BATCH_BYTES / 20)))
    let sum = 0
    for (let element = sub(0).poll(); element !== undefined; element = sub(0).poll()) {
      if (element.kind !== 'data') continue
      expect(element.bytes).to.be.at.most(MAX_BATCH_BYTES)
      sum += element.batch.length
    }
    expect(sum).to.equal(64)
  })

  it('has no room while one consumer is full, and tells when there is again', () => {
    const { partition, sub, events } = make(2)
    for (let i = 0; i < MAX_QUEUED_BATCHES; i++) partition.collect(batch(600))
    expect(partition.hasRoom).to.equal(false)
    take(sub(0))
    expect(events).to.deep.equal([])
    sub(1).poll()
    expect(events).to.deep.equal(['room'])
    expect(partition.hasRoom).to.equal(true)
  })

  it('has room while any consumer of REBALANCE has', () => {
    const { partition } = make(2, 'REBALANCE')
    for (let i = 0; i < 2 * MAX_QUEUED_BATCHES; i++) {
      expect(partition.hasRoom).to.equal(true)
      partition.collect(batch(600))
    }
    expect(partition.hasRoom).to.equal(false)
  })

  it('bounds the bytes that wait', () => {
    const { partition } = make(64, 'REBALANCE')
    let batches = 0
    for (; partition.hasRoom && batches < 10_000; batches++) partition.collect(batch(50, 'z'.repeat(4000)))
    expect(partition.heldBytes).to.be.within(4 * 1024 * 1024, 5 * 1024 * 1024)
  })

  it('ends with the last watermark and the end, and knows when all is consumed', async () => {
    const { partition, sub } = make(2)
    partition.collect(batch(1))
    let consumed = false
    const ended = partition.end().then(() => (consumed = true))
    expect(take(sub(0))).to.deep.equal(['1 rows', `watermark ${MAX_WATERMARK}`, 'end'])
    sub(0).confirmConsumed()
    await Promise.resolve()
    expect(consumed).to.equal(false)
    sub(1).release() // that consumer is gone
    await ended
  })

  it('drops everything for a consumer that went away', () => {
    const { partition, sub } = make(1)
    sub(0).release()
    for (let i = 0; i < 100; i++) partition.collect(batch(600))
    expect(partition.hasRoom).to.equal(true)
    expect(partition.heldBytes).to.equal(0)
  })

  const shown = async (passed: ReturnType<ResultPartition['broadcastBarrier']>) =>
    [...(await passed)].map(
      ([i, elements]) => `${i}: ${elements.map((e) => (e.kind === 'data' ? `${e.batch.length} rows` : e.kind)).join(', ')}`,
    )

  it('sends a barrier behind all rows so far, to every consumer', async () => {
    const { partition, sub } = make(2, 'GLOBAL')
    partition.collect(batch(3))
    partition.emitWatermark(7)
    const passed = partition.broadcastBarrier(barrierOf(1), null)
    partition.collect(batch(2))
    partition.flush()
    expect(await shown(passed)).to.deep.equal([])
    expect(take(sub(0))).to.deep.equal(['3 rows', 'watermark 7', 'barrier 1', '2 rows'])
    expect(take(sub(1))).to.deep.equal(['watermark 7', 'barrier 1'])
  })

  it('lets a barrier overtake what waits, tells what that is, and sends it behind', async () => {
    const { partition, sub } = make(1)
    partition.collect(batch(3))
    partition.flush()
    partition.collect(batch(4))
    partition.emitWatermark(7)
    const passed = partition.broadcastBarrier(barrierOf(1), 0)
    partition.collect(batch(5))
    partition.flush()
    expect(await shown(passed)).to.deep.equal(['0: 3 rows, 4 rows, watermark'])
    expect(take(sub(0))).to.deep.equal(['barrier 1 overtaking', '3 rows', '4 rows', 'watermark 7', '5 rows'])
  })

  it('lets a barrier overtake only where it still waits when the time is up, and what came before it only', async () => {
    const { partition, sub, environment } = make(2)
    partition.collect(batch(3))
    const passed = partition.broadcastBarrier(barrierOf(1), 50)
    partition.collect(batch(4))
    partition.flush()
    expect(take(sub(0))).to.deep.equal(['3 rows', 'barrier 1', '4 rows'])
    environment.advance(50)
    expect(await shown(passed)).to.deep.equal(['1: 3 rows'])
    expect(take(sub(1))).to.deep.equal(['barrier 1 overtaking', '3 rows', '4 rows'])
  })

  it('is done with a barrier when every consumer took it or is gone', async () => {
    const { partition, sub, environment } = make(2)
    const passed = partition.broadcastBarrier(barrierOf(1), 50)
    take(sub(0))
    sub(1).release()
    expect(await shown(passed)).to.deep.equal([])
    expect(environment.nextTimer()).to.equal(undefined)
  })

  it('keeps the order of barriers that overtake', () => {
    const { partition, sub } = make(1)
    partition.collect(batch(3))
    void partition.broadcastBarrier(barrierOf(1), 0)
    void partition.broadcastBarrier(barrierOf(2), 0)
    expect(take(sub(0))).to.deep.equal(['barrier 1 overtaking', 'barrier 2 overtaking', '3 rows'])
  })

  it('says no last watermark where the stream is only cut', () => {
    const { partition, sub } = make(1)
    void partition.end(true)
    expect(take(sub(0))).to.deep.equal(['end'])
  })
})
