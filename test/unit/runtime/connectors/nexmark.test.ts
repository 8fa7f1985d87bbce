import { expect } from 'chai'
import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { schema, type Schema } from '#core/types/schema.js'
import type { Value } from '#core/types/logical-type.js'
import { readValue } from '#runtime/columnar/value.js'
import type { Batch } from '#runtime/columnar/batch.js'
import { NEXMARK_COLUMNS } from '#runtime/connectors/nexmark/columns.js'
import { splitsOf, takeEpoch, type NexmarkState } from '#runtime/connectors/nexmark/splits.js'
import { loadSource } from '#runtime/connectors/load-source.js'
import { validateTable } from '#runtime/connectors/registry.js'
import type { SourceOperator } from '#runtime/operators/operator.js'
import { rowsOf } from '../formats/decode-support.js'
import { collectingOutput, drain, operatorContext, sourceSpec } from './operator-support.js'

const ALL = schema(...Object.entries(NEXMARK_COLUMNS))
const CANONICAL = {
  person: ['id', 'name', 'emailAddress', 'creditCard', 'city', 'state', 'dateTime', 'extra'],
  auction: ['id', 'itemName', 'description', 'initialBid', 'reserve', 'dateTime', 'expires', 'seller', 'category', 'extra'],
  bid: ['auction', 'bidder', 'price', 'channel', 'url', 'dateTime', 'extra'],
}
const COLUMNS = Object.keys(NEXMARK_COLUMNS) as (keyof typeof NEXMARK_COLUMNS)[]
const KINDS = ['person', 'auction', 'bid'] as const

/** The events' canonical lines. */
function lines(batch: Batch): string[] {
  const column = (name: keyof typeof NEXMARK_COLUMNS) => batch.columns[COLUMNS.indexOf(name)] as Batch['columns'][number]
  return Array.from({ length: batch.length }, (_, row) => {
    const kind = KINDS[readValue(column('event_type'), row) as number] as (typeof KINDS)[number]
    for (const other of KINDS.filter((each) => each !== kind))
      for (const field of CANONICAL[other])
        if (readValue(column(`${other}.${field}` as keyof typeof NEXMARK_COLUMNS), row) !== null)
          throw new Error(`${other}.${field} is not NULL`)
    const cells = CANONICAL[kind].map((field) => readValue(column(`${kind}.${field}` as keyof typeof NEXMARK_COLUMNS), row))
    return JSON.stringify([kind[0]?.toUpperCase(), ...cells.map((cell) => (typeof cell === 'bigint' ? Number(cell) : cell))]) + '\n'
  })
}

async function hash(events: number, rate: number): Promise<string> {
  const source = await loadSource(sourceSpec(ALL, { connector: 'nexmark', events: String(events), rate: String(rate) }))
  const digest = createHash('sha256')
  for (const batch of await drain(source, operatorContext())) for (const line of lines(batch)) digest.update(line)
  return digest.digest('hex')
}

const BIDS = schema(
  ['event_type', NEXMARK_COLUMNS.event_type],
  ['bid.price', NEXMARK_COLUMNS['bid.price']],
  ['bid.extra', NEXMARK_COLUMNS['bid.extra']],
)

async function rowsOfSubtask(of: Schema, events: number, subtask: number, parallelism: number): Promise<Value[][]> {
  const source = await loadSource(sourceSpec(of, { connector: 'nexmark', events: String(events), rate: '100' }))
  return (await drain(source, operatorContext({ subtask, parallelism }))).flatMap(rowsOf)
}

