/** A job of two vertices for tests: literal rows → HASH → count per item → collect. */
import { expect } from 'chai'
import type { OperatorSpec } from '#core/graph/operator-spec.js'
import { BIGINT, INT, STRING } from '#core/types/logical-type.js'
import { schema } from '#core/types/schema.js'
import { deploy, type TestEdge, type TestVertex } from './deploy.js'
import type { Registered, ScriptedMaster } from './scripted-master.js'

export const ROWS = 4_000
const ITEMS = ['anchor', 'bell', 'cable', 'davit', 'engine']
export const COUNTS = ITEMS.map((item) => `${item} ${ROWS / ITEMS.length}`)

export const input = schema(['item', STRING], ['amount', INT])
const counted = schema(['item', STRING], ['n', BIGINT])
export const values: OperatorSpec = {
  op: 'values',
  schema: input,
  rows: Array.from({ length: ROWS }, (_, i) => [ITEMS[i % ITEMS.length] as string, i]),
}
const count: OperatorSpec = {
  op: 'group-aggregate',
  keys: [0],
  calls: [{ function: 'COUNT', args: [], distinct: false, type: BIGINT }],
  retractInput: false,
  output: 'final',
}
export const HASH_EDGE: readonly TestEdge[] = [{ from: 0, to: 1, partitioner: { kind: 'HASH', keys: [0] } }]

export interface Place {
  readonly worker: Registered
  readonly slotIndex: number
}

export function countingJob(sources: readonly Place[], counters: readonly Place[]): TestVertex[] {
  return [
    { operators: [{ spec: values, output: input }], slots: sources },
    {
      operators: [
        { spec: count, output: counted },
        { spec: { op: 'collect', schema: counted }, output: counted },
      ],
      slots: counters,
    },
  ]
}

export async function runCountingJob(
  master: ScriptedMaster,
  sources: readonly Place[],
  counters: readonly Place[],
  attempt = 0,
): Promise<void> {
  master.rows.length = 0
  const tasks = await deploy(countingJob(sources, counters), HASH_EDGE, {}, attempt)
  await master.until(() => tasks.every((task) => ['FINISHED', 'FAILED'].includes(master.last(task)?.state ?? '')), 'the end of all tasks')
  for (const task of tasks)
    expect(master.states(task), master.last(task)?.error?.message).to.deep.equal(['INITIALIZING', 'RUNNING', 'FINISHED'])
  expect(master.rows.map(({ cells }) => cells.join(' ')).sort()).to.deep.equal(COUNTS)
}
