/** Element types flow through the API: what follows is checked by tsc; running it checks that nothing of it throws. */
import { expect } from 'chai'
import {
  AsyncDataStream,
  OutputTag,
  TumblingEventTimeWindows,
  Types,
  type DataStream,
  type ElementOf,
  type KeyedStream,
  type StreamExecutionEnvironment,
} from '#api/weft.js'
import { graphOf } from './test-host.js'

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
/** Fails to compile unless the types are the same. */
function same<A, B>(..._proof: Same<A, B> extends true ? [] : [never]): void {
  // Nothing happens when it runs.
}

const Bid = Types.ROW({ auction: Types.INT, price: Types.DECIMAL(10, 2), bidder: Types.NULLABLE(Types.STRING), sum: Types.LONG })
type Bid = ElementOf<typeof Bid>

describe('types of streams', () => {
  it('come from declared types', () => {
    same<Bid, { auction: number; price: string; bidder: string | null; sum: bigint }>()
  })

  it('flow through every transformation', async () => {
    const build = (env: StreamExecutionEnvironment): void => {
      const bids = env.fromCollection<Bid>([], Bid)
      same<typeof bids extends DataStream<infer T> ? T : never, Bid>()
      const mapped = bids.map((bid) => ({ n: bid.auction, big: bid.sum }))
      same<typeof mapped extends DataStream<infer T> ? T : never, { n: number; big: bigint }>()
      const words = env.fromElements('a b').flatMap((line) => line.split(' '))
      same<typeof words extends DataStream<infer T> ? T : never, string>()
      const byField = bids.keyBy('auction')
      same<typeof byField, KeyedStream<Bid, number>>()
      const byFields = bids.keyBy(['auction', 'bidder'])
      same<typeof byFields extends KeyedStream<Bid, infer K> ? K : never, { auction: number; bidder: string | null }>()
      const averaged = byField
        .window(TumblingEventTimeWindows.of('1 s'))
        .aggregate(
          { createAccumulator: () => 0, add: (bid, sum) => sum + bid.auction, getResult: (sum) => sum, merge: (a, b) => a + b },
          { process: (key, _context, [first], out) => out.collect({ key, first }) },
          Types.GENERIC<{ key: number; first: number | undefined }>(),
        )
      same<typeof averaged extends DataStream<infer T> ? T : never, { key: number; first: number | undefined }>()
      const joined = bids.join(words).where((bid) => String(bid.auction)).equalTo((word) => word)
        .window(TumblingEventTimeWindows.of('1 s')).apply((bid, word) => [bid.price, word] as const) // prettier-ignore
      same<typeof joined extends DataStream<infer T> ? T : never, readonly [string, string]>()
      const looked = AsyncDataStream.orderedWait(words, { asyncInvoke: async (word) => [word.length] })
      same<typeof looked extends DataStream<infer T> ? T : never, number>()
      const side = words.process<number>({ processElement: () => undefined }).getSideOutput(new OutputTag('x', Types.BOOLEAN))
      same<typeof side extends DataStream<infer T> ? T : never, boolean>()
      for (const stream of [mapped, averaged, joined, looked, side]) (stream as DataStream<unknown>).print()
    }
    expect((await graphOf(build)).definitions.size).to.be.greaterThan(10)
  })

  it('refuse what does not fit', async () => {
    const build = (env: StreamExecutionEnvironment): void => {
      const bids = env.fromCollection<Bid>([], Bid)
      // @ts-expect-error no such field
      bids.map((bid) => bid.prise)
      // @ts-expect-error not a number
      bids.keyBy('auction').sum('price')
      // @ts-expect-error a filter answers true or false
      bids.filter((bid) => bid.auction)
      // @ts-expect-error streams of different elements; refused when it runs, too, where their types were declared
      expect(() => bids.union(env.fromElements('a'))).to.throw(/different declared types/)
      // @ts-expect-error a reduce function answers with an element
      bids.keyBy('auction').reduce((a, b) => a.auction + b.auction)
      // @ts-expect-error an element without some of its fields
      env.fromCollection([{ auction: 1 }], Bid)
      // @ts-expect-error keys of both sides are of one type
      bids.join(env.fromElements('a')).where((bid) => bid.auction).equalTo((word) => word) // prettier-ignore
    }
    expect((await graphOf((env) => void build(env))).definitions.size).to.be.greaterThan(5)
  })
})
