/** Kernels of the columns: hashes, copies, the wire form. */
import type { Batch } from '#runtime/columnar/batch.js'
import { gatherBatch } from '#runtime/columnar/gather.js'
import { hashRows } from '#runtime/columnar/hash.js'
import { decodeBatch, encodeBatch } from '#runtime/columnar/wire.js'
import type { MicroCase, MicroCases } from '../measure.js'
import { BATCH_ROWS, bidBatches, BIDS } from './bids.js'

function over(name: string, work: (batch: Batch) => unknown): MicroCase {
  const batches = bidBatches(64)
  let sink: unknown
  return {
    name,
    unit: 'rows',
    run() {
      for (const batch of batches) sink = work(batch)
      return sink === undefined ? 0 : batches.length * BATCH_ROWS
    },
  }
}

/** Every eighth row, as an exchange to eight consumers picks them. */
const EIGHTH = Int32Array.from({ length: BATCH_ROWS / 8 }, (_, i) => 8 * i + (i % 8))

export const columnarCases: MicroCases = {
  'hash-bigint': () => over('hash: BIGINT', (batch) => hashRows(batch, [0])),
  'hash-text': () => over('hash: STRING of 70 bytes', (batch) => hashRows(batch, [5])),
  gather: () => {
    const one = over('gather: every eighth bid', (batch) => gatherBatch(batch, EIGHTH))
    return { ...one, run: async () => (await one.run()) / 8 }
  },
  encode: () => over('wire form: encode', encodeBatch),
  decode: () => {
    const encoded = new Map<Batch, Uint8Array>()
    return over('wire form: decode', (batch) => {
      let bytes = encoded.get(batch)
      if (bytes === undefined) encoded.set(batch, (bytes = encodeBatch(batch)))
      return decodeBatch(bytes, BIDS)
    })
  },
}
