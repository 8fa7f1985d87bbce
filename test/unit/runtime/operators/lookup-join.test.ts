import { expect } from 'chai'
import type { SpecOf } from '#core/graph/operator-spec.js'
import { BOOLEAN, INT, notNull, STRING, type LogicalType } from '#core/types/logical-type.js'
import { LookupJoinOperator } from '#runtime/operators/join/lookup-join.js'
import { OperatorTest } from '../../../operators/harness.js'
import { parseRow, schemaOf } from '../../../operators/rows.js'
import { batchOf } from '../../../operators/run.js'

const ORDERS = schemaOf('k STRING, v INT')
const TABLE = schemaOf('j STRING, w INT')
const PAIRS = schemaOf('k STRING, v INT, j STRING, w INT')
const ROWS = ['+I a 1', '+I b 2', '+I a 3', '+I NULL 4'].map((row) => parseRow(row, TABLE))

const column = (index: number, type: LogicalType = INT) => ({ kind: 'input' as const, index, type })
const call = (name: string, ...args: ReturnType<typeof column>[]) => ({ kind: 'call' as const, name, type: BOOLEAN, args })

function lookup(joinType: 'inner' | 'left', more: Partial<SpecOf<'lookup-join'>> = {}): OperatorTest {
  const spec: SpecOf<'lookup-join'> = {
    op: 'lookup-join',
    joinType,
    leftKeys: [0],
    rightKeys: [0],
    table: { op: 'source', connector: 'x', tableName: 't', options: {}, schema: TABLE, projection: [0, 1], bounded: true },
    calcs: [],
    rows: TABLE,
    ...more,
  }
  async function* read() {
    yield batchOf(TABLE, ROWS.slice(0, 2))
    yield batchOf(TABLE, ROWS.slice(2))
  }
  const create = (): LookupJoinOperator => new LookupJoinOperator(spec, ORDERS, PAIRS, read)
  return new OperatorTest({ spec, inputs: [ORDERS], output: PAIRS, create })
}

describe('LookupJoinOperator', () => {
  it('joins each row with the rows of the table; NULL equals nothing', () =>
    lookup('inner').input(`+I a 7
                           +I c 8
                           +I NULL 9
                           watermark 5
                           +I b 10`).output(`+I a 7 a 1
                           +I a 7 a 3
                           watermark 5
                           +I b 10 b 2`))

  it('LEFT: NULLs where nothing matches, in the order of the rows', () =>
    lookup('left').input(`+I c 8
                          +I a 7
                          +I NULL 9`).output(`+I c 8 NULL NULL
                          +I a 7 a 1
                          +I a 7 a 3
                          +I NULL 9 NULL NULL`))

  it('takes back what it has joined', () =>
    lookup('left').input(`+I a 7
                          -U a 7
                          +U b 7
                          -D b 7`).output(`+I a 7 a 1
                          +I a 7 a 3
                          -U a 7 a 1
                          -U a 7 a 3
                          +U b 7 b 2
                          -D b 7 b 2`))

  it('applies the rest of the condition to the pairs', () =>
    lookup('left', { condition: call('<', column(1), column(3)) }).input(`+I a 2
                          +I a 5`).output(`+I a 2 a 3
                          +I a 5 NULL NULL`))

  it('prepares the rows of the table', () =>
    lookup('inner', {
      calcs: [
        {
          condition: call('IS NOT NULL', column(0, STRING)),
          projection: [column(1), column(0, STRING)],
          output: schemaOf('w INT, j STRING'),
        },
        {
          condition: call('<', column(0), { kind: 'literal', value: 3, type: notNull(INT) } as never),
          projection: [column(1, STRING), column(0)],
          output: TABLE,
        },
      ],
    })
      .input('+I a 7')
      .output('+I a 7 a 1'))

  it('fails when its table cannot be read', async () => {
    const spec = { joinType: 'inner', leftKeys: [], rightKeys: [], rows: TABLE, calcs: [], table: { schema: TABLE, projection: [0, 1] } }
    async function* read() {
      yield batchOf(TABLE, [])
      throw new Error('no such file')
    }
    const create = (): LookupJoinOperator => new LookupJoinOperator(spec as unknown as SpecOf<'lookup-join'>, ORDERS, PAIRS, read)
    const test = new OperatorTest({ spec: { op: 'union' }, inputs: [ORDERS], output: PAIRS, create })
    await test.input('+I a 1').fails('no such file', /no such file/)
    expect(ROWS).to.have.length(4)
  })
})
