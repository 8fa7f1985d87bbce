/** Windows over keyed streams. `npx weft run examples/datastream/windows.ts` */
import {
  ContinuousEventTimeTrigger,
  ContinuousProcessingTimeTrigger,
  CountEvictor,
  CountTrigger,
  EventTimeSessionWindows,
  EventTimeTrigger,
  GlobalWindows,
  OutputTag,
  ProcessingTimeSessionWindows,
  ProcessingTimeTrigger,
  PurgingTrigger,
  SlidingEventTimeWindows,
  SlidingProcessingTimeWindows,
  StreamExecutionEnvironment,
  TimeEvictor,
  TumblingEventTimeWindows,
  TumblingProcessingTimeWindows,
  WatermarkStrategy,
  type AggregateFunction,
  type DataStream,
} from 'weft'

interface Bid {
  readonly item: string
  readonly price: number
  /** Seconds. */
  readonly at: number
}

const BIDS: readonly Bid[] = [
  { item: 'lamp', price: 5, at: 1 },
  { item: 'lamp', price: 8, at: 4 },
  { item: 'book', price: 3, at: 5 },
  { item: 'lamp', price: 9, at: 11 },
  { item: 'book', price: 4, at: 12 },
  { item: 'lamp', price: 7, at: 27 },
]

const tooLate = new OutputTag<Bid>('too-late')

const average: AggregateFunction<Bid, { sum: number; count: number }, number> = {
  createAccumulator: () => ({ sum: 0, count: 0 }),
  add: (bid, { sum, count }) => ({ sum: sum + bid.price, count: count + 1 }),
  getResult: ({ sum, count }) => sum / count,
  merge: (a, b) => ({ sum: a.sum + b.sum, count: a.count + b.count }),
}

async function show<T>(what: string, stream: DataStream<T>): Promise<void> {
  const elements: string[] = []
  for await (const element of await stream.executeAndCollect(what)) elements.push(JSON.stringify(element))
  console.log(`${what}: ${elements.sort().join(' ')}`)
}

