/** What a stream can be made into, element by element, and how elements find their subtask. `npx weft run examples/datastream/transformations.ts` */
import { StreamExecutionEnvironment, Types, type DataStream } from 'weft'

const Reading = Types.ROW({ sensor: Types.STRING, celsius: Types.DOUBLE, at: Types.INT })

const READINGS = [
  { sensor: 'a', celsius: 20, at: 1 },
  { sensor: 'b', celsius: 25, at: 2 },
  { sensor: 'a', celsius: 18, at: 3 },
  { sensor: 'b', celsius: 27, at: 4 },
]

async function show<T>(what: string, stream: DataStream<T>): Promise<void> {
  const elements: string[] = []
  for await (const element of await stream.executeAndCollect(what)) elements.push(JSON.stringify(element))
  console.log(`${what}: ${elements.sort().join(' ')}`)
}

export async function main(): Promise<void> {
  const env = StreamExecutionEnvironment.getExecutionEnvironment().setParallelism(2).setMaxParallelism(16)
  const numbers = () => env.fromSequence(1, 6)
  const readings = () => env.fromCollection(READINGS, Reading)

  await show(
    'map',
    numbers().map((n) => n * 10),
  )
  await show(
    'filter',
    numbers().filter((n) => n % 2 === 0),
  )
  await show(
    'flatMap',
    env.fromElements('to be', 'or not').flatMap((line) => line.split(' ')),
  )
  await show(
    'flatMap, collecting',
    numbers().flatMap<number>((n, out) => {
      if (n > 4) out.collect(n)
    }),
  )
  await show(
    'declared type',
    numbers()
      .map((n) => ({ n, text: `#${n}` }))
      .returns(Types.ROW({ n: Types.DOUBLE, text: Types.STRING })),
  )
  await show('union', env.fromElements(1, 2).union(env.fromElements(3), env.fromElements(4)))

  // The last element of each key is the whole truth: sums and minima roll.
  await show(
    'sum',
    readings()
      .keyBy('sensor')
      .sum('celsius')
      .filter(({ at }) => at > 0)
      .map(({ sensor, celsius }) => `${sensor}${celsius}`),
  )
  await show(
    'min',
    readings()
      .keyBy('sensor')
      .min('celsius')
      .map(({ sensor, celsius, at }) => `${sensor}${celsius}@${at}`),
  )
  await show(
    'minBy',
    readings()
      .keyBy('sensor')
      .minBy('celsius')
      .map(({ sensor, celsius, at }) => `${sensor}${celsius}@${at}`),
  )
  await show(
    'max',
    readings()
      .keyBy('sensor')
      .max('celsius')
      .map(({ sensor, celsius }) => `${sensor}${celsius}`),
  )
  await show(
    'maxBy',
    readings()
      .keyBy('sensor')
      .maxBy('celsius')
      .map(({ sensor, celsius, at }) => `${sensor}${celsius}@${at}`),
  )
  await show(
    'reduce',
    env
      .fromElements(1, 2, 3, 4, 5, 6)
      .keyBy((n) => n % 2 === 0)
      .reduce((a, b) => a + b),
  )
  await show(
    'several fields',
    readings()
      .keyBy(['sensor', 'at'])
      .max('celsius')
      .map(({ at }) => at),
  )

  await show(
    'rebalance',
    numbers()
      .rebalance()
      .map((n) => n),
  )
  await show(
    'rescale',
    numbers()
      .rescale()
      .map((n) => n),
  )
  await show(
    'shuffle',
    numbers()
      .shuffle()
      .map((n) => n),
  )
  await show(
    'forward',
    numbers()
      .forward()
      .map((n) => n),
  )
  await show(
    'global',
    numbers()
      .global()
      .map((n) => n),
  )
  await show(
    'broadcast',
    env
      .fromElements(1, 2)
      .broadcast()
      .map((n) => n),
  )
  await show(
    'partitionCustom',
    numbers()
      .partitionCustom(
        (key: number, partitions) => key % partitions,
        (n) => n,
      )
      .map((n) => n),
  )

  await show(
    'operators of their own',
    numbers()
      .map((n) => n)
      .name('same')
      .uid('same')
      .setParallelism(1)
      .setMaxParallelism(8)
      .startNewChain()
      .map((n) => n)
      .disableChaining(),
  )
  console.log(`the first two: ${(await env.fromElements(7, 8, 9).executeAndCollect(2)).join(' ')}`)
}
