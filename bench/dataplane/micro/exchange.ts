/**
 * The exchange between two tasks, through the real result partition, input gate and connections: in one thread by reference, to another
 * thread by transferred buffers, and over TLS on the loopback. CPU is that of both ends. The consumer counts rows and drops them.
 */
import { randomBytes } from 'node:crypto'
import { MessageChannel, Worker, type MessagePort } from 'node:worker_threads'
import type { SlotLocation } from '#core/graph/deployment.js'
import type { EdgeId, ExecutionAttemptId, ResourceId } from '#core/ids/ids.js'
import { systemEnvironment } from '#core/time/environment.js'
import { DOUBLE } from '#core/types/logical-type.js'
import { schema, type Schema } from '#core/types/schema.js'
import { InputGate } from '#container/network/input-gate.js'
import { PartitionRegistry } from '#container/network/partition-registry.js'
import { ResultPartition } from '#container/network/result-partition.js'
import { SlotNetwork } from '#container/network/slot-network.js'
import type { Batch } from '#runtime/columnar/batch.js'
import { Batch as BatchOf } from '#runtime/columnar/batch.js'
import type { Figure, MicroCase, MicroCases } from '../measure.js'
import { BATCH_ROWS, bidBatches, BIDS } from './bids.js'

export const PRODUCER = 'producer' as ExecutionAttemptId
export const EDGE = 'edge' as EdgeId
export type Way = 'thread' | 'tcp'
/** What the consumer's thread is told. */
export interface PeerData {
  readonly way: Way
  readonly schema: Schema
  readonly location: SlotLocation
  readonly secret: Uint8Array
  /** In-process: its end of the connection. */
  readonly port: MessagePort
  readonly measureHops: boolean
}

const QUEUED_BYTES = 8 * 1024 * 1024
const IN_THREAD_BURST = 4

export function network(resourceId: string, slotIndex: number, secret: Buffer, handOver: (port: MessagePort) => void): SlotNetwork {
  const registry = new PartitionRegistry(systemEnvironment, `slot ${slotIndex}`)
  return new SlotNetwork({
    resourceId: resourceId as ResourceId,
    slotIndex,
    environment: systemEnvironment,
    registry,
    secret,
    handOver: (_slot, port) => handOver(port),
  })
}

function partition(registry: PartitionRegistry, schemaOfRows: Schema, bufferTimeout: number, onRoom: () => void): ResultPartition {
  const made = new ResultPartition(
    { edgeId: EDGE, sourceOperator: 0, partitioner: { kind: 'FORWARD' }, numSubpartitions: 1, maxParallelism: 128, schema: schemaOfRows },
    {
      environment: systemEnvironment,
      bufferTimeout,
      maxQueuedBytes: QUEUED_BYTES,
      onRoom,
      onFailure: (error) => {
        throw error
      },
    },
  )
  registry.register(PRODUCER, made)
  return made
}

function inThread(): MicroCase {
  const slot = network('bench', 0, randomBytes(32), () => undefined)
  const produced = partition(slot.registry, BIDS, 100, () => undefined)
  const gate = new InputGate(
    {
      edgeId: EDGE,
      targetInput: 0,
      schema: BIDS,
      channels: [
        { producer: PRODUCER, subpartition: 0, location: { resourceId: 'bench' as ResourceId, slotIndex: 0, host: '', dataPort: 0 } },
      ],
    },
    slot,
    {
      onAvailable: () => undefined,
      onOvertakingBarrier: () => undefined,
      onBarrierQueued: () => undefined,
      onFailure: (error) => {
        throw error
      },
    },
  )
  const batches = bidBatches(64)
  let next = 0
  return {
    name: 'exchange: bids, same thread',
    unit: 'rows',
    run() {
      let rows = 0
      for (let burst = 0; burst < 64; burst++) {
        for (let i = 0; i < IN_THREAD_BURST; i++) produced.collect(batches[next++ % batches.length] as Batch)
        for (let polled = gate.poll(); polled !== undefined; polled = gate.poll())
          if (polled.element.kind === 'data') rows += polled.element.batch.length
      }
      return rows
    },
    close() {
      gate.close()
      slot.close()
    },
  }
}

