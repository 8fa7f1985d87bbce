import { expect } from 'chai'
import type { Expression } from '#core/graph/expression.js'
import { BIGINT, BOOLEAN, decimal, INT, STRING, timestamp } from '#core/types/logical-type.js'
import { schema } from '#core/types/schema.js'
import { operatorTest } from '../../../operators/harness.js'
import { INTERRUPTIONS } from '../../../operators/interruptions.js'
import { runOperator } from '../../../operators/run.js'

const input = (index: number, type = INT): Expression => ({ kind: 'input', index, type })
const literal = (value: string | number, type = INT): Expression => ({ kind: 'literal', value, type })

describe('CalcOperator', () => {
  it('keeps rows whose condition is TRUE (not NULL) and projects; row kinds stay', () =>
    operatorTest(
      {
        op: 'calc',
        condition: { kind: 'call', name: '>', type: BOOLEAN, args: [input(1), literal(10)] },
        projection: [{ kind: 'call', name: '+', type: INT, args: [input(1), literal(1)] }, input(0, STRING)],
      },
      'item STRING, price INT',
      'next INT, item STRING',
    ).input(`+I a 12
              +I b NULL
              -U a 10
              +U c 11
              watermark 3
              -D d 99`).output(`+I 13 a
               +U 12 c
               watermark 3
               -D 100 d`))
})

describe('UnionOperator', () => {
  it('passes the rows of all inputs', () =>
    operatorTest({ op: 'union' }, ['a INT', 'b INT', 'c INT'], 'x INT').input(`2: +I 1
              0: -D 2
              watermark 5
              1: +I NULL`).output(`+I 1
               -D 2
               watermark 5
               +I NULL`))
})

describe('ValuesSource', () => {
  it('emits its literal rows and ends', () =>
    operatorTest(
      {
        op: 'values',
        schema: schema(
          ['i', INT],
          ['l', BIGINT],
          ['s', STRING],
          ['d', decimal(10, 2)],
          ['w', decimal(30, 1)],
          ['b', BOOLEAN],
          ['t', timestamp(3)],
        ),
        rows: [
          [1, '9223372036854775807', 'x', '-150', '123456789012345678901', true, '1500'],
          [null, null, null, null, null, null, null],
        ],
      },
      [],
      'i INT, l BIGINT, s STRING, d DECIMAL(10, 2), w DECIMAL(30, 1), b BOOLEAN, t TIMESTAMP(3)',
    ).output(`+I 1 9223372036854775807 x -1.50 12345678901234567890.1 TRUE '1970-01-01 00:00:01.500'
              +I NULL NULL NULL NULL NULL NULL NULL`))

  it('emits more rows than a batch holds', async () => {
    const rows = Array.from({ length: 2500 }, (_, i) => [i])
    const subject = { spec: { op: 'values', schema: schema(['i', INT]), rows }, inputs: [], output: schema(['i', INT]) } as const
    for (const interruption of INTERRUPTIONS) {
      const result = await runOperator(subject, [], 'one', interruption)
      expect(result.rows.map((row) => row.values[0])).to.deep.equal(rows.map((row) => row[0]))
    }
  })
})

describe('WindowTableFunctionOperator', () => {
  const tumble = { op: 'window-table-function', window: { kind: 'tumble', sizeMs: 5000, offsetMs: 0 }, timeColumn: 1 } as const

  it('appends window_start, window_end and window_time', () =>
    operatorTest(tumble, 'k STRING, ts TIMESTAMP(3)', 'k STRING, ts TIMESTAMP(3), s TIMESTAMP(3), e TIMESTAMP(3), t TIMESTAMP(3)')
      .input(`+I a '1970-01-01 00:00:04.999'
              +I b '1970-01-01 00:00:05.000'
              +I c '1969-12-31 23:59:59.999'`)
      .output(`+I a '1970-01-01 00:00:04.999' '1970-01-01 00:00:00.000' '1970-01-01 00:00:05.000' '1970-01-01 00:00:04.999'
               +I b '1970-01-01 00:00:05.000' '1970-01-01 00:00:05.000' '1970-01-01 00:00:10.000' '1970-01-01 00:00:09.999'
               +I c '1969-12-31 23:59:59.999' '1969-12-31 23:59:55.000' '1970-01-01 00:00:00.000' '1969-12-31 23:59:59.999'`))

  it('fails on a rowtime that is NULL', () =>
    operatorTest(tumble, 'k STRING, ts TIMESTAMP(3)', 'k STRING, ts TIMESTAMP(3), s TIMESTAMP(3), e TIMESTAMP(3), t TIMESTAMP(3)')
      .input('+I a NULL')
      .fails('ROWTIME_IS_NULL', /'ts' is NULL/))
})

describe('WatermarkOperator', () => {
  const watermark = (idleTimeoutMs = 0) =>
    ({ op: 'watermark', expression: input(1, timestamp(3)), rowtimeColumn: 1, idleTimeoutMs }) as const
  const SCHEMA = 'k STRING, ts TIMESTAMP(3)'

  it('emits the highest value so far after the rows, and only when it rises', () =>
    operatorTest(watermark(), SCHEMA, SCHEMA).batching('rows').input(`+I a '1970-01-01 00:00:04.000'
              +I b '1970-01-01 00:00:02.000'
              watermark 999999
              +I c '1970-01-01 00:00:06.000'`).output(`+I a '1970-01-01 00:00:04.000'
               watermark 4000
               +I b '1970-01-01 00:00:02.000'
               +I c '1970-01-01 00:00:06.000'
               watermark 6000`))

  it('told so, behind each row that raises it, however the rows come', () =>
    operatorTest({ ...watermark(), eachRow: true }, SCHEMA, SCHEMA).input(`+I a '1970-01-01 00:00:04.000'
              +I b '1970-01-01 00:00:02.000'
              -U c '1970-01-01 00:00:06.000'
              +U d '1970-01-01 00:00:05.000'`).output(`+I a '1970-01-01 00:00:04.000'
               watermark 4000
               +I b '1970-01-01 00:00:02.000'
               -U c '1970-01-01 00:00:06.000'
               watermark 6000
               +U d '1970-01-01 00:00:05.000'`))

  it('one watermark for a batch', () =>
    operatorTest(watermark(), SCHEMA, SCHEMA).batching('one', 'selected', 'wire').input(`+I a '1970-01-01 00:00:04.000'
              +I b '1970-01-01 00:00:02.000'`).output(`+I a '1970-01-01 00:00:04.000'
               +I b '1970-01-01 00:00:02.000'
               watermark 4000`))

  it('fails on a rowtime that is NULL', () =>
    operatorTest(watermark(), SCHEMA, SCHEMA)
      .input('+I a NULL')
      .fails('ROWTIME_IS_NULL', /'ts' is NULL/))

  it('is idle after the timeout without rows, active with the next row', () =>
    operatorTest(watermark(1000), SCHEMA, SCHEMA).input(`+I a '1970-01-01 00:00:04.000'
              wait 900
              +I b '1970-01-01 00:00:01.000'
              wait 900
              wait 200
              wait 5000
              +I c '1970-01-01 00:00:05.000'`).output(`+I a '1970-01-01 00:00:04.000'
               watermark 4000
               +I b '1970-01-01 00:00:01.000'
               idle true
               idle false
               +I c '1970-01-01 00:00:05.000'
               watermark 5000`))
})
