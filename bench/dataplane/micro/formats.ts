/** Formats: MB of text per second, in and out. */
import { BatchBuilder } from '#runtime/columnar/batch-builder.js'
import type { RowDecoder } from '#runtime/formats/format.js'
import { findFormat } from '#runtime/formats/registry.js'
import type { MicroCase, MicroCases } from '../measure.js'
import { BATCH_ROWS, bidBatches, BIDS } from './bids.js'

const CHUNK_BYTES = 256 * 1024

async function decode(format: string): Promise<MicroCase> {
  const runtime = await (await load(format)).load()
  const encoder = runtime.createEncoder(BIDS, {})
  const text = Buffer.concat(bidBatches(32).map((batch) => encoder.encode(batch)))
  return {
    name: `${format}: decode bids`,
    unit: 'MB',
    run() {
      const decoder = runtime.createDecoder(BIDS, {})
      for (let at = 0; at < text.length; at += CHUNK_BYTES) {
        decoder.feed(text.subarray(at, at + CHUNK_BYTES))
        drain(decoder)
      }
      decoder.finish()
      drain(decoder)
      return text.length / 1e6
    },
  }
}

/** As sources do: the next batch has room for as much text. */
let last: BatchBuilder | undefined

function drain(decoder: RowDecoder): void {
  for (;;) {
    const builder: BatchBuilder = new BatchBuilder(BIDS, BATCH_ROWS, last)
    const rows = decoder.read(builder, BATCH_ROWS)
    if (rows > 0) builder.finish()
    if (rows === BATCH_ROWS) last = builder
    if (rows < BATCH_ROWS) return
  }
}

async function encode(format: string): Promise<MicroCase> {
  const runtime = await (await load(format)).load()
  const encoder = runtime.createEncoder(BIDS, {})
  const batches = bidBatches(32)
  return {
    name: `${format}: encode bids`,
    unit: 'MB',
    run: () => batches.reduce((bytes, batch) => bytes + encoder.encode(batch).length, 0) / 1e6,
  }
}

async function load(format: string) {
  const found = findFormat(format)
  if (found === undefined) throw new Error(`no format ${format}`)
  return found
}

export const formatCases: MicroCases = {
  'json-decode': () => decode('json'),
  'json-encode': () => encode('json'),
  'csv-decode': () => decode('csv'),
  'csv-encode': () => encode('csv'),
}
