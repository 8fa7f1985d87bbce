import { expect } from 'chai'
import fc from 'fast-check'
import { INT, STRING } from '#core/types/logical-type.js'
import { schema } from '#core/types/schema.js'
import { decodeInFlight, encodeInFlight, type InFlightElement } from '#runtime/checkpoint/in-flight.js'
import { BatchBuilder } from '#runtime/columnar/batch-builder.js'
import { readValue } from '#runtime/columnar/value.js'

const rows = schema(['n', INT], ['text', STRING])

function batch(values: readonly (readonly [number, string | null])[]): InFlightElement {
  const builder = new BatchBuilder(rows)
  for (const value of values) builder.appendRow([...value])
  return { kind: 'data', batch: builder.finish() }
}
function show(element: InFlightElement): string {
  if (element.kind !== 'data') return JSON.stringify(element)
  const { batch: of } = element
  return Array.from({ length: of.length }, (_, r) => of.columns.map((column) => String(readValue(column, of.position(r)))).join(',')).join(
    ';',
  )
}
const anyElement = fc.oneof(
  fc.array(fc.tuple(fc.integer({ min: -1000, max: 1000 }), fc.option(fc.string())), { minLength: 1, maxLength: 20 }).map(batch),
  fc.maxSafeInteger().map((watermark): InFlightElement => ({ kind: 'watermark', watermark })),
  fc.boolean().map((idle): InFlightElement => ({ kind: 'idle', idle })),
)

describe('data in flight', () => {
  it('comes back as it was', () =>
    fc.assert(
      fc.property(fc.array(anyElement, { maxLength: 20 }), (elements) => {
        const decoded = decodeInFlight(encodeInFlight(elements), rows, 'f')
        expect(decoded.map(show)).to.deep.equal(elements.map(show))
      }),
    ))

  it('is refused, or nothing but other values, whatever bytes come', () =>
    fc.assert(
      fc.property(
        fc.array(anyElement, { minLength: 1, maxLength: 5 }),
        fc.nat(),
        fc.nat(255),
        fc.boolean(),
        (elements, position, byte, cut) => {
          const bytes = encodeInFlight(elements)
          const at = position % bytes.length
          const hostile = cut ? bytes.slice(0, at) : bytes
          if (!cut) hostile[at] = byte
          try {
            decodeInFlight(hostile, rows, 'f')
          } catch (error) {
            expect(error).to.have.property('code', 'CHECKPOINT_FILE_CORRUPT')
          }
        },
      ),
      { numRuns: 300 },
    ))
})
