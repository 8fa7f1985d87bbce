import { expect } from 'chai'
import type { AggregateCall, OperatorSpec } from '#core/graph/operator-spec.js'
import { virtualEnvironment } from '#core/time/virtual-environment.js'
import { BIGINT, INT, notNull, timestamp } from '#core/types/logical-type.js'
import { createOperator } from '#runtime/operators/factory.js'
import type { Operator } from '#runtime/operators/operator.js'
import type { KeyedRows, RestoredRows } from '#runtime/state/snapshot.js'
import { operatorContext } from '../../../operators/player.js'
import { parseRow, rowsOf, schemaOf } from '../../../operators/rows.js'
import { batchOf, type Subject } from '../../../operators/run.js'

const COUNT: AggregateCall = { function: 'COUNT', args: [], distinct: false, type: notNull(BIGINT) }
const MIN: AggregateCall = { function: 'MIN', args: [1], distinct: false, type: INT }
const DISTINCT: AggregateCall = { function: 'COUNT', args: [1], distinct: true, type: notNull(BIGINT) }

/** A running operator; `table: rows + removed` of each snapshot. */
class Probe {
  readonly #subject: Subject
  readonly #operator: Operator
  #checkpoints = 0

  constructor(spec: OperatorSpec, inputs: readonly string[], output: string) {
    this.#subject = { spec, inputs: inputs.map(schemaOf), output: schemaOf(output) }
    this.#operator = createOperator(spec, this.#subject.inputs, this.#subject.output) as Operator
    const context = operatorContext(this.#subject, virtualEnvironment(), 0, 1, () => undefined)
    void this.#operator.open?.(context, { collect: () => undefined, emitWatermark: () => undefined })
  }

  play(script: string, input = 0): void {
    const schema = this.#subject.inputs[input] as Subject['output']
    const rows = script.split('\n').map((line) => parseRow(line.trim(), schema))
    void this.#operator.processBatch(batchOf(schema, rows), input)
  }

  watermark(watermark: number): void {
    void this.#operator.processWatermark(watermark)
  }

  /** A full snapshot's rows; the action comes before they are read. */
  rows(action: () => void): KeyedRows[] {
    const keyed = this.#operator.snapshotState?.({ checkpointId: ++this.#checkpoints, full: true })?.keyed
    action()
    const parts: KeyedRows[] = []
    for (let rows = keyed?.next(); rows !== undefined; rows = keyed?.next()) parts.push(rows)
    return parts
  }

  /** What it holds; complete at once. */
  snapshot(full = false): string[] {
    const checkpointId = ++this.#checkpoints
    const keyed = this.#operator.snapshotState?.({ checkpointId, full })?.keyed
    const counts = new Map((this.#operator.stateTables?.() ?? []).map(({ name }) => [name, [0, 0] as [number, number]]))
    for (let rows = keyed?.next(); rows !== undefined; rows = keyed?.next()) {
      const count = counts.get(rows.table) as [number, number]
      count[0] += rows.ids.length
      count[1] += rows.removed.length
    }
    this.#operator.checkpointComplete?.(checkpointId)
    return [...counts].map(([name, [rows, removed]]) => `${name}: ${rows} + ${removed}`)
  }
}

describe('Snapshots of operators', () => {
  it('group-aggregate: groups and values that changed, and those that are gone', () => {
    const spec: OperatorSpec = { op: 'group-aggregate', keys: [0], calls: [COUNT, MIN, DISTINCT], retractInput: true, output: 'changelog' }
    const probe = new Probe(spec, ['k STRING, v INT'], 'k STRING, n BIGINT, m INT, d BIGINT')
    probe.play('+I a 1\n+I a 2\n+I b 1\n-D x 1')
    expect(probe.snapshot()).to.deep.equal(['groups: 2 + 0', 'values1: 3 + 0', 'values2: 3 + 0'])
    expect(probe.snapshot()).to.deep.equal(['groups: 0 + 0', 'values1: 0 + 0', 'values2: 0 + 0'])
    probe.play('+I a 2')
    expect(probe.snapshot()).to.deep.equal(['groups: 1 + 0', 'values1: 1 + 0', 'values2: 1 + 0'])
    probe.play('-D b 1\n-D a 1')
    expect(probe.snapshot()).to.deep.equal(['groups: 1 + 1', 'values1: 0 + 2', 'values2: 0 + 2'])
    expect(probe.snapshot(true)).to.deep.equal(['groups: 1 + 0', 'values1: 1 + 0', 'values2: 1 + 0'])
  })

  it('window-aggregate: a window that has fired is gone', () => {
    const window = { kind: 'tumble', sizeMs: 1000, offsetMs: 0 } as const
    const distinct: AggregateCall = { ...DISTINCT, args: [2] }
    const spec: OperatorSpec = {
      op: 'window-aggregate',
      window,
      timeColumn: 0,
      keys: [1],
      calls: [COUNT, distinct],
      emit: ['window_start'],
    }
    const probe = new Probe(spec, ['ts TIMESTAMP(3), k STRING, v INT'], 'k STRING, n BIGINT, d BIGINT, s TIMESTAMP(3)')
    probe.play("+I '1970-01-01 00:00:00.100' a 1\n+I '1970-01-01 00:00:00.200' b 1\n+I '1970-01-01 00:00:01.000' a 1")
    expect(probe.snapshot()).to.deep.equal(['groups: 3 + 0', 'values1: 3 + 0'])
    probe.watermark(999)
    expect(probe.snapshot()).to.deep.equal(['groups: 0 + 2', 'values1: 0 + 2'])
    probe.play("+I '1970-01-01 00:00:01.000' a 1\n+I '1970-01-01 00:00:02.000' c 1")
    expect(probe.snapshot()).to.deep.equal(['groups: 2 + 0', 'values1: 2 + 0'])
    expect(probe.snapshot(true)).to.deep.equal(['groups: 2 + 0', 'values1: 2 + 0'])
  })

  it('window-aggregate: windows that fire while they are read have all their rows, and values know their groups', () => {
    const window = { kind: 'tumble', sizeMs: 1000, offsetMs: 0 } as const
    const calls: AggregateCall[] = [{ ...DISTINCT, args: [2] }]
    const spec: OperatorSpec = { op: 'window-aggregate', window, timeColumn: 0, keys: [1], calls, emit: ['window_start'] }
    const probe = new Probe(spec, ['ts TIMESTAMP(3), k STRING, v INT'], 'k STRING, d BIGINT, s TIMESTAMP(3)')
    probe.play("+I '1970-01-01 00:00:00.000' a 1\n+I '1970-01-01 00:00:01.000' b 2\n+I '1970-01-01 00:00:01.000' a 3")
    const rows = probe.rows(() => probe.watermark(1999))
    const text = (table: string, columns: readonly number[]): string[] =>
      rows
        .filter((part) => part.table === table)
        .flatMap(({ batch, ids }) =>
          rowsOf(batch).map(({ values }, row) => [`${ids[row]}`, ...columns.map((column) => `${values[column]}`)].join(' ')),
        )
    const groups = new Map(text('groups', [0, 1]).map((line) => line.split(/ (.*)/) as [string, string]))
    const values = text('values0', [1, 0, 2]).map((line) => {
      const [, group, ...rest] = line.split(' ') as [string, string, ...string[]]
      return `${groups.get(group)}: ${rest.join(' ')}`
    })
    expect([...groups.values()].sort()).to.deep.equal(['0 a', '1000 a', '1000 b'])
    expect(values.sort()).to.deep.equal(['0 a: 0 1', '1000 a: 1000 3', '1000 b: 1000 2'])
  })

  it('join: rows of both sides; a pair changes neither', () => {
    const spec: OperatorSpec = { op: 'join', joinType: 'inner', leftKeys: [0], rightKeys: [0] }
    const probe = new Probe(spec, ['k STRING, v INT', 'j STRING, w INT'], 'k STRING, v INT, j STRING, w INT')
    probe.play('+I a 1\n+I a 2\n+I NULL 3')
    expect(probe.snapshot()).to.deep.equal(['left: 2 + 0', 'right: 0 + 0'])
    probe.play('+I a 1\n+I b 1', 1)
    expect(probe.snapshot()).to.deep.equal(['left: 0 + 0', 'right: 2 + 0'])
    probe.play('-D a 1\n+I a 2\n+I a 4')
    expect(probe.snapshot(), 'the new row has the place of the one that is gone').to.deep.equal(['left: 2 + 0', 'right: 0 + 0'])
    probe.play('-D a 4')
    expect(probe.snapshot()).to.deep.equal(['left: 0 + 1', 'right: 0 + 0'])
  })

  it('sort-limit: what cannot come back is not kept', () => {
    const spec: OperatorSpec = {
      op: 'sort-limit',
      keys: [{ column: 0, ascending: true, nullsFirst: true }],
      limit: 2,
      offset: 0,
      output: 'changelog',
      retractInput: false,
    }
    const probe = new Probe(spec, ['v INT'], 'v INT')
    probe.play('+I 5\n+I 7\n+I 9')
    expect(probe.snapshot()).to.deep.equal(['rows: 2 + 0'])
    probe.play('+I 8')
    expect(probe.snapshot(), 'an id that was given and taken back').to.deep.equal(['rows: 0 + 1'])
    probe.play('+I 6')
    expect(probe.snapshot()).to.deep.equal(['rows: 1 + 1'])
  })

  it('watermark: a subtask goes on with its own, or with the lowest where the parallelism has changed', async () => {
    const spec: OperatorSpec = {
      op: 'watermark',
      expression: { kind: 'input', index: 0, type: timestamp(3) },
      rowtimeColumn: 0,
      idleTimeoutMs: 0,
    }
    const subject: Subject = { spec, inputs: [schemaOf('ts TIMESTAMP(3)')], output: schemaOf('ts TIMESTAMP(3)') }
    const items: unknown[] = []
    const environment = virtualEnvironment()
    const start = async (subtask: number, parallelism: number, restored: boolean) => {
      const operator = createOperator(spec, subject.inputs, subject.output) as Operator
      const watermarks: number[] = []
      const output = { collect: () => undefined, emitWatermark: (value: number) => void watermarks.push(value) }
      await operator.open?.(
        operatorContext(subject, environment, subtask, parallelism, () => undefined),
        output,
      )
      if (restored) await operator.restoreState?.({ keyed: noRows(), lists: { watermark: items } })
      environment.advance(0)
      return { operator, watermarks }
    }
    for (const subtask of [0, 1]) {
      const { operator } = await start(subtask, 2, false)
      void operator.processBatch(batchOf(subject.output, [{ kind: 0, values: [BigInt(4000 + 1000 * subtask)] }]), 0)
      items.push(...(operator.snapshotState?.({ checkpointId: 1, full: true })?.lists?.['watermark']?.items ?? []))
    }
    expect((await start(0, 2, true)).watermarks).to.deep.equal([4000])
    expect((await start(1, 2, true)).watermarks).to.deep.equal([5000])
    for (const subtask of [0, 1, 2]) expect((await start(subtask, 3, true)).watermarks).to.deep.equal([4000])
    const { operator, watermarks } = await start(1, 2, true)
    for (const time of [4500n, 5500n]) void operator.processBatch(batchOf(subject.output, [{ kind: 0, values: [time] }]), 0)
    expect(watermarks).to.deep.equal([5000, 5500])
  })
})

async function* noRows(): AsyncGenerator<RestoredRows> {
  // Lists only.
}