export async function main(): Promise<void> {
  const env = StreamExecutionEnvironment.getExecutionEnvironment()
  const strategy = WatermarkStrategy.forBoundedOutOfOrderness<Bid>('2 s').withTimestampAssigner((bid) => bid.at * 1000)
  const bids = () => env.fromCollection(BIDS).assignTimestampsAndWatermarks(strategy)
  const byItem = () => bids().keyBy((bid) => bid.item)

  await show(
    'tumbling',
    byItem()
      .window(TumblingEventTimeWindows.of('10 s'))
      .sum('price')
      .map(({ item, price }) => `${item} ${price}`),
  )
  await show(
    'sliding',
    byItem()
      .window(SlidingEventTimeWindows.of('10 s', '5 s'))
      .maxBy('price')
      .map(({ item, price }) => `${item} ${price}`),
  )
  await show('session', byItem().window(EventTimeSessionWindows.withGap('10 s')).aggregate(average))
  await show(
    'session by element',
    byItem()
      .window(EventTimeSessionWindows.withDynamicGap((bid: Bid) => bid.price * 1000))
      .max('price')
      .map((bid) => bid.price),
  )
  await show(
    'reduce and window',
    byItem()
      .window(TumblingEventTimeWindows.of('10 s'))
      .reduce((a, b) => (a.price > b.price ? a : b), {
        process: (item, context, [best], out) => out.collect(`${item} ${best?.price} until ${context.window().end / 1000} s`),
      }),
  )
  await show(
    'aggregate and window',
    byItem()
      .window(TumblingEventTimeWindows.of('10 s'))
      .aggregate(average, {
        process: (item, _context, [mean], out) => out.collect(`${item} ${mean}`),
      }),
  )
  await show(
    'process',
    byItem()
      .window(TumblingEventTimeWindows.of('10 s', '5 s'))
      .process<string>({
        process: (item, context, elements, out) => out.collect(`${item} ${[...elements].length} from ${context.window().start / 1000} s`),
      }),
  )
  await show(
    'apply',
    byItem()
      .window(TumblingEventTimeWindows.of('10 s'))
      .apply<string>((item, window, elements, out) =>
        out.collect(`${item} ${[...elements].map(({ price }) => price).join('+')} at ${window.start / 1000}`),
      ),
  )
  await show(
    'minimum',
    byItem()
      .window(TumblingEventTimeWindows.of('1 min'))
      .min('price')
      .map(({ price }) => price),
  )
  await show(
    'smallest',
    byItem()
      .window(TumblingEventTimeWindows.of('1 min'))
      .minBy('price')
      .map(({ at }) => at),
  )
  await show(
    'all in one',
    bids()
      .windowAll(TumblingEventTimeWindows.of('1 min'))
      .sum('price')
      .map(({ price }) => price),
  )

  await show(
    'count',
    byItem()
      .countWindow(2)
      .sum('price')
      .map(({ item, price }) => `${item} ${price}`),
  )
  await show(
    'sliding count',
    byItem()
      .countWindow(2, 1)
      .sum('price')
      .map(({ item, price }) => `${item} ${price}`),
  )
  await show(
    'global',
    byItem()
      .window(GlobalWindows.create())
      .trigger(PurgingTrigger.of(CountTrigger.of(2)))
      .max('price')
      .map(({ price }) => price),
  )
  await show(
    'early and at the end',
    byItem()
      .window(TumblingEventTimeWindows.of('1 min'))
      .trigger(EventTimeTrigger.create())
      .sum('price')
      .map(({ price }) => price),
  )
  await show(
    'every 20 s and at the end',
    byItem()
      .window(TumblingEventTimeWindows.of('1 min'))
      .trigger(ContinuousEventTimeTrigger.of('20 s'))
      .max('price')
      .map(({ price }) => price),
  )
  await show(
    'the last of each',
    byItem()
      .window(TumblingEventTimeWindows.of('1 min'))
      .evictor(CountEvictor.of(1))
      .apply<number>((_item, _window, [bid], out) => out.collect(bid!.at)),
  )
  await show(
    'the newest',
    byItem()
      .window(TumblingEventTimeWindows.of('1 min'))
      .evictor(TimeEvictor.of('5 s'))
      .apply<number>((_item, _window, elements, out) => out.collect([...elements].length)),
  )

  // By the clock: whatever came when it passes the end. A bounded stream ends before its windows do: a trigger fires by itself.
  const each = CountTrigger.of(1)
  await show(
    'by the clock',
    byItem()
      .window(TumblingProcessingTimeWindows.of('1 h'))
      .trigger(each)
      .max('price')
      .map(({ item }) => item),
  )
  await show(
    'by the clock, sliding',
    byItem()
      .window(SlidingProcessingTimeWindows.of('1 h', '1 h'))
      .trigger(each)
      .max('price')
      .map(({ item }) => item),
  )
  await show(
    'by the clock, at no time',
    byItem()
      .window(GlobalWindows.create())
      .trigger(ProcessingTimeTrigger.create())
      .max('price')
      .map(({ item }) => item),
  )
  await show(
    'by the clock, every hour',
    byItem()
      .window(TumblingProcessingTimeWindows.of('1 d'))
      .trigger(ContinuousProcessingTimeTrigger.of('1 h'))
      .max('price')
      .map(({ item }) => item),
  )
  await show(
    'by the clock, sessions',
    byItem()
      .window(ProcessingTimeSessionWindows.withGap('1 ms'))
      .max('price')
      .map(() => 'fired')
      .filter(() => false),
  )

  // A late element: it comes when the watermark has passed 29 s. Buffers that wait would let it overtake that watermark.
  env.setBufferTimeout(0)
  const unordered = env
    .fromElements<Bid>({ item: 'lamp', price: 1, at: 1 }, { item: 'lamp', price: 2, at: 30 }, { item: 'lamp', price: 3, at: 3 })
    .assignTimestampsAndWatermarks(
      WatermarkStrategy.forGenerator<Bid>(() => ({
        onEvent: (_bid, timestamp, output) => output.emitWatermark(timestamp - 1),
      })).withTimestampAssigner((bid) => bid.at * 1000),
    )
    .keyBy((bid) => bid.item)
    .window(TumblingEventTimeWindows.of('10 s'))
  const counted = unordered.allowedLateness('0 s').sideOutputLateData(tooLate).sum('price')
  await show(
    'late',
    counted.getSideOutput(tooLate).map(({ at }) => at),
  )
}
