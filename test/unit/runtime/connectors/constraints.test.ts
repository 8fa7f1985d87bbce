import { expect } from 'chai'
import { array, BIGINT, map, notNull, STRING, type LogicalType, type Value } from '#core/types/logical-type.js'
import { arrayElements, arrayValue, mapValue, rowFields, rowValue } from '#runtime/columnar/nested-value.js'
import { constraintOf, DROPPED } from '#runtime/connectors/constraints.js'
import { constraintProblem } from '#sql/translate/sink-constraints.js'

const char = (length: number): LogicalType => ({ kind: 'VARCHAR', length, fixed: true, nullable: true })
const varchar = (length: number): LogicalType => ({ kind: 'VARCHAR', length, nullable: true })
const binary = (length: number): LogicalType => ({ kind: 'BYTES', length, fixed: true, nullable: true })
const varbinary = (length: number): LogicalType => ({ kind: 'BYTES', length, nullable: true })
const row = (...types: LogicalType[]): Extract<LogicalType, { kind: 'ROW' }> => ({
  kind: 'ROW',
  fields: types.map((type, i) => ({ name: `f${i}`, type })),
  nullable: true,
})

type Settings = Parameters<typeof constraintOf>[2]
const settings = (more: Partial<Settings>): Settings => ({ notNullEnforcer: 'ERROR', tableName: 't', ...more })

function checked(type: LogicalType, value: Exclude<Value, null>, more: Partial<Settings>): Value | typeof DROPPED {
  const constraint = constraintOf(type, 'c', settings(more))
  return constraint === undefined ? value : constraint(value, 'c')
}

describe('constraints of a sink', () => {
  it('are none unless they are asked for', () => {
    for (const type of [char(3), varchar(3), binary(3), row(char(3)), array(notNull(BIGINT))])
      expect(constraintOf(type, 'c', settings({}))).to.equal(undefined)
    expect(constraintOf(STRING, 'c', settings({ lengthEnforcer: 'ERROR' }))).to.equal(undefined)
  })

  it('cut and fill up texts and bytes', () => {
    const trim = { lengthEnforcer: 'TRIM_PAD' } as const
    expect(checked(char(3), 'a', trim)).to.equal('a  ')
    expect(checked(char(3), 'abcd', trim)).to.equal('abc')
    expect(checked(varchar(3), 'a', trim)).to.equal('a')
    expect(checked(varchar(2), 'a😀b', trim)).to.equal('a😀')
    expect(checked(binary(3), '\x01', trim)).to.equal('\x01\0\0')
    expect(checked(varbinary(1), '\x01\x02', trim)).to.equal('\x01')
  })

  it('refuse wrong lengths, naming the way to the value', () => {
    const strict = { lengthEnforcer: 'ERROR', nestedEnforcer: 'ROWS_AND_COLLECTIONS' } as const
    expect(checked(char(2), 'ab', strict)).to.equal('ab')
    expect(() => checked(char(2), 'a', strict)).to.throw("Column 'c' is CHAR(2), however, a string of length 1 is being written into it.")
    const inner = row(varchar(2))
    const list = row(array(inner))
    const value = rowValue([arrayValue([rowValue(['ab'], inner.fields), rowValue(['abc'], inner.fields)], inner)], list.fields)
    expect(() => checked(list, value, strict)).to.throw("Column 'c.f0[1].f0' is VARCHAR(2), however, a string of length 3")
    const keyed = map(binary(2), STRING)
    expect(() => checked(keyed, mapValue([['\x01', 'x']], keyed.key, STRING), strict)).to.throw("Column 'c[key]' is BINARY(2)")
  })

  it('look for NULLs inside of values', () => {
    const type = row(array(notNull(BIGINT)))
    const value = rowValue([arrayValue([1n, null], BIGINT)], type.fields)
    const nested = { nestedEnforcer: 'ROWS_AND_COLLECTIONS' } as const
    expect(() => checked(type, value, nested)).to.throw(
      "Column 'c.f0[1]' is NOT NULL, however, a null value is being written into it. You can set",
    )
    expect(checked(type, value, { ...nested, notNullEnforcer: 'DROP' })).to.equal(DROPPED)
    expect(checked(type, value, { nestedEnforcer: 'ROWS' })).to.equal(value)
    const pair = row(notNull(BIGINT))
    expect(checked(pair, rowValue([null], pair.fields), { nestedEnforcer: 'ROWS', notNullEnforcer: 'DROP' })).to.equal(DROPPED)
  })

  it('keep what is right, and change only what is asked for', () => {
    const type = row(char(2), array(char(2)))
    const value = rowValue(['a', arrayValue(['b'], char(2))], type.fields)
    const after = checked(type, value, { lengthEnforcer: 'TRIM_PAD', nestedEnforcer: 'ROWS' })
    const [first, second] = rowFields(after as string, type.fields)
    expect(first).to.equal('a ')
    expect(arrayElements(second as string, char(2))).to.deep.equal(['b'])
  })

  it('cannot cut inside of collections', () => {
    const both = { lengthEnforcer: 'TRIM_PAD', nestedEnforcer: 'ROWS_AND_COLLECTIONS' } as const
    expect(constraintProblem(row(array(char(2))), both)).to.contain('Trimming and/or padding is not supported')
    expect(constraintProblem(row(char(2)), both)).to.equal(undefined)
    expect(constraintProblem(row(array(char(2))), { ...both, nestedEnforcer: 'ROWS' })).to.equal(undefined)
  })
})