interface Pair {
  readonly produced: ResultPartition
  readonly consumer: Worker
  room(): Promise<void>
  close(): Promise<void>
}

/** A producer here, a consumer in a thread of its own, connected. */
async function pair(way: Way, rows: Schema, bufferTimeout: number, measureHops: boolean): Promise<Pair> {
  const secret = randomBytes(32)
  const { port1, port2 } = new MessageChannel()
  const slot = network('bench', 0, secret, () => undefined)
  let waiting: (() => void) | undefined
  const produced = partition(slot.registry, rows, bufferTimeout, () => waiting?.())
  const dataPort = way === 'tcp' ? await slot.listen('127.0.0.1', [0]) : 0
  const location = { resourceId: 'bench' as ResourceId, slotIndex: 0, host: '127.0.0.1', dataPort }
  const workerData: PeerData = { way, schema: rows, location, secret, port: port2, measureHops }
  const consumer = new Worker(new URL('exchange-peer.js', import.meta.url), { workerData, transferList: [port2] })
  if (way === 'thread') slot.acceptPort(1, port1)
  return {
    produced,
    consumer,
    async room() {
      while (!produced.hasRoom) {
        await new Promise<void>((resolve) => (waiting = resolve))
        waiting = undefined
      }
    },
    async close() {
      produced.release()
      slot.close()
      port1.close()
      await consumer.terminate()
    },
  }
}

async function across(name: string, way: Way): Promise<MicroCase> {
  const { produced, room, close } = await pair(way, BIDS, 100, false)
  const batches = bidBatches(64)
  let next = 0
  return {
    name,
    unit: 'rows',
    async run() {
      for (let i = 0; i < 64; i++) {
        await room()
        produced.collect(batches[next++ % batches.length] as Batch)
      }
      return 64 * BATCH_ROWS
    },
    close,
  }
}

export const exchangeCases: MicroCases = {
  'exchange-here': inThread,
  'exchange-thread': () => across('exchange: bids, to another thread', 'thread'),
  'exchange-tcp': () => across('exchange: bids, TLS over the loopback', 'tcp'),
}

export const STAMP = schema(['sent', DOUBLE])
const HOPS = 2000
const WARM_UP_HOPS = 200

/** Time from `collect` of one row to the consumer's poll, buffer timeout 0. Figures in ms. */
export async function hopLatency(way: Way): Promise<Figure[]> {
  const { produced, consumer, close } = await pair(way, STAMP, 0, true)
  const hops = new Promise<number[]>((resolve, reject) => {
    consumer.once('message', resolve)
    consumer.once('error', reject)
  })
  for (let i = 0; i < WARM_UP_HOPS + HOPS; i++) {
    await new Promise((resolve) => setTimeout(resolve, 1))
    const values = Float64Array.of(performance.timeOrigin + performance.now())
    produced.collect(new BatchOf(STAMP, [{ kind: 'float64', type: DOUBLE, nulls: undefined, values }], 1))
  }
  await produced.end()
  const sorted = (await hops).slice(WARM_UP_HOPS).sort((a, b) => a - b)
  await close()
  const at = (share: number): number => sorted[Math.floor(share * (sorted.length - 1))] ?? NaN
  const name = way === 'thread' ? 'to another thread' : 'TLS over the loopback'
  const figure = (what: string, value: number, aim?: number): Figure => ({
    name: `hop, one row, ${name}: ${what}`,
    unit: 'ms',
    perCpuSecond: value,
    perSecond: value,
    ...(aim === undefined ? {} : { aim }),
  })
  return [figure('p50', at(0.5)), figure('p99', at(0.99), 5)]
}
