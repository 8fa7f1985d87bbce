/** The consumer's thread of the exchange benchmarks: polls its gate, counts and drops; in hop mode it tells each row's time under way. */
import { parentPort, workerData } from 'node:worker_threads'
import { InputGate } from '#container/network/input-gate.js'
import { EDGE, network, PRODUCER, type PeerData } from './exchange.js'

const { way, schema, location, secret, port, measureHops } = workerData as PeerData
const slot = network(way === 'tcp' ? 'peer' : 'bench', 1, Buffer.from(secret), () => undefined)
const hops: number[] = []

// In-process the gate opens a connection itself; here the other end waits behind the given port.
const access =
  way === 'tcp'
    ? slot
    : { registry: slot.registry, isHere: () => false, connectionTo: () => (slot.acceptPort(0, port), slot.connectionTo(location)) }
const gate: InputGate = new InputGate(
  {
    edgeId: EDGE,
    targetInput: 0,
    schema,
    channels: [{ producer: PRODUCER, subpartition: 0, location }],
  },
  access,
  {
    onAvailable: () => setImmediate(drain),
    onOvertakingBarrier: () => undefined,
    onBarrierQueued: () => undefined,
    onFailure: (error) => {
      throw error
    },
  },
)

function drain(): void {
  for (let polled = gate.poll(); polled !== undefined; polled = gate.poll()) {
    const { element } = polled
    if (element.kind === 'end' && measureHops) parentPort?.postMessage(hops)
    if (element.kind !== 'data' || !measureHops) continue
    const column = element.batch.columns[0]
    if (column?.kind === 'float64') hops.push(performance.timeOrigin + performance.now() - (column.values[0] ?? NaN))
  }
}
