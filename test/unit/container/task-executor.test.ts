import { expect } from 'chai'
import { minimumProcessBytes } from '#core/cluster/memory-budget.js'
import type { OperatorSpec } from '#core/graph/operator-spec.js'
import type { ExecutionAttemptId } from '#core/ids/ids.js'
import { TaskExecutorGateway } from '#core/rpc/gateways/task-executor.js'
import { STRING } from '#core/types/logical-type.js'
import { schema } from '#core/types/schema.js'
import { countingJob, HASH_EDGE, input, ROWS, runCountingJob, values, type Place } from './counting-job.js'
import { MAX_BLOB_CHUNK_BYTES } from '#core/rpc/gateways/blob.js'
import { attemptOf, deploy, deployOffloaded, type TestVertex } from './deploy.js'
import { allocateAll, allocationOf, ScriptedMaster, type Registered, type TestWorker } from './scripted-master.js'

const BLACKHOLE: OperatorSpec = {
  op: 'sink',
  connector: 'blackhole',
  tableName: 'out',
  options: {},
  schema: input,
  notNullEnforcer: 'ERROR',
}
const ENDLESS: OperatorSpec = {
  op: 'source',
  connector: 'datagen',
  tableName: 't',
  options: { 'rows-per-second': '1000' },
  schema: input,
  projection: input.fields.map((_, i) => i),
  bounded: false,
}

function twoVertices(source: OperatorSpec, sink: OperatorSpec, from: Place, to: Place, rows = input): TestVertex[] {
  return [
    { operators: [{ spec: source, output: rows }], slots: [from] },
    { operators: [{ spec: sink, output: rows }], slots: [to] },
  ]
}
const COLLECT: OperatorSpec = { op: 'collect', schema: input }

