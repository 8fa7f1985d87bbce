import { expect } from 'chai'
import type { OperatorSpec } from '#core/graph/operator-spec.js'
import { BIGINT, INT, STRING } from '#core/types/logical-type.js'
import { schema } from '#core/types/schema.js'
import { deploy, type TestVertex } from './deploy.js'
import { allocateAll, ScriptedMaster, type Registered } from './scripted-master.js'

const input = schema(['item', STRING], ['amount', INT])
const counted = schema(['item', STRING], ['n', BIGINT])
const ITEMS = ['anchor', 'bell', 'cable', 'davit', 'engine']
const ROWS = 4_000
const values: OperatorSpec = { op: 'values', schema: input, rows: Array.from({ length: ROWS }, (_, i) => [ITEMS[i % ITEMS.length] as string, i]) }
const count: OperatorSpec = {
  op: 'group-aggregate',
  keys: [0],
  calls: [{ function: 'COUNT', args: [], distinct: false, type: BIGINT }],
  retractInput: false,
  output: 'final',
}
const collect: OperatorSpec = { op: 'collect', schema: counted }

type Place = { worker: Registered; slotIndex: number }
function countingJob(sources: readonly Place[], counters: readonly Place[]): TestVertex[] {
  return [
    { operators: [{ spec: values, output: input }], slots: sources },
    { operators: [{ spec: count, output: counted }, { spec: collect, output: counted }], slots: counters },
  ]
}
const HASH_EDGE = [{ from: 0, to: 1, partitioner: { kind: 'HASH', keys: [0] } as const }]
const EXPECTED = ITEMS.map((item) => `${item} ${ROWS / ITEMS.length}`)

async function run(master: ScriptedMaster, job: TestVertex[]): Promise<void> {
  const tasks = await deploy(job, HASH_EDGE)
  await master.until(() => tasks.every((task) => ['FINISHED', 'FAILED'].includes(master.last(task)?.state ?? '')), 'the end of all tasks')
  for (const task of tasks) expect(master.states(task), master.last(task)?.error?.message).to.deep.equal(['INITIALIZING', 'RUNNING', 'FINISHED'])
  expect(master.rows.map(({ cells }) => cells.join(' ')).sort()).to.deep.equal(EXPECTED)
}

describe('TaskExecutor', function () {
  this.timeout(30_000)
  let master: ScriptedMaster
  beforeEach(() => {
    master = new ScriptedMaster()
  })
  afterEach(() => master.close())

  it('runs two vertices in one slot', async () => {
    const { registered, ended } = master.startThread(1)
    const worker = await registered
    await allocateAll(worker)
    await run(master, countingJob([{ worker, slotIndex: 0 }], [{ worker, slotIndex: 0 }]))
    await worker.gateway.shutdown({ reason: 'test' })
    expect(await ended).to.equal(0)
  })
})
