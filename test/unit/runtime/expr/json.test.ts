import { expect } from 'chai'
import * as fc from 'fast-check'
import { parseJsonPath } from '#runtime/expr/json-path.js'
import { bigDecimalText, NotJson, quoteJson, readJson, writeJson } from '#runtime/expr/json-tree.js'

/** With keys in order, as JSON.stringify has them of a sorted value. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).map(([key, each]) => [key, sorted(each)] as const)
  return new Map(entries.sort(([a], [b]) => (a < b ? -1 : 1)))
}

function text(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(text).join(',')}]`
  if (value instanceof Map) return `{${[...value].map(([key, each]) => `${JSON.stringify(key)}:${text(each)}`).join(',')}}`
  return JSON.stringify(value)
}

const noMinusZero = (_key: string, value: unknown): unknown => (Object.is(value, -0) ? 0 : value)

describe('JSON trees', () => {
  it('are what JSON.parse understands, and nothing else', () => {
    const nearly = fc
      .array(fc.constantFrom('{', '}', '[', ']', '"', ':', ',', '1', '-', '.', 'e', 'true', 'null', 'a', '\\', ' ', '\u0001', 'ä'), {
        maxLength: 12,
      })
      .map((parts) => parts.join(''))
    fc.assert(
      fc.property(fc.oneof(nearly, fc.json()), (json) => {
        let expected: unknown
        try {
          expected = JSON.parse(json, noMinusZero)
        } catch {
          expect(() => readJson(json)).to.throw(NotJson)
          return
        }
        expect(JSON.parse(writeJson(readJson(json)), noMinusZero)).to.deep.equal(expected)
      }),
      { numRuns: 2_000 },
    )
  })

  it('are written with their keys in order', () =>
    fc.assert(
      fc.property(fc.jsonValue({ noUnicodeString: true }), (value) => {
        const whole = JSON.parse(JSON.stringify(value, (_key, each: unknown) => (typeof each === 'number' ? 1 : each))) as unknown
        expect(writeJson(readJson(JSON.stringify(whole))).toLowerCase()).to.equal(text(sorted(whole)).toLowerCase())
      }),
    ))

  it('escape control characters as Jackson does', () => {
    expect(quoteJson('a"\\\b\t\n\f\r\u001b/é\u007f')).to.equal('"a\\"\\\\\\b\\t\\n\\f\\r\\u001B/é\u007f"')
    expect(quoteJson('\\u001b')).to.equal('"\\\\u001b"')
  })

  it('print numbers as BigDecimal does', () => {
    const shown: Record<string, string> = {
      '12': '12',
      '-0': '0',
      '2.50': '2.50',
      '1e2': '1E+2',
      '1.50e1': '15.0',
      '-1.5E-3': '-0.0015',
      '0.000001': '0.000001',
      '0.0000001': '1E-7',
      '12e-9': '1.2E-8',
      '0.00': '0.00',
      '-0.0': '0.0',
      '123456789012345678901234567890': '123456789012345678901234567890',
    }
    for (const [json, expected] of Object.entries(shown)) expect(bigDecimalText(json), json).to.equal(expected)
  })

  it('say where a text goes wrong', () => {
    expect(() => readJson('{"a":[1,]}')).to.throw(NotJson, "unexpected ']' at character 9")
    expect(() => readJson('{"a"')).to.throw(NotJson, 'unexpected end at character 5')
    expect(() => readJson('['.repeat(501))).to.throw(NotJson, 'more than 500 levels')
  })
})

describe('a path into JSON', () => {
  const document = readJson('{"a":[{"b":1},{"b":2},{"c":{"b":3}}],"x.y":{"it\'s":4},"n":null}')
  const at = (path: string): string => {
    const found = parseJsonPath(path)?.find(document)
    return found === undefined ? 'not understood' : 'value' in found ? writeJson(found.value) : found.missing
  }

  it('finds one value, or says up to where there is something', () => {
    expect(at('$.a[0].b')).to.equal('1')
    expect(at('$.a[-2].b')).to.equal('2')
    expect(at("$['x.y']['it\\'s']")).to.equal('4')
    expect(at('$["a"][1]["b"]')).to.equal('2')
    expect(at('$.n')).to.equal('null')
    expect(at('$.a[3]')).to.equal("No results for path: $['a'][3]")
    expect(at('$.a.b')).to.equal("No results for path: $['a']['b']")
  })

  it('finds several as an array, passing over what has none', () => {
    expect(at('$.a[*].b')).to.equal('[1,2]')
    expect(at('$.a[0,2]')).to.equal('[{"b":1},{"c":{"b":3}}]')
    expect(at('$.a[1:]')).to.equal('[{"b":2},{"c":{"b":3}}]')
    expect(at('$.a[:-2].b')).to.equal('[1]')
    expect(at('$..b')).to.equal('[1,2,3]')
    expect(at('$.a[*].none')).to.equal('[]')
    expect(at('$.none[*]')).to.equal("No results for path: $['none']")
    expect(at('$.*')).to.equal('[[{"b":1},{"b":2},{"c":{"b":3}}],{"it\'s":4},null]')
  })

  it('is understood, or refused, whatever it is', () => {
    for (const wrong of ['', 'a', '$.', '$[', '$.a[?(@.b)]', '$.a.length()', '$a', '$..', "$['a", '$.a b', '$[1:2:3]'])
      expect(at(wrong), wrong).to.equal('not understood')
    expect(parseJsonPath('lax $.a')?.lax).to.equal(true)
    expect(parseJsonPath(' STRICT  $.a')?.lax).to.equal(false)
    expect(parseJsonPath('$.a')?.lax).to.equal(false)
    const part = fc.constantFrom('$', '.', '..', '[', ']', '*', '0', '-1', ':', ',', "'a'", 'a', 'b', ' ', 'lax ', '?', '(')
    fc.assert(fc.property(fc.array(part, { maxLength: 10 }), (parts) => void parseJsonPath(parts.join(''))?.find(document)))
  })
})
