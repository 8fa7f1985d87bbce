import type { OperatorSpec } from '#core/graph/operator-spec.js'
import { operatorTest } from '../../../operators/harness.js'

const SORT: OperatorSpec = {
  op: 'temporal-sort',
  keys: [
    { column: 0, ascending: true, nullsFirst: true },
    { column: 1, ascending: false, nullsFirst: false },
  ],
}
const SCHEMA = 'ts TIMESTAMP(3), v INT, s STRING'
const at = (ms: number): string => `'1970-01-01 00:00:00.${String(ms).padStart(3, '0')}'`

describe('TemporalSortOperator', () => {
  it('emits rows by time, the other keys and arrival, when the watermark has passed them', () =>
    operatorTest(SORT, SCHEMA, SCHEMA).input(`+I ${at(7)} 1 a
              +I ${at(3)} 1 b
              +I ${at(7)} 2 c
              +I ${at(7)} NULL d
              +I ${at(7)} 2 e
              watermark 6
              +I ${at(5)} 4 f
              watermark 7
              +I ${at(9)} 1 g`).output(`+I ${at(3)} 1 b
               watermark 6
               +I ${at(5)} 4 f
               +I ${at(7)} 2 c
               +I ${at(7)} 2 e
               +I ${at(7)} 1 a
               +I ${at(7)} NULL d
               watermark 7
               +I ${at(9)} 1 g`))

  it('drops and counts what is not later than the last row that came out', () =>
    operatorTest(SORT, SCHEMA, SCHEMA)
      .input(
        `+I ${at(3)} 1 a
         watermark 10
         +I ${at(3)} 1 b
         +I ${at(2)} 1 c
         +I ${at(4)} 1 d`,
      )
      .output(
        `+I ${at(3)} 1 a
         +I ${at(4)} 1 d`,
        2,
      ))

  it('fails on a rowtime that is NULL, naming the column', () =>
    operatorTest(SORT, SCHEMA, SCHEMA)
      .input('+I NULL 1 a')
      .fails('ROWTIME_IS_NULL', /RowTime field should not be null.*'ts'/))
})
