import { expect } from 'chai'
import fc from 'fast-check'
import { INT, STRING } from '#core/types/logical-type.js'
import { schema } from '#core/types/schema.js'
import { validateTable } from '#runtime/connectors/registry.js'
import { batchOf, cut, decode, decodePieces, formatRuntime } from './decode-support.js'

const LINE = schema(['line', STRING])

describe('raw format', () => {
  it('takes lines for rows, whatever is in them', async () => {
    expect(await decode('raw', LINE, 'a,"b"\r\n\n{"x"\nlast')).to.deep.equal([['a,"b"'], [''], ['{"x"'], ['last']])
  })

  it('reads back what it wrote, however the bytes are cut', async () => {
    const format = await formatRuntime('raw')
    const line = fc.string({ unit: fc.constantFrom('a', 'é', '😀', ',', '"', ' '), maxLength: 10 })
    fc.assert(
      fc.property(fc.array(line, { maxLength: 10 }), fc.array(fc.nat(), { maxLength: 5 }), (lines, cuts) => {
        const rows = lines.map((text) => [text])
        const bytes = format.createEncoder(LINE, {}).encode(batchOf(LINE, rows))
        expect(decodePieces(format.createDecoder(LINE, {}), LINE, cut(bytes, cuts))).to.deep.equal(rows)
      }),
    )
  })

  it('wants one STRING column and UTF-8', () => {
    const table =
      (of: typeof LINE, options = {}) =>
      () =>
        validateTable({ connector: 'filesystem', path: '/x', format: 'raw', ...options }, of, 'source')
    expect(table(LINE, { 'raw.charset': 'utf-8' })).not.to.throw()
    expect(table(LINE, { 'raw.charset': 'latin1' })).to.throw('must be UTF-8')
    expect(table(schema(['a', INT]))).to.throw('single physical column')
    expect(table(schema(['a', STRING], ['b', STRING]))).to.throw('single physical column')
  })
})
