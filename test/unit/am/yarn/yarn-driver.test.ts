import { expect } from 'chai'
import { virtualEnvironment } from '#core/time/virtual-environment.js'
import type { ResourceId } from '#core/ids/ids.js'
import type { AllocatedContainer, AmRmEvent, CompletedContainer } from '#hadoop/yarn/am-rm/events.js'
import { explainExit } from '#hadoop/yarn/exit-status.js'
import { setLogSink } from '#core/log/logger.js'
import type { QueueReport } from '#am/resourcemanager/drivers/yarn/queue-report.js'
import { AttemptOver, YarnDriver } from '#am/resourcemanager/drivers/yarn/yarn-driver.js'

const token = { identifier: Buffer.from('i'), password: Buffer.from('p'), kind: 'ContainerToken', service: 's' } as never
const node = { host: 'node-1', port: 8041 }

function container(number: number, slots = 2): AllocatedContainer {
  return { id: `c${number}`, node, nodeHttpAddress: 'node-1:8042', priority: slots, memoryMb: 512, vcores: 2, token }
}

function completed(number: number, exitStatus: number, diagnostics = ''): CompletedContainer {
  return { id: `c${number}`, priority: 2, exitStatus, exit: explainExit(exitStatus, diagnostics), diagnostics }
}

/** The driver between a scripted session with YARN and a listener; `lines` tells what it said to both. */
async function driver(startFails?: Error) {
  const environment = virtualEnvironment()
  let queue: QueueReport | undefined
  const lines: string[] = []
  const fatal: { error: Error; retry: boolean }[] = []
  let emit: (event: AmRmEvent) => void = () => undefined
  const yarn = new YarnDriver({
    environment,
    shape: { memoryMb: 512, vcores: (slots) => slots, nodeLabel: undefined },
    preemptionGrace: 15_000,
    registration: { host: 'node-0', rpcPort: 1, trackingUrl: 'http://node-0:2/' },
    amRm: (onEvent) => {
      emit = onEvent
      return {
        register: ({ trackingUrl }) => void lines.push(`register ${trackingUrl}`),
        setAsks: (asks, seen) =>
          void lines.push(
            `ask ${asks.map((ask) => `${ask.count} of ${ask.memoryMb} MB ${ask.vcores} vcores`).join(', ') || 'nothing'} (seen ${seen})`,
          ),
        release: (ids) => void lines.push(`release ${ids.join(' ')}`),
        resize: ({ id, memoryMb, vcores }) => void lines.push(`resize ${id} to ${memoryMb} MB ${vcores} vcores`),
        setBlacklist: (hosts) => void lines.push(`blacklist ${hosts.join(' ') || 'nothing'}`),
        setProgress: () => undefined,
        finish: ({ status, diagnostics }) => void lines.push(`finish ${status} ${diagnostics}`.trim()),
        close: () => void lines.push('close'),
      }
    },
    nodeManagers: {
      setTokens: () => undefined,
      start: async ({ id }) => {
        lines.push(`start ${id}`)
        if (startFails !== undefined) throw startFails
      },
      stop: async ({ id }) => void lines.push(`stop ${id}`),
      update: async ({ id }) => {
        lines.push(`update ${id}`)
        if (startFails !== undefined) throw startFails
      },
      close: () => undefined,
    },
    launchContext: () => ({}) as never,
    readQueue: async () => queue,
    logTail: async () => 'out of luck',
  })
  const started = yarn.start({
    started: (id, host, slots, size = 0) => lines.push(`started ${id} on ${host} with ${slots} slots${size === 0 ? '' : ` of ${size} MB`}`),
    recovered: (id, host, slots, size = 0) =>
      lines.push(`recovered ${id} on ${host} with ${slots} slots${size === 0 ? '' : ` of ${size} MB`}`),
    terminated: (id, reason, end) => lines.push(`terminated ${id}${end === 'failed' ? '' : ` (${end})`}: ${reason}`),
    reclaimed: ({ resourceIds, anyOthers, reason, grace, replaced }) =>
      lines.push(
        `reclaimed ${[...resourceIds, ...(anyOthers === 0 ? [] : [`${anyOthers} others`])].join(' ')} within ${grace}${replaced ? ', replaced' : ''}: ${reason}`,
      ),
    nodeLost: (ids, reason) => lines.push(`node lost ${ids.join(' ')}: ${reason}`),
    nodeUsable: (host) => lines.push(`usable ${host}`),
    resized: (id, memory) => lines.push(`resized ${id} to ${memory / 1024 / 1024} MB`),
    resizeRefused: (id, reason) => lines.push(`not resized ${id}: ${reason}`),
    unobtainable: (error, size = 0) => lines.push(`unobtainable${size === 0 ? '' : ` ${size}`}: ${error.message}`),
    fatal: (error, retry) => fatal.push({ error, retry }),
  })
  const registered = (previousContainers: readonly AllocatedContainer[] = []) =>
    emit({
      type: 'registered',
      resynchronized: false,
      queue: 'default',
      maximum: { memoryMb: 4096, vcores: 4 },
      vcoresCounted: true,
      previousContainers,
    })
  const take = async () => {
    await new Promise((resolve) => setImmediate(resolve))
    return lines.splice(0)
  }
  const moveTo = (report: QueueReport) => void (queue = report)
  return { yarn, environment, moveTo, started, registered, emit: (event: AmRmEvent) => emit(event), take, fatal }
}

