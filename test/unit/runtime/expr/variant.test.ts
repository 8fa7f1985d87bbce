import { expect } from 'chai'
import * as fc from 'fast-check'
import { parseVariant, variantElement, variantField } from '#runtime/expr/variant.js'

/** In any layout, with keys in any order. */
function written(value: unknown, blank: string): string {
  if (Array.isArray(value)) return `[${blank}${value.map((each) => written(each, blank)).join(`${blank},${blank}`)}${blank}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const members = Object.entries(value).map(([key, each]) => `${JSON.stringify(key)}${blank}:${blank}${written(each, blank)}`)
  return `{${blank}${members.reverse().join(`${blank},${blank}`)}${blank}}`
}

describe('a variant', () => {
  it('is the same text for the same value, however it was written', () =>
    fc.assert(
      fc.property(fc.jsonValue(), fc.constantFrom('', ' ', '\t\n\r '), (value, blank) => {
        const variant = parseVariant(written(value, blank))
        expect(variant).to.equal(parseVariant(JSON.stringify(value)))
        // A number with an exponent is written as a double is, and zero has no sign.
        const unsigned = JSON.parse(JSON.stringify(value), (_key, each: unknown) => (Object.is(each, -0) ? 0 : each)) as unknown
        expect(JSON.parse(variant as string)).to.deep.equal(unsigned)
        expect(parseVariant(variant as string), 'and of itself').to.equal(variant)
      }),
    ))

  it('has its keys in order, and numbers without needless zeros', () => {
    expect(parseVariant(' {"b" : [1 , 2.50, true,null], "a":{"é":"\\u00e9\\n"}} ')).to.equal('{"a":{"é":"é\\n"},"b":[1,2.5,true,null]}')
    expect(parseVariant('12345678901234567890123456789012345678')).to.equal('12345678901234567890123456789012345678')
    expect(parseVariant('1.0')).to.equal('1')
    expect(parseVariant('-0')).to.equal('0')
    expect(parseVariant('1e3')).to.equal('1000')
    expect(parseVariant('0.1234567890123456789')).to.equal('0.1234567890123456789')
  })

  it('is nothing for what is no JSON, has a key twice, or is too deep', () => {
    for (const wrong of [
      '',
      ' ',
      '{',
      '[1,]',
      '{"a":1,}',
      '{a:1}',
      "'a'",
      '01',
      '1.',
      '.5',
      '+1',
      'nul',
      '"a',
      '"\\x"',
      '1 2',
      '[1}',
      '1e999',
      '{"a" 1}',
      '"\n"',
    ])
      expect(parseVariant(wrong), wrong).to.equal(undefined)
    expect(parseVariant('{"a":1,"a":2}')).to.equal(undefined)
    expect(parseVariant('{"a":1,"\\u0061":2}'), 'the same key').to.equal(undefined)
    expect(parseVariant('{"a":1,"a":2}', true)).to.equal('{"a":2}')
    expect(parseVariant('['.repeat(500) + ']'.repeat(500))).to.be.a('string')
    expect(parseVariant('['.repeat(501) + ']'.repeat(501))).to.equal(undefined)
    expect(parseVariant('['.repeat(1_000_000))).to.equal(undefined)
  })

  it('gives its elements and fields', () =>
    fc.assert(
      fc.property(
        fc.array(fc.jsonValue(), { maxLength: 5 }),
        fc.dictionary(fc.string(), fc.jsonValue(), { maxKeys: 5 }),
        (list, object) => {
          const of = (value: unknown): string => parseVariant(JSON.stringify(value)) as string
          for (const [i, element] of list.entries()) expect(variantElement(of(list), i)).to.equal(of(element))
          expect(variantElement(of(list), list.length)).to.equal(null)
          expect(variantElement(of(list), -1)).to.equal(null)
          for (const [key, value] of Object.entries(object)) expect(variantField(of(object), key)).to.equal(of(value))
          expect(variantField(of(object), 'no such key at all')).to.equal(null)
          expect(variantField(of(list), 'a')).to.equal(undefined)
          expect(variantElement(of(object), 0)).to.equal(undefined)
        },
      ),
    ))
})
