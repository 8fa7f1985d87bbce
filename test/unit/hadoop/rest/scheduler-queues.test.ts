import { expect } from 'chai'
import { findQueue, readScheduler } from '#hadoop/rest/scheduler-queues.js'

const capacity = readScheduler({
  type: 'capacityScheduler',
  queueName: 'root',
  queuePath: 'root',
  queues: {
    queue: [
      {
        queueName: 'default',
        queuePath: 'root.default',
        state: 'RUNNING',
        maximumAllocation: { memory: 4096, vCores: 8 },
        AMResourceLimit: { memory: 10, vCores: 1 },
        usedAMResource: { memory: 5, vCores: 1 },
        numPendingApplications: 2,
      },
      { queueName: 'teams', queuePath: 'root.teams', queues: { queue: { queueName: 'a', queuePath: 'root.teams.a', state: 'STOPPED' } } },
      {
        queueName: 'other',
        queuePath: 'root.other',
        autoCreationEligibility: 'flexible',
        queues: { queue: [{ queueName: 'a', queuePath: 'root.other.a' }] },
      },
    ],
  },
})

describe('queues of a scheduler', () => {
  it('of the capacity scheduler are flattened, one child or many', () => {
    expect(capacity.queues.map(({ path, leaf }) => [path, leaf])).to.deep.equal([
      ['root', false],
      ['root.default', true],
      ['root.teams', false],
      ['root.teams.a', true],
      ['root.other', false],
      ['root.other.a', true],
    ])
    expect(findQueue(capacity.queues, 'default')).to.deep.include({
      maximumAllocation: { memory: 4096, vCores: 8 },
      applicationMasterLimit: { memory: 10, vCores: 1 },
      pendingApplications: 2,
      state: 'RUNNING',
    })
    expect(findQueue(capacity.queues, 'teams.a')?.state).to.equal('STOPPED')
    expect(capacity.queues.find(({ name }) => name === 'other')?.createsQueues).to.equal(true)
  })

  it('are found by path, or by a name that only one leaf has', () => {
    expect(findQueue(capacity.queues, 'root.teams.a')?.path).to.equal('root.teams.a')
    expect(findQueue(capacity.queues, 'default')?.path).to.equal('root.default')
    expect(findQueue(capacity.queues, 'a')).to.equal(undefined)
    expect(findQueue(capacity.queues, 'nope')).to.equal(undefined)
  })

  it('of the fair and the fifo scheduler have the same form', () => {
    const fair = readScheduler({
      type: 'fairScheduler',
      rootQueue: {
        queueName: 'root',
        childQueues: {
          queue: [{ queueName: 'root.default', maxResources: { memory: 100, vCores: 2 }, usedResources: { memory: 1, vCores: 1 } }],
        },
      },
    })
    expect(fair.queues.map(({ path }) => path)).to.deep.equal(['root', 'root.default'])
    expect(findQueue(fair.queues, 'default')).to.deep.include({
      name: 'default',
      maximum: { memory: 100, vCores: 2 },
      used: { memory: 1, vCores: 1 },
    })
    expect(readScheduler({ type: 'fifoScheduler' }).queues.map(({ name }) => name)).to.deep.equal(['default'])
  })

  it('of an answer in another shape are none, not an exception', () => {
    expect(readScheduler({ type: 'capacityScheduler', queueName: 7 }).queues).to.deep.equal([])
  })
})
