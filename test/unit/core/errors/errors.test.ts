import { expect } from 'chai'
import { defineError, WeftError } from '#core/errors/define-error.js'
import { fromWireError, rootCause, toWireError, WireErrorSchema } from '#core/errors/wire-error.js'

const Broken = defineError('TEST_BROKEN', { recovery: 'retry-here', message: (d: { what: string }) => `${d.what} is broken` })

describe('errors', () => {
  it('keep code, details and causes across a process border', () => {
    const error = new Broken({ what: 'the lid' }, { cause: new TypeError('hinge missing', { cause: new Error('rust') }) })
    const revived = fromWireError(WireErrorSchema.parse(JSON.parse(JSON.stringify(toWireError(error)))))
    expect(Broken.is(revived)).to.equal(true)
    expect(revived.message).to.equal('the lid is broken')
    expect((revived as WeftError).details).to.deep.equal({ what: 'the lid' })
    expect((revived as WeftError).recovery).to.equal('retry-here')
    expect((revived.cause as Error).name).to.equal('TypeError')
    expect((rootCause(revived) as Error).message).to.equal('rust')
  })

  it('are declared once', () => {
    expect(() => defineError('TEST_BROKEN', { recovery: 'none', message: () => '' })).to.throw('declared twice')
  })

  it('survive a circular chain of causes', () => {
    const a = new Error('a')
    const b = new Error('b', { cause: a })
    a.cause = b
    expect(JSON.stringify(toWireError(a)).length).to.be.lessThan(100_000)
    expect(rootCause(a)).to.be.instanceOf(Error)
  })
})
