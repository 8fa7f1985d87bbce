import { expect } from 'chai'
import fc from 'fast-check'
import { formatDuration, formatMemorySize, parseDuration, parseList, parseMap, parseMemorySize } from '#core/config/units.js'

describe('units', () => {
  it('reads durations as Flink does', () => {
    expect(parseDuration('10 s')).to.equal(10_000)
    expect(parseDuration('500ms')).to.equal(500)
    expect(parseDuration('3 min')).to.equal(180_000)
    expect(parseDuration('2 Days')).to.equal(172_800_000)
    expect(parseDuration('250')).to.equal(250)
    expect(parseDuration('PT1M30S')).to.equal(90_000)
    expect(parseDuration('P1DT2H')).to.equal(93_600_000)
  })

  it('refuses what is no duration', () => {
    for (const text of ['', 'abc', '10 parsecs', '-5 s', '1.5 s', 'P', '10 s 5']) expect(parseDuration(text), text).to.equal(undefined)
  })

  it('reads memory sizes in powers of 1024', () => {
    expect(parseMemorySize('1600m')).to.equal(1600 * 1024 * 1024)
    expect(parseMemorySize('1 gb')).to.equal(1024 ** 3)
    expect(parseMemorySize('4096')).to.equal(4096)
    expect(parseMemorySize('12 kibibytes')).to.equal(12 * 1024)
    for (const text of ['', '1 qb', '-1m', '1.5g']) expect(parseMemorySize(text), text).to.equal(undefined)
  })

  it('prints what it reads', () => {
    fc.assert(fc.property(fc.nat(1_000_000_000), (millis) => parseDuration(formatDuration(millis)) === millis))
    fc.assert(fc.property(fc.nat(2 ** 40), (bytes) => parseMemorySize(formatMemorySize(bytes)) === bytes))
  })

  it('splits lists and maps with quoted items', () => {
    expect(parseList("a; b ;'c;d'")).to.deep.equal(['a', 'b', 'c;d'])
    expect(parseList('')).to.deep.equal([])
    expect(parseMap('a:1, b:x:y')).to.deep.equal({ a: '1', b: 'x:y' })
    expect(parseMap('a')).to.equal(undefined)
  })
})
