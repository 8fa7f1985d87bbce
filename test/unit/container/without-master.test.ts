/** Tasks while no master is there: they run on, and the next master hears what became of them. */
import { expect } from 'chai'
import type { OperatorSpec } from '#core/graph/operator-spec.js'
import type { ExecutionAttemptId } from '#core/ids/ids.js'
import { HASH_EDGE, input } from './counting-job.js'
import { deploy } from './deploy.js'
import { allocateAll, allocationOf, JOB, ScriptedMaster, type Registered, type TestWorker } from './scripted-master.js'

const ENDLESS: OperatorSpec = {
  op: 'source',
  connector: 'datagen',
  tableName: 't',
  options: { 'rows-per-second': '1000' },
  schema: input,
  projection: input.fields.map((_, i) => i),
  bounded: false,
}
const COLLECT: OperatorSpec = { op: 'collect', schema: input }

describe('tasks without a master', function () {
  this.timeout(30_000)
  let master: ScriptedMaster
  let process_: TestWorker
  let worker: Registered
  beforeEach(async () => {
    master = new ScriptedMaster()
    process_ = master.startFollowed(1)
    worker = await process_.registered
    await allocateAll(worker)
  })
  afterEach(async () => {
    await worker.gateway.shutdown({ reason: 'test' })
    await process_.ended
    await master.close()
  })

  const start = (source: OperatorSpec) => {
    const slots = [{ worker, slotIndex: 0 }]
    const vertices = [source, COLLECT].map((spec) => ({ operators: [{ spec, output: input }], slots }))
    return deploy(vertices, HASH_EDGE) as Promise<[ExecutionAttemptId, ExecutionAttemptId]>
  }
  const lose = async (meanwhile: () => Promise<unknown> = async () => undefined) => {
    master.leads = false
    master.dropConnections()
    await meanwhile()
    master.epoch++
    worker = await followed()
  }
  const followed = () => {
    const again = master.expect(worker.resourceId)
    master.leads = true
    return again
  }
  const adopt = (executionAttemptIds: ExecutionAttemptId[], checkpointId: number | null = null) =>
    worker.gateway.adoptTasks({ jobId: JOB, executionAttemptIds, checkpointId, upTo: 5 })

  it('run on, are told of at the next registration, and go on as they are', async () => {
    const tasks = await start(ENDLESS)
    await master.until(() => master.rows.length > 0, 'rows')
    await lose()
    const told = master.registrations.at(-1)
    expect(told?.tasks?.map(({ executionAttemptId, state }) => [executionAttemptId, state])).to.have.deep.members(
      tasks.map((task) => [task, 'RUNNING']),
    )
    expect(told?.slotReport).to.deep.equal([{ slotIndex: 0, allocationId: allocationOf(worker.resourceId, 0), jobId: JOB }])
    const before = master.rows.length
    expect(await adopt(tasks)).to.deep.equal({ running: told?.tasks?.map(({ executionAttemptId }) => executionAttemptId), ended: [] })
    await master.until(() => master.rows.length > before, 'more rows')
    for (const task of tasks) expect(master.states(task)).to.deep.equal(['INITIALIZING', 'RUNNING'])
    await worker.gateway.cancelTask({ executionAttemptId: tasks[1] })
    await master.until(() => master.last(tasks[1])?.state === 'CANCELED', 'CANCELED')
  })

  it('ask the next master what the one before did not answer, once it knows them', async () => {
    let asked = 0
    master.onOperatorRequest = async () => {
      asked++
      return new Promise(() => undefined)
    }
    const tasks = await start(ENDLESS)
    await master.until(() => asked > 0, 'a request')
    master.onOperatorRequest = master.keepRows
    await lose()
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(master.rows, 'not before').to.deep.equal([])
    await adopt(tasks)
    await master.until(() => master.rows.length > 0, 'rows')
  })

  it('end when the next master does not go on with them, and it hears so', async () => {
    const tasks = await start(ENDLESS)
    await master.until(() => master.rows.length > 0, 'rows')
    await lose()
    expect(await adopt([])).to.deep.equal({ running: [], ended: [] })
    await master.until(() => tasks.every((task) => master.last(task)?.state === 'CANCELED'), 'CANCELED')
  })

  it('tell what they came to meanwhile, when the next master knows them', async () => {
    const tasks = await start({ ...ENDLESS, options: { 'rows-per-second': '100', 'number-of-rows': '40' }, bounded: true } as OperatorSpec)
    await master.until(() => master.rows.length > 0, 'rows')
    // Its source reaches its end while no master is there.
    await lose(() => new Promise((resolve) => setTimeout(resolve, 1_000)))
    const told = new Map(master.registrations.at(-1)?.tasks?.map(({ executionAttemptId, state }) => [executionAttemptId, state]))
    expect([...told.keys()]).to.have.members(tasks)
    for (const task of tasks) expect(master.states(task), 'nothing is told before').to.deep.equal(['INITIALIZING', 'RUNNING'])
    await adopt(tasks)
    await master.until(() => tasks.every((task) => master.last(task)?.state === 'FINISHED'), 'FINISHED')
    expect(master.rows.length).to.be.at.least(40)
  })

  it('end with their slot when the next master frees it', async () => {
    const tasks = await start(ENDLESS)
    await master.until(() => master.rows.length > 0, 'rows')
    await lose()
    await worker.gateway.freeSlot({ allocationId: allocationOf(worker.resourceId, 0), reason: 'nobody wants it' })
    expect(await adopt(tasks)).to.deep.equal({ running: [], ended: [] })
  })
})