describe('a TaskExecutor and its slots', function () {
  this.timeout(30_000)
  const master = new ScriptedMaster()
  let process_: TestWorker
  let worker: Registered
  let slots: [Place, Place]
  let attempt = 0
  before(async () => {
    process_ = master.startEmbedded(2)
    worker = await process_.registered
    slots = [
      { worker, slotIndex: 0 },
      { worker, slotIndex: 1 },
    ]
  })
  beforeEach(async () => {
    attempt++
    master.updates.length = 0
    master.rows.length = 0
    await allocateAll(worker)
  })
  afterEach(async () => {
    master.onOperatorRequest = master.keepRows
    for (const { slotIndex } of worker.slots)
      await worker.gateway.freeSlot({ allocationId: allocationOf(worker.resourceId, slotIndex), reason: 'test' })
  })
  after(async () => {
    await worker.gateway.shutdown({ reason: 'test' })
    expect(await process_.ended, 'exit code').to.equal(0)
    await master.close()
  })
  const reached = (state: string, tasks: readonly ExecutionAttemptId[]) =>
    master.until(() => tasks.every((task) => master.last(task)?.state === state), state)

  it('runs two vertices in one slot', () => runCountingJob(master, [slots[0]], [slots[0]], attempt))

  it('runs two vertices across slots', () => runCountingJob(master, slots, slots, attempt))

  it('prints whole lines, and all of them before a task is FINISHED', async () => {
    const print: OperatorSpec = { op: 'sink', connector: 'print', tableName: 'out', options: {}, schema: input, notNullEnforcer: 'ERROR' }
    const before = process_.output.join('').split('\n').length
    let linesAtEnd = -1
    master.onUpdate = ({ state }) => {
      if (state === 'FINISHED') linesAtEnd = process_.output.join('').split('\n').length - before
    }
    const tasks = await deploy(
      [
        {
          operators: [
            { spec: values, output: input },
            { spec: print, output: input },
          ],
          slots: [slots[0]],
        },
      ],
      [],
      {},
      attempt,
    )
    await reached('FINISHED', tasks)
    expect(linesAtEnd).to.equal(ROWS)
    expect(process_.output.join('').split('\n')[before]).to.equal('+I[bell, 1]')
    expect(tasks[0] !== undefined && master.last(tasks[0])?.metrics).to.include({ recordsIn: ROWS, recordsOut: ROWS })
  })

  it('ends the tasks of a slot, whatever they wait for, before it frees it', async () => {
    master.onOperatorRequest = () => new Promise(() => undefined) // a coordinator that never answers
    const tasks = await deploy(twoVertices(ENDLESS, COLLECT, slots[0], slots[0]), HASH_EDGE, {}, attempt)
    await reached('RUNNING', tasks)
    await worker.gateway.freeSlot({ allocationId: allocationOf(worker.resourceId, 0), reason: 'test' })
    await reached('CANCELED', tasks)
    for (const task of tasks) expect(master.states(task)).to.deep.equal(['INITIALIZING', 'RUNNING', 'CANCELED'])
    await allocateAll(worker)
  })

  it('tells the first cause of a failure', async () => {
    master.onOperatorRequest = async () => {
      throw new Error('the client is gone')
    }
    const [counter] = await deploy(countingJob([slots[0]], [slots[1]]), HASH_EDGE, {}, attempt)
    if (counter === undefined) throw new Error('no task')
    await reached('FAILED', [counter])
    expect(master.last(counter)?.error?.message).to.contain('the client is gone')
  })

  it('refuses a task for a slot that is not allocated, and calls of another epoch', async () => {
    await worker.gateway.freeSlot({ allocationId: allocationOf(worker.resourceId, 1), reason: 'test' })
    const unallocated = await deploy(countingJob([slots[0]], [slots[1]]), HASH_EDGE, {}, attempt).catch((error: Error) => error)
    expect(unallocated).to.be.instanceOf(Error).with.property('code', 'TASK_SLOT_NOT_FOUND')
    const stale = worker.connection.gateway(TaskExecutorGateway, 'taskexecutor', master.epoch - 1)
    const fenced = await stale.cancelTask({ executionAttemptId: attemptOf(0, 0) }).catch((error: Error) => error)
    expect(fenced).to.have.property('code', 'RPC_FENCED')
  })

  it('fetches a large plan once for all tasks of a vertex, piece by piece, until its job is gone', async () => {
    const padding = 'x'.repeat(300)
    const rows = Array.from({ length: 4_000 }, (_, i) => [`${padding}${i}`, i])
    const large: OperatorSpec = { op: 'values', schema: input, rows }
    const vertices: TestVertex[] = [
      { operators: [{ spec: large, output: input }], slots: slots },
      { operators: [{ spec: COLLECT, output: input }], slots: [slots[0]] },
    ]
    const run = async () => {
      master.rows.length = 0
      master.blobRequests.length = 0
      const tasks = await deployOffloaded(master.blobs, 1024 * 1024, vertices, HASH_EDGE, attempt)
      await reached('FINISHED', tasks)
      expect(master.rows.map(({ cells }) => cells[1]).sort()).to.deep.equal(rows.map(([, i]) => String(i)).sort())
      attempt++
    }
    await run()
    expect(new Set(master.blobRequests.map(([key]) => key)).size, 'blobs').to.equal(1)
    expect(master.blobRequests.map(([, offset]) => offset)).to.deep.equal([0, 1, 2].map((i) => i * MAX_BLOB_CHUNK_BYTES))
    await run()
    expect(master.blobRequests, 'requests of a second attempt').to.deep.equal([])
    for (const { slotIndex } of worker.slots)
      await worker.gateway.freeSlot({ allocationId: allocationOf(worker.resourceId, slotIndex), reason: 'test' })
    await allocateAll(worker)
    await run()
    expect(master.blobRequests).to.have.length(3)
  })

  it('fails a task whose plan the master does not have', async () => {
    const vertices: TestVertex[] = [
      {
        operators: [
          { spec: values, output: input },
          { spec: BLACKHOLE, output: input },
        ],
        slots: [slots[1]],
      },
    ]
    const unknown = { put: () => ({ blobKey: '0'.repeat(64), size: 5 }) }
    const [task] = await deployOffloaded(unknown, 1, vertices, [], attempt)
    if (task === undefined) throw new Error('no task')
    await reached('FAILED', [task])
    expect(master.last(task)?.error?.message).to.match(/could not get the plan or the program of task vertex 0 \(1\/1\)/)
    expect(master.last(task)?.error?.cause?.code).to.equal('BLOB_NOT_FOUND')
  })

  it('starts a task once, however often it is submitted', async () => {
    await runCountingJob(master, [slots[0]], [slots[0]], attempt)
    const before = master.updates.length
    await deploy(countingJob([slots[0]], [slots[0]]), HASH_EDGE, {}, attempt)
    attempt++
    await runCountingJob(master, [slots[0]], [slots[0]], attempt)
    expect(master.updates.length).to.equal(before * 2)
  })
})

/** Workers that lose their slots in a test of this suite. */
const KILLED = [2, 3]

