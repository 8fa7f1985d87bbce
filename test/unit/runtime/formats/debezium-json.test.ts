import { expect } from 'chai'
import { describe, it } from 'mocha'
import { BIGINT, STRING } from '#core/types/logical-type.js'
import { ROW_KIND_SYMBOLS } from '#core/types/row-kind.js'
import { schema } from '#core/types/schema.js'
import { BatchBuilder } from '#runtime/columnar/batch-builder.js'
import type { Batch } from '#runtime/columnar/batch.js'
import { readValue } from '#runtime/columnar/value.js'
import { RowProblem } from '#runtime/formats/format.js'
import { findFormat } from '#runtime/formats/registry.js'

const SCHEMA = schema(['id', BIGINT], ['name', STRING])
const format = await findFormat('debezium-json')?.load()

/** Rows as `+I 1 a`. `chunk`: bytes fed at a time. */
function decode(text: string, chunk: number, options: Record<string, string> = {}, projection?: readonly number[]): string[] {
  const decoder = format?.createDecoder(SCHEMA, options, projection)
  const builder = new BatchBuilder(projection === undefined ? SCHEMA : { fields: projection.map((i) => SCHEMA.fields[i] as never) })
  const bytes = Buffer.from(text)
  for (let at = 0; at < bytes.length; at += chunk) {
    decoder?.feed(bytes.subarray(at, at + chunk))
    while ((decoder?.read(builder, 1) ?? 0) > 0);
  }
  decoder?.finish()
  while ((decoder?.read(builder, 1) ?? 0) > 0);
  expect(decoder?.consumed).to.equal(bytes.length)
  return rows(builder.finish())
}

function rows(batch: Batch): string[] {
  return Array.from({ length: batch.length }, (_, row) => {
    const at = batch.position(row)
    const kind = batch.rowKinds === undefined ? '+I' : ROW_KIND_SYMBOLS[batch.rowKind(at)]
    return [kind, ...batch.columns.map((column) => String(readValue(column, at)))].join(' ')
  })
}

const CHANGES = [
  '{"before":null,"after":{"id":9007199254740993,"name":"a\\nb"},"op":"c","source":{"ts":[1,{"x":"}"}]}}',
  '',
  '{"op":"u","after":{"name":"c","id":1},"before":{"id":1,"name":null}}',
  ' {"before":{"id":2,"name":"d"},"after":null,"op":"d"}',
  '{"after":{"id":3},"op":"r"}',
].join('\n')

describe('debezium-json', () => {
  it('reads creations, updates as two rows, deletions and snapshots, however the bytes are cut', () => {
    const expected = ['+I 9007199254740993 a\nb', '-U 1 null', '+U 1 c', '-D 2 d', '+I 3 null']
    for (const chunk of [1, 2, 7, 64, 10_000]) expect(decode(CHANGES, chunk)).to.deep.equal(expected)
  })

  it('reads the columns that are asked for', () => {
    expect(decode(CHANGES, 50, {}, [1])).to.deep.equal(['+I a\nb', '-U null', '+U c', '-D d', '+I null'])
  })

  it('finds the change in the payload beside its schema', () => {
    const line = '{"schema":{"type":"struct"},"payload":{"before":null,"after":{"id":1,"name":"x"},"op":"c"}}\n'
    expect(decode(line, 5, { 'schema-include': 'true' })).to.deep.equal(['+I 1 x'])
    expect(() => decode(line, 5)).to.throw(RowProblem, "no text 'op'")
  })

  it('says what is wrong with a change, in which line', () => {
    const wrong = (text: string) => {
      try {
        decode(`${CHANGES}\n${text}\n`, 10_000)
      } catch (error) {
        if (error instanceof RowProblem) return `${error.line}: ${error.message}`
        throw error
      }
      return 'nothing'
    }
    expect(wrong('{"after":{"id":1},"op":"x"}')).to.equal("6: the change has the unknown 'op' x")
    expect(wrong('{"after":{"id":1},"op":"u"}')).to.match(/^6: the update has no row 'before'/)
    expect(wrong('{"after":5,"op":"c"}')).to.equal('6: a row is an object')
    expect(wrong('{"after":[1],"op":"c"}')).to.equal('6: a row is an object')
    expect(wrong('{"op":"d"')).to.match(/^6: /)
    expect(wrong('{"after":{"id":"no"},"op":"c"}')).to.match(/^6: /)
  })

  it('leaves out a change that cannot be read when told so, both rows of an update', () => {
    const text =
      '{"before":{"id":1,"name":"a"},"after":{"id":2,"op":"u"}\n{"before":{"id":1},"after":7,"op":"u"}\n{"after":{"id":5},"op":"c"}\n'
    expect(decode(text, 10, { 'ignore-parse-errors': 'true' })).to.deep.equal(['+I 5 null'])
  })

  it('writes what it reads again: rows that come as creations, rows that go as deletions', () => {
    const decoder = format?.createDecoder(SCHEMA, {})
    const builder = new BatchBuilder(SCHEMA)
    decoder?.feed(Buffer.from(CHANGES))
    decoder?.finish()
    decoder?.read(builder, 100)
    const written = Buffer.from(format?.createEncoder(SCHEMA, {}).encode(builder.finish()) ?? []).toString()
    expect(written.split('\n').slice(0, 2)).to.deep.equal([
      '{"before":null,"after":{"id":9007199254740993,"name":"a\\nb"},"op":"c"}',
      '{"before":{"id":1,"name":null},"after":null,"op":"d"}',
    ])
    expect(decode(written, 9)).to.deep.equal(['+I 9007199254740993 a\nb', '-D 1 null', '+I 1 c', '-D 2 d', '+I 3 null'])
  })
})
