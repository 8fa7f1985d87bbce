import { expect } from 'chai'
import type { StateBytes } from '#core/checkpoint/state-handles.js'
import { extend, MAX_INCREMENTS, needsBase, type SegmentChain } from '#container/checkpoint/segment-chains.js'

const bytes = (name: string): StateBytes => ({ kind: 'file', path: name, offset: 0, length: 1, checksum: 0 })
const base = (rows: number) => extend(undefined, { rows, bytes: bytes('base') })

describe('segment chains', () => {
  it('begin with a base', () => {
    expect(needsBase(undefined)).to.equal(true)
    expect(base(10)).to.deep.equal({ segments: [bytes('base')], baseRows: 10, incrementRows: 0, increments: 0 })
    expect(needsBase(base(10))).to.equal(false)
  })

  it('begin anew when the increments have as many rows as the base', () => {
    const nine = extend(base(10), { rows: 9, bytes: bytes('a') })
    expect(needsBase(nine)).to.equal(false)
    expect(needsBase(extend(nine, { rows: 1, bytes: bytes('b') }))).to.equal(true)
  })

  it('begin anew after so many increments', () => {
    let chain: SegmentChain = base(1_000_000)
    for (let i = 0; i < MAX_INCREMENTS; i++) {
      expect(needsBase(chain)).to.equal(false)
      chain = extend(chain, { rows: 1, bytes: bytes(`${i}`) })
    }
    expect(needsBase(chain)).to.equal(true)
    expect(chain.segments).to.have.length(1 + MAX_INCREMENTS)
  })

  it('stay as they are when nothing changed', () => {
    expect(extend(base(10), { rows: 0, bytes: undefined })).to.deep.equal(base(10))
  })
})
