import { expect } from 'chai'
import fc from 'fast-check'
import { MAX_OBJECT_DEPTH, MalformedObject, ObjectNotEncodable, ObjectReader, ObjectWriter } from '#runtime/columnar/object-codec.js'
import { gatherBatch } from '#runtime/columnar/gather.js'
import { hashRows } from '#runtime/columnar/hash.js'
import { Batch } from '#runtime/columnar/batch.js'
import { decodeBatch, encodeBatch } from '#runtime/columnar/wire.js'
import { RAW } from '#core/types/logical-type.js'
import type { ObjectVector } from '#runtime/columnar/vector.js'

const reader = new ObjectReader()

function encode(value: unknown, canonical = false): Uint8Array {
  const writer = new ObjectWriter(canonical, 8)
  writer.write(value)
  return writer.slice()
}

const value = fc.letrec((tie) => ({
  any: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom(null, undefined, true, false, 0, -0, NaN, Infinity, -1, 2 ** 31, -(2 ** 31), 2 ** 53),
    fc.integer(),
    fc.double(),
    fc.bigInt(),
    fc.string({ unit: 'grapheme' }),
    fc.string({ minLength: 60, maxLength: 80 }),
    fc.date({ noInvalidDate: true }),
    fc.uint8Array(),
    fc.array(tie('any'), { maxLength: 5 }),
    fc.dictionary(fc.oneof(fc.string(), fc.constant('__proto__'), fc.constant('constructor')), tie('any'), {
      maxKeys: 5,
      noNullPrototype: true,
    }),
    fc.array(fc.tuple(tie('any'), tie('any')), { maxLength: 4 }).map((entries) => new Map(entries)),
    fc.array(tie('any'), { maxLength: 4 }).map((items) => new Set(items)),
  ),
})).any

describe('object codec', () => {
  it('gives back every value', () => {
    fc.assert(
      fc.property(value, (original) => {
        expect(reader.read(encode(original))).to.deep.equal(original)
      }),
      { numRuns: 500 },
    )
  })

  it('keeps -0, and lets keys forget it', () => {
    expect(Object.is(reader.read(encode(-0)), -0)).to.equal(true)
    expect(encode([-0, -0.0], true)).to.deep.equal(encode([0, 0], true))
  })

  it('gives equal keys equal bytes, whatever the order of their properties', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.integer(), { noNullPrototype: true }), (record) => {
        const reversed = Object.fromEntries(Object.entries(record).reverse())
        expect(encode(reversed, true)).to.deep.equal(encode(record, true))
      }),
    )
  })

  it('reads bytes that are anything without anything worse than MALFORMED_OBJECT', () => {
    const check = (bytes: Uint8Array): void => {
      try {
        reader.read(bytes)
      } catch (error) {
        expect(MalformedObject.is(error), String(error)).to.equal(true)
      }
    }
    fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), check), { numRuns: 2000 })
    fc.assert(
      fc.property(value, fc.nat(), fc.nat(255), (original, at, byte) => {
        const bytes = encode(original)
        bytes[at % bytes.length] = byte
        check(bytes)
        check(bytes.subarray(0, at % bytes.length))
      }),
      { numRuns: 1000 },
    )
  })

  it('names what has no form', () => {
    class Account {}
    const refused: [unknown, RegExp][] = [
      [{ a: [1, { handler() {} }] }, /^the value\.a\[1\]\.handler is a function \('handler'\)/],
      [[new Account()], /^the value\[0\] is an instance of class Account/],
      [new Map([['k', Symbol('s')]]), /^an entry of the value is a symbol/],
      [Promise.resolve(1), /^the value is a Promise: it was not awaited/],
      [new Float64Array(2), /instance of class Float64Array/],
    ]
    for (const [wrong, message] of refused) {
      expect(() => encode(wrong)).to.throw(message)
      try {
        encode(wrong)
      } catch (error) {
        expect(ObjectNotEncodable.is(error)).to.equal(true)
      }
    }
    expect(() => encode(new Set([1]), true)).to.throw(/is a Set, which a key cannot hold/)
  })

  it('ends at a value that refers to itself', () => {
    const ring: Record<string, unknown> = {}
    ring['next'] = ring
    expect(() => encode(ring)).to.throw(/nested deeper than 100 levels, or refers to itself/)
    let nest: unknown = 1
    for (let i = 0; i < MAX_OBJECT_DEPTH; i++) nest = [nest]
    expect(reader.read(encode(nest))).to.deep.equal(nest)
  })

  it('writes nothing of a value that it refuses', () => {
    const writer = new ObjectWriter()
    writer.write('before')
    const { length } = writer
    expect(() => writer.write(['half', () => 1])).to.throw()
    expect(writer.length).to.equal(length)
  })
})

describe('columns of objects', () => {
  const schema = { fields: [{ name: '$value', type: RAW }] }
  const batch = (values: readonly unknown[]): Batch =>
    new Batch(schema, [{ kind: 'object', type: RAW, nulls: undefined, values }], values.length)
  const values = (of: Batch): readonly unknown[] =>
    Array.from({ length: of.length }, (_, row) => (of.columns[0] as ObjectVector).values[of.position(row)])

  it('travel as bytes, selections applied', () => {
    fc.assert(
      fc.property(fc.array(value, { minLength: 1, maxLength: 20 }), fc.array(fc.nat()), (all, picks) => {
        const selection = Int32Array.from(picks, (pick) => pick % all.length)
        const selected = batch(all).select(selection)
        expect(values(decodeBatch(encodeBatch(selected), schema))).to.deep.equal(Array.from(selection, (i) => all[i]))
        expect(values(gatherBatch(selected))).to.deep.equal(Array.from(selection, (i) => all[i]))
      }),
      { numRuns: 100 },
    )
  })

  it('hash as equal keys are equal', () => {
    const hashes = hashRows(batch([{ a: 1, b: 2 }, { b: 2, a: 1 }, 'x', 'y']), [0])
    expect(hashes[0]).to.equal(hashes[1])
    expect(hashes[2]).to.not.equal(hashes[3])
  })
})
