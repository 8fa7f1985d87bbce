/** Two streams: joins, co-groups, connected streams, broadcast state. `npx weft run examples/datastream/joins.ts` */
import {
  StreamExecutionEnvironment,
  TumblingEventTimeWindows,
  WatermarkStrategy,
  OutputTag,
  type DataStream,
  type MapStateDescriptor,
  type ValueStateDescriptor,
} from 'weft'

interface Order {
  readonly id: number
  readonly item: string
  readonly at: number
}
interface Payment {
  readonly order: number
  readonly amount: number
  readonly at: number
}

const ORDERS: readonly Order[] = [
  { id: 1, item: 'lamp', at: 1 },
  { id: 2, item: 'book', at: 2 },
  { id: 3, item: 'pen', at: 12 },
]
const PAYMENTS: readonly Payment[] = [
  { order: 1, amount: 5, at: 3 },
  { order: 3, amount: 7, at: 14 },
  { order: 1, amount: 6, at: 25 },
]

const paid: ValueStateDescriptor<number> = { name: 'paid', defaultValue: 0 }
const prices: MapStateDescriptor<string, number> = { name: 'prices' }
const lateOrders = new OutputTag<Order>('late-orders')
const latePayments = new OutputTag<Payment>('late-payments')

async function show<T>(what: string, stream: DataStream<T>): Promise<void> {
  const elements: string[] = []
  for await (const element of await stream.executeAndCollect(what)) elements.push(JSON.stringify(element))
  console.log(`${what}: ${elements.sort().join(' ')}`)
}

export async function main(): Promise<void> {
  const env = StreamExecutionEnvironment.getExecutionEnvironment()
  const time = <T extends { at: number }>() =>
    WatermarkStrategy.forMonotonousTimestamps<T>().withTimestampAssigner((each) => each.at * 1000)
  const orders = () => env.fromCollection(ORDERS).assignTimestampsAndWatermarks(time<Order>())
  const payments = () => env.fromCollection(PAYMENTS).assignTimestampsAndWatermarks(time<Payment>())

  await show(
    'join',
    orders()
      .join(payments())
      .where((order) => order.id)
      .equalTo((payment) => payment.order)
      .window(TumblingEventTimeWindows.of('10 s'))
      .apply((order, payment) => `${order.item} ${payment.amount}`),
  )
  await show(
    'join, collecting',
    orders()
      .join(payments())
      .where((order) => order.id)
      .equalTo((payment) => payment.order)
      .window(TumblingEventTimeWindows.of('1 min'))
      .allowedLateness('1 s')
      .flatApply<number>((_order, payment, out) => {
        if (payment.amount > 5) out.collect(payment.amount)
      }),
  )
  await show(
    'coGroup',
    orders()
      .coGroup(payments())
      .where((order) => order.id)
      .equalTo((payment) => payment.order)
      .window(TumblingEventTimeWindows.of('1 min'))
      .apply<string>({
        coGroup: (left, right, out) => out.collect(`${left[0]?.item} paid ${right.length} times`),
      }),
  )
  await show(
    'intervalJoin',
    orders()
      .keyBy((order) => order.id)
      .intervalJoin(payments().keyBy((payment) => payment.order))
      .between('0 s', '5 s')
      .lowerBoundExclusive()
      .upperBoundExclusive()
      .sideOutputLeftLateData(lateOrders)
      .sideOutputRightLateData(latePayments)
      .process<string>({
        processElement: (order, _payment, context, out) =>
          out.collect(`${order.item} after ${context.getRightTimestamp() - context.getLeftTimestamp()} ms`),
      }),
  )

  await show(
    'connect, map',
    env
      .fromElements(1, 2)
      .connect(env.fromElements('a'))
      .map<string>({ map1: (n) => `number ${n}`, map2: (text) => `text ${text}` }),
  )
  await show(
    'connect, flatMap',
    env
      .fromElements(1, 2)
      .connect(env.fromElements('a b'))
      .flatMap<string>({
        flatMap1: (n, out) => out.collect(String(n)),
        flatMap2: (text) => text.split(' '),
      }),
  )
  await show(
    'connect, process',
    env
      .fromElements(1)
      .connect(env.fromElements('a'))
      .process<string>({
        processElement1: (n, _context, out) => out.collect(`${n}`),
        processElement2: (text, _context, out) => out.collect(text),
      }),
  )
  await show(
    'connect, keyed',
    payments()
      .connect(orders())
      .keyBy(
        (payment) => payment.order,
        (order) => order.id,
      )
      .process<string>(new Balances())
      .filter((line) => line.endsWith('12000')),
  )

  const catalogue = env.fromElements<[string, number]>(['lamp', 10], ['book', 20])
  await show(
    'broadcast state',
    orders()
      .connect(catalogue.broadcast(prices))
      .process<string>({
        processElement: (order, context, out) => {
          if (context.getBroadcastState(prices).contains('nothing')) out.collect(order.item)
        },
        processBroadcastElement: ([item, price], context, out) => {
          context.getBroadcastState(prices).put(item, price)
          out.collect(`${item} costs ${price}`)
        },
      }),
  )
  await show(
    'broadcast state, keyed',
    orders()
      .keyBy((order) => order.item)
      .connect(catalogue.broadcast(prices))
      .process<string>({
        processElement: () => undefined,
        processBroadcastElement: ([item], context, out) => {
          context.getBroadcastState(prices).put(item, 1)
          out.collect([...context.getBroadcastState(prices).entries()].map(([name]) => name).join('+'))
        },
      }),
  )
}

/** What was paid of each order, when its time has come. */
class Balances {
  #paid!: { value(): number | undefined; update(value: number): void }

  open(context: import('weft').RuntimeContext): void {
    this.#paid = context.getState(paid)
  }

  processElement1(payment: Payment): void {
    this.#paid.update((this.#paid.value() ?? 0) + payment.amount)
  }

  processElement2(order: Order, context: import('weft').KeyedProcessContext<number>): void {
    context.timerService().registerEventTimeTimer(order.at * 1000)
  }

  onTimer(timestamp: number, context: import('weft').OnTimerContext<number>, out: import('weft').Collector<string>): void {
    out.collect(`order ${context.getCurrentKey()} at ${timestamp}`)
  }
}
