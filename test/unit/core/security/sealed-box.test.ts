import { expect } from 'chai'
import * as fc from 'fast-check'
import { boxOwner, sealFor } from '#core/security/sealed-box.js'

describe('a sealed box', () => {
  const owner = boxOwner('tokens')

  it('is opened by its owner only, for its purpose only', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (clear) => {
        const sealed = sealFor(owner.publicKey, 'tokens', clear)
        expect(owner.open(sealed).equals(Buffer.from(clear))).to.equal(true)
        if (clear.length > 8) expect(sealed.includes(Buffer.from(clear))).to.equal(false)
      }),
      { numRuns: 50 },
    )
    const sealed = sealFor(owner.publicKey, 'tokens', Buffer.from('secret'))
    expect(() => boxOwner('tokens').open(sealed)).to.throw()
    expect(() => owner.open(sealFor(owner.publicKey, 'something else', Buffer.from('secret')))).to.throw()
  })

  it('is sealed anew each time', () => {
    const [one, two] = [1, 2].map(() => sealFor(owner.publicKey, 'tokens', Buffer.from('secret')))
    expect(one!.equals(two!)).to.equal(false)
  })

  it('is refused when any bit of it was changed, or when it is cut off, or garbage', () => {
    const sealed = sealFor(owner.publicKey, 'tokens', Buffer.from('secret'))
    // The highest bit of an X25519 key does not count (RFC 7748), but the key is derived from all of it.
    for (let bit = 0; bit < sealed.length * 8; bit++) {
      const changed = Buffer.from(sealed)
      changed[bit >> 3]! ^= 1 << (bit & 7)
      expect(() => owner.open(changed), `bit ${bit}`).to.throw()
    }
    for (let length = 0; length < sealed.length; length++) expect(() => owner.open(sealed.subarray(0, length))).to.throw()
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => void expect(() => owner.open(bytes)).to.throw()),
      { numRuns: 200 },
    )
    expect(() => sealFor(Buffer.alloc(31), 'tokens', Buffer.alloc(1))).to.throw('32 bytes')
    expect(() => sealFor(Buffer.alloc(32), 'tokens', Buffer.alloc(1)), 'a key of low order').to.throw()
  })
})