describe('nexmark source', () => {
  it('makes the events of the benchmark, to the byte', async () => {
    expect(await hash(20_000, 200)).to.equal('a0120253a2804035b9a31926db75c65beb304ed122772310b29f5112054ee256')
  }).timeout(60_000)

  it('does so at the rate of the original, where many events share a time', async () => {
    expect(await hash(300_000, 10_000_000)).to.equal('0df251b8872c3746abfd23d0510fce65a16308e4105ed316f56234b9c05c1131')
  }).timeout(60_000)

  it('makes the same events at any parallelism, and a column does not depend on the others', async () => {
    const whole = await rowsOfSubtask(BIDS, 777, 0, 1)
    expect(whole.length).to.equal(777)
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 20 }), async (parallelism) => {
        const parts = await Promise.all(Array.from({ length: parallelism }, (_, subtask) => rowsOfSubtask(BIDS, 777, subtask, parallelism)))
        const text = (row: Value[]) => row.map(String).join('|')
        expect(parts.flat().map(text).sort()).to.deep.equal(whole.map(text).sort())
      }),
      { numRuns: 8 },
    )
  })

  it('goes on where it was, at the same parallelism and at another one, each event once', async () => {
    const open = async (subtask: number, parallelism: number) => {
      const source = await loadSource(sourceSpec(BIDS, { connector: 'nexmark', events: '20000', rate: '100' }))
      const output = collectingOutput()
      await source.open?.(operatorContext({ subtask, parallelism }), output)
      return { source, output }
    }
    const finish = async ({ source }: { source: SourceOperator }) => {
      while ((await source.poll()) === 'more');
    }
    const all = (await rowsOfSubtask(BIDS, 20_000, 0, 1)).map((row) => row.map(String).join('|')).sort()
    for (const next of [1, 2, 3]) {
      const before = await Promise.all([0, 1].map((subtask) => open(subtask, 2)))
      await before[0]?.source.poll()
      const items = before.flatMap(({ source }) => {
        const state = source.snapshotState?.({ checkpointId: 1 } as never)
        return state?.lists?.['splits']?.items ?? []
      })
      const after = await Promise.all(Array.from({ length: next }, (_, subtask) => open(subtask, next)))
      for (const { source } of after) await source.restoreState?.({ lists: { splits: items }, keyed: [] } as never)
      await Promise.all(after.map(finish))
      const rows = [...before, ...after].flatMap(({ output }) => output.rows()).map((row) => row.map(String).join('|'))
      expect(rows.sort(), `from 2 to ${next}`).to.deep.equal(all)
    }
  })

  it('deals out every epoch once however often the parallelism changes', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 0, max: 30 })), { minLength: 1, maxLength: 6 }),
        (runs) => {
          const seen: number[] = []
          const END = 400
          let states: NexmarkState[] = []
          for (const [i, [parallelism, taken]] of [...runs, [2, END] as const].entries()) {
            const subtasks = Array.from({ length: parallelism }, (_, subtask) =>
              i === 0 ? [{ next: subtask, step: parallelism }] : splitsOf(states, subtask, parallelism),
            )
            for (const splits of subtasks) {
              let last = -1
              for (let n = 0; n < taken; n++) {
                const epoch = takeEpoch(splits, END)
                if (epoch === undefined) break
                expect(epoch).to.be.greaterThan(last)
                last = epoch
                seen.push(epoch)
              }
            }
            states = subtasks.map((splits, subtask) => ({ subtask, parallelism, splits }))
          }
          expect(seen.sort((a, b) => a - b)).to.deep.equal(Array.from({ length: END }, (_, epoch) => epoch))
        },
      ),
    )
  })

  it('says which columns there are when a table has another one, or another type', () => {
    const options = { connector: 'nexmark', events: '10', rate: '100' }
    expect(() => validateTable(options, schema(['bid.prize', NEXMARK_COLUMNS['bid.price']]), 'source')).to.throw(
      /no column 'bid.prize'.*'bid.price'/,
    )
    expect(() => validateTable(options, schema(['event_type', NEXMARK_COLUMNS['bid.price']]), 'source')).to.throw(
      /'event_type' is INT, not BIGINT/,
    )
    expect(() => validateTable({ ...options, rate: '9' }, BIDS, 'source')).to.throw(/must be an integer from 10 on/)
    expect(() => validateTable({ connector: 'nexmark', rate: '10' }, BIDS, 'source')).to.throw(/'events'/)
  })
})
