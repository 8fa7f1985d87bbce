/** Every number with how many of its key there were up to it, into files. Arguments: directory of the output, numbers per second, the last one. */
import {
  StreamExecutionEnvironment,
  TableSink,
  TableSource,
  Types,
  WatermarkStrategy,
  type Collector,
  type KeyedProcessContext,
  type KeyedProcessFunction,
  type RuntimeContext,
  type ValueState,
} from 'weft'

export const KEYS = 50

const Numbered = Types.ROW({ id: Types.INT })
const Counted = Types.ROW({ id: Types.INT, k: Types.INT, n: Types.INT })

interface Counted {
  id: number
  k: number
  n: number
}

class Counts implements KeyedProcessFunction<number, { id: number }, Counted> {
  #count!: ValueState<number>

  open(context: RuntimeContext): void {
    this.#count = context.getState({ name: 'count' })
  }

  processElement({ id }: { id: number }, context: KeyedProcessContext<number>, out: Collector<Counted>): void {
    const n = (this.#count.value() ?? 0) + 1
    this.#count.update(n)
    out.collect({ id, k: context.getCurrentKey(), n })
  }
}

export async function main(): Promise<void> {
  const env = StreamExecutionEnvironment.getExecutionEnvironment()
  const [path, perSecond, last] = env.args
  if (path === undefined || perSecond === undefined || last === undefined) throw new Error('three arguments are needed')
  const numbers = TableSource.of(
    {
      connector: 'datagen',
      'rows-per-second': perSecond,
      'fields.id.kind': 'sequence',
      'fields.id.start': '1',
      'fields.id.end': last,
    },
    Numbered,
  )
  env
    .fromSource(numbers, WatermarkStrategy.noWatermarks(), 'numbers')
    .uid('numbers')
    .keyBy(({ id }) => id % KEYS)
    .process(new Counts(), Counted)
    .uid('counts')
    .sinkTo(TableSink.of({ connector: 'filesystem', format: 'csv', path }, Counted))
    .uid('files')
  await env.execute('counts per key')
}
