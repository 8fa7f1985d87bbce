import { expect } from 'chai'
import type { EdgeId, ExecutionAttemptId } from '#core/ids/ids.js'
import { virtualEnvironment } from '#core/time/virtual-environment.js'
import { PARTITION_WAIT_MS, PartitionRegistry } from '#container/network/partition-registry.js'
import { ResultPartition } from '#container/network/result-partition.js'

const producer = 'p' as ExecutionAttemptId
const edge = 'e' as EdgeId

function make() {
  const environment = virtualEnvironment()
  const registry = new PartitionRegistry(environment, 'here')
  const partition = new ResultPartition(
    { edgeId: edge, sourceOperator: 0, partitioner: { kind: 'FORWARD' }, numSubpartitions: 1, maxParallelism: 128, schema: { fields: [] } },
    { environment, bufferTimeout: 100, maxQueuedBytes: 1, onRoom: () => undefined, onFailure: () => undefined },
  )
  const events: string[] = []
  const request = (subpartition = 0) =>
    registry.request(
      { producer, edge, subpartition },
      (found) => {
        found.attach({ onAvailable: () => undefined })
        events.push('found')
      },
      (error) => events.push(error.message),
    )
  return { environment, registry, partition, events, request }
}

describe('PartitionRegistry', () => {
  it('finds a partition that is there, and one that comes while a consumer waits', () => {
    const { registry, partition, events, request } = make()
    request()
    expect(events).to.deep.equal([])
    registry.register(producer, partition)
    expect(events).to.deep.equal(['found'])
  })

  it('says after a while that no such result came', () => {
    const { environment, events, request } = make()
    request()
    environment.advance(PARTITION_WAIT_MS)
    expect(events).to.deep.equal([`Task p at here did not offer its result for edge e within ${PARTITION_WAIT_MS} ms`])
    expect(environment.nextTimer()).to.equal(undefined)
  })

  it('lets nobody read what another reads, nor what there is not', () => {
    const { registry, partition, events, request } = make()
    registry.register(producer, partition)
    request()
    request()
    request(7)
    expect(events.map((each) => each.slice(0, 5))).to.deep.equal(['found', 'Task ', 'Task '])
  })

  it('forgets a consumer that gave up', () => {
    const { environment, registry, partition, events, request } = make()
    request()()
    registry.register(producer, partition)
    environment.advance(PARTITION_WAIT_MS)
    expect(events).to.deep.equal([])
  })
})