describe('TaskExecutors in several processes', function () {
  this.timeout(30_000)
  const master = new ScriptedMaster()
  let workers: TestWorker[]
  let registered: Registered[]
  before(async () => {
    workers = await Promise.all([1, 2, 1, 1].map((slots) => master.startRemote(slots)))
    registered = await Promise.all(workers.map((each) => each.registered))
    for (const worker of registered) await allocateAll(worker)
  })
  after(async () => {
    for (const [i, { ended }] of workers.entries()) {
      // It may be gone before its answer is.
      await registered[i]?.gateway.shutdown({ reason: 'test' }).catch(() => undefined)
      const code = await ended
      if (!KILLED.includes(i)) expect(code, `exit code of worker ${i}`).to.equal(0)
    }
    await master.close()
  })
  const slot = (i: number, slotIndex = 0): Place => ({ worker: registered[i] as Registered, slotIndex })

  it('exchange rows over TLS', async () => {
    for (const { dataPort } of registered.flatMap((worker) => worker.slots)) expect(dataPort).to.be.greaterThan(0)
    const places = [slot(0), slot(1, 0), slot(1, 1)]
    await runCountingJob(master, places, places)
  })

  it('hold the producer back when the consumer is slow, with bounded memory', async () => {
    const open: (() => void)[] = []
    let rows = 0
    let closed = true
    master.onOperatorRequest = async (event) => {
      rows += event.rows?.length ?? 0
      if (closed) await new Promise<void>((resolve) => open.push(resolve))
      return {}
    }
    const wide = schema(['text', STRING])
    const total = 60_000
    const many: OperatorSpec = { op: 'values', schema: wide, rows: Array.from({ length: total }, (_, i) => [`${i}`.padEnd(200, '.')]) }
    const tasks = await deploy(
      twoVertices(many, { op: 'collect', schema: wide }, slot(0), slot(1), wide),
      [{ from: 0, to: 1, partitioner: { kind: 'REBALANCE' } }],
      {},
      1,
    )
    const [, producer] = tasks
    if (producer === undefined) throw new Error('no producer')
    await master.until(() => (master.metrics.get(producer)?.backPressuredMs ?? 0) > 0, 'back-pressure of the producer')
    // 8 batches of 1024 rows queued at the producer, 10 credits' worth under way, 4096 rows in the sink: a third of all is a generous bound.
    expect(master.metrics.get(producer)?.recordsOut)
      .to.be.greaterThan(0)
      .and.lessThan(total / 2)
    closed = false
    for (const each of open) each()
    await master.until(() => tasks.every((task) => master.last(task)?.state === 'FINISHED'), 'FINISHED')
    expect(rows).to.equal(total)
    master.onOperatorRequest = master.keepRows
  })

  for (const [what, killed, attempt] of [
    ['producer', 2, 2],
    ['consumer', 3, 3],
  ] as const) {
    it(`fail when the TaskManager of their ${what} disappears, naming its address`, async () => {
      const [from, to] = what === 'producer' ? [slot(killed), slot(0)] : [slot(0), slot(killed)]
      const [consumer, producer] = await deploy(twoVertices(ENDLESS, COLLECT, from, to), HASH_EDGE, {}, attempt)
      const survivor = (what === 'producer' ? consumer : producer) as ExecutionAttemptId
      master.rows.length = 0
      await master.until(() => master.rows.length > 0, 'rows')
      workers[killed]?.kill()
      await master.until(() => master.last(survivor)?.state === 'FAILED', 'FAILED')
      const error = master.last(survivor)?.error
      expect(error).to.deep.include({ code: 'NETWORK_CONNECTION_LOST' })
      expect(error?.message)
        .to.contain('127.0.0.1:')
        .and.to.contain(`TaskManager worker-${killed + 1}, slot 0`)
    })
  }
})

describe('a TaskExecutor in trouble', function () {
  this.timeout(30_000)
  let master: ScriptedMaster
  beforeEach(() => {
    master = new ScriptedMaster()
  })
  afterEach(() => master.close())

  it('fails the tasks of a slot whose thread runs out of memory, replaces the thread and goes on', async () => {
    const worker = await master.startEmbedded(1, {}, minimumProcessBytes(1)).registered
    await allocateAll(worker)
    // More literal rows than the smallest heap can hold.
    const huge: OperatorSpec = { op: 'values', schema: input, rows: Array.from({ length: 40_000 }, (_, i) => [`${i}`.padEnd(600, '.'), i]) }
    const [task] = await deploy(
      [
        {
          operators: [
            { spec: huge, output: input },
            { spec: BLACKHOLE, output: input },
          ],
          slots: [{ worker, slotIndex: 0 }],
        },
      ],
      [],
    )
    await master.until(() => task !== undefined && master.last(task)?.state === 'FAILED', 'FAILED')
    expect(task !== undefined && master.last(task)?.error).to.deep.include({ code: 'SLOT_OUT_OF_MEMORY' })
    await runCountingJob(master, [{ worker, slotIndex: 0 }], [{ worker, slotIndex: 0 }], 1)
  })

  it('ends when the master is lost and none follows', async () => {
    const { registered, ended } = master.startEmbedded(1)
    const worker = await registered
    await allocateAll(worker)
    await deploy(
      [
        {
          operators: [
            { spec: ENDLESS, output: input },
            { spec: BLACKHOLE, output: input },
          ],
          slots: [{ worker, slotIndex: 0 }],
        },
      ],
      [],
    )
    master.dropConnections()
    expect(await ended).to.equal(0)
  })
})