const wants = (count: number) => [{ slots: 2, count }]
const id = (number: number) => `c${number}` as ResourceId

describe('YarnDriver', () => {
  it('asks for what is wanted and not held, and starts what is granted', async () => {
    const { yarn, started, registered, emit, take } = await driver()
    expect(await take()).to.deep.equal(['register http://node-0:2/'])
    yarn.declareWorkers(wants(2))
    registered()
    await started
    expect(await take()).to.deep.equal(['ask 2 of 512 MB 2 vcores (seen 0)'])
    emit({ type: 'allocated', sequence: 1, containers: [container(1)] })
    expect(await take()).to.deep.equal(['started c1 on node-1 with 2 slots', 'start c1', 'ask 1 of 512 MB 2 vcores (seen 1)'])
    emit({ type: 'allocated', sequence: 2, containers: [container(2)] })
    expect((await take()).at(-1)).to.equal('ask nothing (seen 2)')
  })

  it('asks for workers of a size of their own beside the usual ones, and knows them again under the next attempt', async () => {
    const { yarn, registered, emit, take } = await driver()
    registered()
    yarn.declareWorkers([
      { slots: 2, count: 1 },
      { slots: 2, count: 1, memoryMb: 1024 },
    ])
    expect((await take()).at(-1)).to.equal('ask 1 of 512 MB 2 vcores, 1 of 1024 MB 2 vcores (seen 0)')
    const sized = { ...container(1), priority: 1024 * 2048 + 2, memoryMb: 1024 }
    emit({ type: 'allocated', sequence: 1, containers: [sized] })
    expect(await take()).to.deep.equal(['started c1 on node-1 with 2 slots of 1024 MB', 'start c1', 'ask 1 of 512 MB 2 vcores (seen 1)'])
    emit({
      type: 'asksRejected',
      asks: [{ priority: 1024 * 2048 + 2, memoryMb: 1024, vcores: 2, count: 1 }],
      reason: 'too large',
      className: 'InvalidResourceRequestException',
    })
    expect((await take())[0]).to.match(/^unobtainable 1024: YARN refuses containers of 1024 MB/)
    const next = await driver()
    next.yarn.declareWorkers([{ slots: 2, count: 1, memoryMb: 1024 }])
    next.registered([sized])
    expect((await next.take()).slice(-2)).to.deep.equal(['recovered c1 on node-1 with 2 slots of 1024 MB', 'ask nothing (seen 0)'])
  })

  it('asks for another in place of one that ended, and tells why it ended', async () => {
    const { yarn, registered, emit, take } = await driver()
    yarn.declareWorkers(wants(1))
    registered()
    emit({ type: 'allocated', sequence: 1, containers: [container(1)] })
    await take()
    emit({ type: 'completed', containers: [completed(1, 137)] })
    const [ask, ended] = await take()
    expect(ask).to.equal('ask 1 of 512 MB 2 vcores (seen 1)')
    expect(ended).to.match(/^terminated c1: exit status 137 \(SIGKILL\)[\s\S]*Last lines of its log \(stderr\):\n {2}\| out of luck$/)
  })

  it('gives a container back and does not look for its log', async () => {
    const { yarn, registered, emit, take } = await driver()
    yarn.declareWorkers(wants(1))
    registered()
    emit({ type: 'allocated', sequence: 1, containers: [container(1)] })
    await take()
    yarn.declareWorkers(wants(0))
    yarn.releaseWorker(id(1))
    yarn.releaseWorker(id(1))
    expect(await take()).to.deep.equal(['ask nothing (seen 1)', 'release c1', 'stop c1', 'ask nothing (seen 1)'])
    emit({ type: 'completed', containers: [completed(1, -100)] })
    expect((await take()).at(-1)).to.equal(
      'terminated c1 (taken-back): exit status -100 (ABORTED): it was released by the application, its node was lost, or it was not started in time after its allocation',
    )
  })

  it('returns a container that its node does not start, and asks again', async () => {
    const { yarn, registered, emit, take } = await driver(new Error('disk full'))
    yarn.declareWorkers(wants(1))
    registered()
    await take()
    emit({ type: 'allocated', sequence: 1, containers: [container(1)] })
    expect(await take()).to.deep.equal([
      'started c1 on node-1 with 2 slots',
      'start c1',
      'ask nothing (seen 1)',
      'release c1',
      'terminated c1: disk full',
      'ask 1 of 512 MB 2 vcores (seen 1)',
    ])
  })

  it('counts containers of an earlier attempt as held until they are given up', async () => {
    const { yarn, registered, take } = await driver()
    yarn.declareWorkers(wants(2))
    await take()
    registered([container(1)])
    expect(await take()).to.deep.equal(['recovered c1 on node-1 with 2 slots', 'ask 1 of 512 MB 2 vcores (seen 0)'])
    yarn.releaseWorker(id(1))
    expect((await take()).at(-1)).to.equal('ask 2 of 512 MB 2 vcores (seen 0)')
  })

  async function withTwo() {
    const story = await driver()
    story.yarn.declareWorkers(wants(2))
    story.registered()
    story.emit({ type: 'headroom', memoryMb: 2048, vcores: 4, clusterNodes: 4 })
    story.emit({ type: 'allocated', sequence: 2, containers: [container(1), container(2)] })
    await story.take()
    return story
  }

  it('hands on which containers YARN wants back, named or not, and none twice', async () => {
    const { yarn, emit, take } = await withTwo()
    const reason = 'YARN wants the container back for another queue or application'
    emit({ type: 'preemption', strict: [], negotiable: ['c2', 'gone'], resources: [{ memoryMb: 64, vcores: 1, count: 8 }] })
    expect(await take()).to.deep.equal([`reclaimed c2 within 15000: ${reason}`])
    emit({ type: 'preemption', strict: [], negotiable: [], resources: [{ memoryMb: 64, vcores: 1, count: 9 }] })
    expect(await take()).to.deep.equal([`reclaimed 2 others within 15000: ${reason}`])
    yarn.discountWorker(id(1))
    yarn.discountWorker(id(2))
    await take()
    emit({ type: 'preemption', strict: [], negotiable: [], resources: [{ memoryMb: 64, vcores: 1, count: 9 }] })
    expect(await take(), 'they are on their way out').to.deep.equal([])
  })

  it('asks for a replacement of one that leaves while that one is still there', async () => {
    const { yarn, take } = await withTwo()
    yarn.discountWorker(id(1))
    expect(await take()).to.deep.equal(['ask 1 of 512 MB 2 vcores (seen 2)'])
    yarn.releaseWorker(id(1))
    expect((await take()).at(-1)).to.equal('ask 1 of 512 MB 2 vcores (seen 2)')
  })

  it('tells of nodes that are decommissioned, and of those that are gone', async () => {
    const { emit, take } = await withTwo()
    const update = (state: string, more = {}) =>
      emit({
        type: 'nodesUpdated',
        nodes: [
          { node, state, healthReport: '', ...more },
          { node: { host: 'other', port: 1 }, state, healthReport: '' },
        ],
      })
    update('DECOMMISSIONING', { decommissioningTimeoutMs: 120_000 })
    expect(await take()).to.deep.equal(['reclaimed c1 c2 within 120000, replaced: its node node-1 is being decommissioned'])
    update('RUNNING')
    expect(await take()).to.deep.equal(['usable node-1', 'usable other'])
    update('UNHEALTHY', { healthReport: 'disks full' })
    expect(await take()).to.deep.equal(['node lost c1 c2: its node node-1 is UNHEALTHY (disks full)'])
  })

  it('tells a worker that the cluster took from one that failed, and both from one whose node failed', async () => {
    const { emit, take } = await withTwo()
    emit({ type: 'completed', containers: [completed(1, -102), completed(2, -101)] })
    const ended = (await take()).filter((line) => line.startsWith('terminated')).map((line) => line.slice(0, 30))
    expect(ended).to.deep.equal(['terminated c1 (taken-back): ex', 'terminated c2 (node): exit sta'])
  })

  it('blocks nodes, at most half of the cluster', async () => {
    const { yarn, emit, take } = await withTwo()
    yarn.blockNodes(['a', 'b', 'c'])
    expect(await take()).to.deep.equal(['blacklist a b'])
    emit({ type: 'headroom', memoryMb: 2048, vcores: 4, clusterNodes: 6 })
    expect(await take()).to.deep.equal(['blacklist a b c'])
    yarn.blockNodes([])
    expect(await take()).to.deep.equal(['blacklist nothing'])
  })

  it('makes a container larger where it is: the ResourceManager grants it, the node is told, then the worker may use it', async () => {
    const { yarn, emit, take } = await withTwo()
    const MB = 1024 * 1024
    expect(yarn.resizeWorker(id(1), 512 * MB), 'it has that').to.equal(false)
    expect(yarn.resizeWorker(id(9), 768 * MB), 'unknown').to.equal(false)
    expect(yarn.resizeWorker(id(1), 768 * MB)).to.equal(true)
    expect(await take()).to.deep.equal(['resize c1 to 768 MB 2 vcores'])
    emit({ type: 'resized', containers: [{ ...container(1), memoryMb: 768 }] })
    expect(await take()).to.deep.equal(['update c1', 'resized c1 to 768 MB'])
    expect(yarn.resizeWorker(id(1), 9_000 * MB)).to.equal(true)
    expect(await take(), 'no more than the largest container').to.deep.equal(['resize c1 to 4096 MB 2 vcores'])
    emit({ type: 'resizeRefused', id: 'c1', reason: 'no' })
    expect(await take()).to.deep.equal(['not resized c1: no'])
    yarn.discountWorker(id(2))
    expect(yarn.resizeWorker(id(2), 768 * MB), 'it is about to leave').to.equal(false)
  })

  it('does not let a worker use what its node was not told of', async () => {
    const { yarn, registered, emit, take } = await driver(new Error('no answer'))
    yarn.declareWorkers(wants(1))
    registered([container(1)])
    await take()
    emit({ type: 'resized', containers: [{ ...container(1), memoryMb: 768 }] })
    expect(await take()).to.deep.equal(['update c1', 'not resized c1: no answer'])
  })

  it('says what it waits for, and which limit is in the way', async () => {
    const { yarn, environment, registered, emit } = await driver()
    registered()
    expect(yarn.describePending()).to.equal('')
    yarn.declareWorkers(wants(3))
    emit({ type: 'headroom', memoryMb: 2048, vcores: 1, clusterNodes: 2 })
    environment.advance(12_000)
    expect(yarn.describePending()).to.equal(
      'YARN was asked for containers and has not given them for 12 s: 3 more of 512 MB and 2 vcores; ' +
        "queue 'default' leaves this application room for 2048 MB and 1 vcores more; the cluster has 2 nodes; the limit is the queue’s vcores; the largest container has 4096 MB",
    )
  })

  it('says in which queue it waits, where an administrator has moved it, and what that queue has', async () => {
    const { yarn, environment, moveTo, registered, emit, take } = await driver()
    registered()
    yarn.declareWorkers(wants(1))
    moveTo({ name: 'root.small', used: { memory: 900, vCores: 2 }, maximum: { memory: 1024, vCores: 8 } })
    const logged: string[] = []
    const former = setLogSink(({ message }) => void logged.push(message))
    environment.advance(15_000)
    await take()
    setLogSink(former)
    expect(logged[0]).to.equal("The application was moved from queue 'default' to 'root.small'. Its containers go on.")
    expect(logged[1]).to.contain("queue 'root.small' uses 900 of 1024 MB and 2 of 8 vcores")
    emit({ type: 'headroom', memoryMb: 124, vcores: 6, clusterNodes: 2 })
    expect(yarn.describePending()).to.contain("queue 'root.small' leaves this application room for 124 MB and 6 vcores more")
  })

  it('tells when YARN refuses such containers for good', async () => {
    const { registered, emit, take } = await driver()
    registered()
    await take()
    emit({
      type: 'asksRejected',
      asks: [{ priority: 2, memoryMb: 512, vcores: 2, count: 1 }],
      reason: 'too large',
      className: 'InvalidResourceRequestException',
    })
    expect((await take())[0]).to.contain('YARN refuses containers of 512 MB and 2 vcores for TaskManagers: too large')
  })

  it('may not go on when YARN has ended the attempt', async () => {
    const { emit, fatal } = await driver()
    emit({ type: 'attemptOver', reason: 'expired', className: 'ApplicationAttemptNotFoundException' })
    expect(fatal[0]?.error).to.satisfy(AttemptOver.is)
    expect(fatal[0]?.retry).to.equal(false)
  })

  it('takes its leave after it has given everything back', async () => {
    const { yarn, registered, emit, take } = await driver()
    yarn.declareWorkers(wants(1))
    registered()
    emit({ type: 'allocated', sequence: 1, containers: [container(1)] })
    await take()
    const finished = yarn.finish('FAILED', 'boom')
    expect(await take()).to.deep.equal(['ask nothing (seen 1)', 'release c1', 'finish FAILED boom'])
    emit({ type: 'finished', counters: { asked: 1, granted: 1, surplus: 0, released: 1, completed: 1, heartbeats: 3, resyncs: 0 } })
    await finished
    expect(await take()).to.deep.equal(['close'])
  })

  it('does not start what is granted while it takes its leave', async () => {
    const { yarn, registered, emit, take } = await driver()
    registered()
    void yarn.finish('SUCCEEDED', '')
    await take()
    emit({ type: 'allocated', sequence: 1, containers: [container(1)] })
    expect(await take()).to.deep.equal([])
  })
})
