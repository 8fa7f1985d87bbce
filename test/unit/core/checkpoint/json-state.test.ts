import { expect } from 'chai'
import fc from 'fast-check'
import { copyJson } from '#core/checkpoint/json-state.js'

describe('state as JSON', () => {
  it('is what JSON would give back, and nothing of the original', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const copy = copyJson(value, 'State')
        expect(copy).to.deep.equal(JSON.parse(JSON.stringify(value)))
        if (typeof value === 'object' && value !== null) expect(copy).not.to.equal(value)
      }),
    )
    const nested = { splits: [{ from: 1 }] }
    const copy = copyJson(nested, 'State')
    nested.splits[0]!.from = 2
    expect(copy).to.deep.equal({ splits: [{ from: 1 }] })
  })

  it('leaves out properties that are undefined', () => {
    expect(copyJson({ a: 1, b: undefined }, 'State')).to.deep.equal({ a: 1 })
  })

  it('refuses what JSON would lose, and says where it is', () => {
    class Split {}
    const endless: unknown[] = []
    endless.push(endless)
    const refused: [unknown, string][] = [
      [undefined, 'State must be plain JSON, but it is undefined'],
      [[undefined], 'its [0] is undefined'],
      [{ a: { seen: new Map() } }, 'its a.seen is a Map'],
      [[{ at: new Date(0) }], 'its [0].at is a Date'],
      [new Split(), 'it is a Split'],
      [{ n: NaN }, 'its n is the number NaN'],
      [{ n: 1n }, 'its n is a bigint'],
      [{ f: () => 1 }, 'its f is a function'],
      [endless, 'nested more than 100 deep'],
    ]
    for (const [value, message] of refused) expect(() => copyJson(value, 'State')).to.throw(message)
  })
})
