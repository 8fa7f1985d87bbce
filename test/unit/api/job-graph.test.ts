import { expect } from 'chai'
import {
  OutputTag,
  TableSink,
  TableSource,
  TumblingEventTimeWindows,
  Types,
  WatermarkStrategy,
  type StreamExecutionEnvironment,
} from '#api/weft.js'
import type { ProgramGraph } from '#api/host/program-graph.js'
import { JobGraphSchema, type JobGraph } from '#core/graph/job-graph.js'
import { graphOf } from './test-host.js'

/** `vertex (parallelism)` lines, then `source -KIND[keys]-> target` lines. */
function shape({ jobGraph }: ProgramGraph): string[] {
  const name = (id: string) => jobGraph.vertices.find((vertex) => (vertex.id as string) === id)?.name ?? '?'
  return [
    ...jobGraph.vertices.map((vertex) => `${vertex.name} (${vertex.parallelism})`),
    ...jobGraph.edges.map(({ source, target, partitioner, targetInput }) => {
      const detail =
        partitioner.kind === 'HASH' ? `[${partitioner.keys.join()}]` : partitioner.kind === 'CUSTOM' ? `[${partitioner.column}]` : ''
      return `${name(source)} -${partitioner.kind}${detail}-> ${name(target)}${targetInput === 0 ? '' : `#${targetInput}`}`
    }),
  ]
}

const ids = (graph: JobGraph) => new Map(graph.vertices.flatMap(({ operators }) => operators.map(({ name, id }) => [name, id] as const)))

const Word = Types.ROW({ word: Types.STRING, count: Types.INT })

describe('the job graph of a DataStream program', () => {
  it('chains what goes straight on with the same parallelism, as Flink does', async () => {
    const graph = await graphOf((env) =>
      env
        .setParallelism(2)
        .fromSequence(1, 10)
        .map((n) => n + 1)
        .filter((n) => n > 3)
        .print(),
    )
    expect(shape(graph)).to.deep.equal(['Source: Sequence Source -> Map -> Filter -> Sink: Print to Std. Out (2)'])
    expect(JobGraphSchema.safeParse(graph.jobGraph).error).to.equal(undefined)
  })

  it('deals out in turn where the parallelism changes', async () => {
    const graph = await graphOf((env) => {
      env
        .setParallelism(3)
        .fromElements(1, 2)
        .map((n) => n)
        .setParallelism(2)
        .print()
    })
    expect(shape(graph)).to.deep.equal([
      'Source: Collection Source (1)',
      'Map (2)',
      'Sink: Print to Std. Out (3)',
      'Source: Collection Source -REBALANCE-> Map',
      'Map -REBALANCE-> Sink: Print to Std. Out',
    ])
  })

  it('keys declared rows by their columns, anything else by an operator that adds the key', async () => {
    const byField = await graphOf((env) =>
      env
        .fromCollection([{ word: 'a', count: 1 }], Word)
        .keyBy('word')
        .sum('count')
        .print(),
    )
    expect(shape(byField)).to.include('Source: Collection Source -HASH[0]-> Keyed Aggregation -> Sink: Print to Std. Out')
    const byFunction = await graphOf((env) =>
      env
        .fromElements('a')
        .keyBy((word) => word)
        .reduce((a, b) => a + b)
        .print(),
    )
    expect(shape(byFunction)).to.include('Source: Collection Source -> KeyBy -HASH[2]-> Keyed Reduce -> Sink: Print to Std. Out')
  })

  it('hashes the keys of connected streams alike, whichever way each is named', async () => {
    const graph = await graphOf((env) => {
      const left = env.fromCollection([{ word: 'a', count: 1 }], Word)
      const right = env.fromElements('a')
      left
        .keyBy('word')
        .connect(right.keyBy((word) => word))
        .process<string>({ processElement1: () => undefined, processElement2: () => undefined })
        .print()
    })
    expect(shape(graph).filter((line) => line.includes('HASH'))).to.deep.equal([
      'Source: Collection Source -> KeyBy -HASH[3]-> Co-Keyed-Process -> Sink: Print to Std. Out',
      'Source: Collection Source -> KeyBy -HASH[2]-> Co-Keyed-Process -> Sink: Print to Std. Out#1',
    ])
  })

  it('makes one key-by for all who read the same keyed stream', async () => {
    const graph = await graphOf((env) => {
      const keyed = env.fromElements('a').keyBy((word) => word)
      keyed.reduce((a, b) => a + b).print()
      keyed.max().print()
    })
    expect([...graph.definitions.values()].filter(({ kind }) => kind === 'key-by')).to.have.length(1)
  })

  it('partitions as asked', async () => {
    const lines = async (partition: (stream: ReturnType<StreamExecutionEnvironment['fromSequence']>) => { print(): unknown }) =>
      shape(await graphOf((env) => partition(env.setParallelism(2).fromSequence(1, 9)).print())).filter((line) => line.includes('-> Sink'))
    expect(await lines((stream) => stream.rebalance())).to.match(/-REBALANCE->/)
    expect(await lines((stream) => stream.rescale())).to.match(/-RESCALE->/)
    expect(await lines((stream) => stream.shuffle())).to.match(/-SHUFFLE->/)
    expect(await lines((stream) => stream.broadcast())).to.match(/-BROADCAST->/)
    expect(await lines((stream) => stream.global())).to.match(/-GLOBAL->/)
    expect(
      await lines((stream) =>
        stream.partitionCustom(
          (key: number, n) => key % n,
          (value) => value,
        ),
      ),
    ).to.match(/Partition -CUSTOM\[2\]->/)
  })

  it('takes side outputs out of one operator by name', async () => {
    const late = new OutputTag<string>('late')
    const graph = await graphOf((env) => {
      const main = env
        .fromElements(1)
        .assignTimestampsAndWatermarks(WatermarkStrategy.forMonotonousTimestamps<number>().withTimestampAssigner((n) => n))
        .process<number>({ processElement: () => undefined })
      main.getSideOutput(late).print('late')
      main.print()
    })
    const [vertex] = graph.jobGraph.vertices
    expect(vertex?.operators.map(({ name }) => name)).to.include.members(['Process', 'Output: late', 'Output: main'])
    expect(vertex?.operators.find(({ name }) => name === 'Process')?.outputSchema.fields.map(({ name }) => name)).to.deep.equal([
      '$output',
      '$0.$value',
      '$1.$value',
      '$timestamp',
    ])
  })

  it('respects startNewChain, disableChaining and the option', async () => {
    const chain = (settings: Record<string, string>, apply: (s: { startNewChain(): unknown; disableChaining(): unknown }) => unknown) =>
      graphOf((env) => {
        const mapped = env.fromSequence(1, 2).map((n) => n)
        apply(mapped)
        mapped.print()
      }, settings)
    const vertices = async (graph: Promise<ProgramGraph>) => (await graph).jobGraph.vertices.map(({ name }) => name)
    const none = () => undefined
    expect(await vertices(chain({}, none))).to.have.length(1)
    expect(await vertices(chain({}, (s) => s.startNewChain()))).to.deep.equal(['Source: Sequence Source', 'Map -> Sink: Print to Std. Out'])
    expect(await vertices(chain({}, (s) => s.disableChaining()))).to.have.length(3)
    expect(await vertices(chain({ 'pipeline.operator-chaining.enabled': 'false' }, none))).to.have.length(3)
  })

  it('gives operators ids that depend on the program alone, and on the uid where there is one', async () => {
    const build =
      (uid: string | undefined, more = false) =>
      (env: StreamExecutionEnvironment) => {
        const source = env.fromElements('b')
        if (more) source.filter(() => true).print()
        const counted = source.keyBy((word) => word).reduce((a, b) => a + b)
        if (uid !== undefined) counted.uid(uid)
        counted.print()
      }
    const first = ids((await graphOf(build('counts'))).jobGraph)
    const again = ids((await graphOf(build('counts'))).jobGraph)
    const changed = ids((await graphOf(build('counts', true))).jobGraph)
    const renamed = ids((await graphOf(build('other'))).jobGraph)
    expect(again).to.deep.equal(first)
    expect(changed.get('Keyed Reduce')).to.equal(first.get('Keyed Reduce'))
    expect(renamed.get('Keyed Reduce')).not.to.equal(first.get('Keyed Reduce'))
    const place = ids((await graphOf(build(undefined))).jobGraph)
    const moved = ids((await graphOf(build(undefined, true))).jobGraph)
    expect(place.get('KeyBy')).to.equal(moved.get('KeyBy'))
    expect(place.get('Keyed Reduce')).not.to.equal(moved.get('Keyed Reduce'))
  })

  it('reads and writes connectors’ tables as declared rows', async () => {
    const Row = Types.ROW({ n: Types.INT })
    const graph = await graphOf((env) =>
      env
        .fromSource(TableSource.of({ connector: 'datagen', 'number-of-rows': '5' }, Row))
        .sinkTo(TableSink.of({ connector: 'blackhole' }, Row)),
    )
    expect(shape(graph)).to.deep.equal(['Source: datagen -> Rows -> Rows -> Sink: blackhole (1)'])
    expect(graph.jobGraph.vertices[0]?.operators[0]?.spec).to.include({ op: 'source', bounded: true })
  })

  it('is a batch job when it is asked to be, or when every source ends', async () => {
    const mode = (value: 'BATCH' | 'AUTOMATIC' | 'STREAMING') =>
      graphOf((env) => env.setRuntimeMode(value).fromSequence(1, 2).print()).then(({ jobGraph }) => jobGraph.jobType)
    expect(await mode('BATCH')).to.equal('BATCH')
    expect(await mode('AUTOMATIC')).to.equal('BATCH')
    expect(await mode('STREAMING')).to.equal('STREAMING')
  })

  describe('refuses, and says why', () => {
    const problem = async (build: (env: StreamExecutionEnvironment) => void): Promise<string> => {
      try {
        await graphOf(build)
      } catch (error) {
        return `${(error as { code: string }).code}: ${(error as Error).message}`
      }
      return 'no error'
    }

    it('two operators of one uid', async () => {
      expect(
        await problem((env) => {
          env.fromElements(1).map((n) => n).name('first').uid('x').print() // prettier-ignore
          env.fromElements(2).map((n) => n).name('second').uid('x').print() // prettier-ignore
        }),
      ).to.match(/^API_DUPLICATE_UID: .*'x'.*'first'.*'second'/)
    })

    it('forward() between different parallelisms', async () => {
      expect(
        await problem((env) => {
          env.fromElements(1).forward().map((n) => n).setParallelism(2).print() // prettier-ignore
        }),
      ).to.match(/^API_FORWARD_PARALLELISM: .*'Source: Collection Source' \(parallelism 1\).*'Map' \(parallelism 2\)/)
    })

    it('a key that is no field', async () => {
      expect(
        await problem((env) => {
          env.fromCollection([{ word: 'a', count: 1 }], Word).keyBy('wrod' as 'word').sum('count').print() // prettier-ignore
        }),
      ).to.match(/^API_UNKNOWN_KEY_FIELD: .*'wrod'.*word, count/)
    })

    it('a table with other columns than the elements', async () => {
      expect(
        await problem(
          (env) => void env.fromElements({ n: 1 }).sinkTo(TableSink.of({ connector: 'blackhole' }, Types.ROW({ n: Types.INT }))),
        ),
      ).to.match(/^API_TABLE_TYPE_MISMATCH: .*any value \(no type declared\).*\(n INT NOT NULL\).*returns\(type\)/)
    })

    it('options of a connector that it does not have', async () => {
      expect(
        await problem(
          (env) => void env.fromSource(TableSource.of({ connector: 'datagen', rows: '3' }, Types.ROW({ n: Types.INT }))).print(),
        ),
      ).to.match(/^TABLE_OPTION_UNKNOWN/)
    })

    it('an unbounded source in a batch', async () => {
      expect(
        await problem(
          (env) =>
            void env
              .setRuntimeMode('BATCH')
              .fromSource(TableSource.of({ connector: 'datagen' }, Types.ROW({ n: Types.INT })))
              .print(),
        ),
      ).to.match(/^API_UNBOUNDED_IN_BATCH: .*'Source: datagen'/)
    })

    it('a window function that is not what the method takes', async () => {
      const windows = (env: StreamExecutionEnvironment) =>
        env
          .fromElements(1)
          .keyBy((n) => n)
          .window(TumblingEventTimeWindows.of('1 s'))
      const bare = (() => undefined) as never
      const count = { createAccumulator: () => 0, add: (_: number, n: number) => n + 1, getResult: (n: number) => n, merge: () => 0 }
      const expected = (method: string) =>
        `API_INVALID_SETTING: The window function of ${method}() cannot be a function: give an object { process(key, context, elements, out) { … } }`
      expect(await problem((env) => windows(env).aggregate(count, bare))).to.equal(
        `${expected('aggregate')}, or the type of the results (Types.…)`,
      )
      expect(await problem((env) => windows(env).reduce((a, b) => a + b, bare))).to.equal(expected('reduce'))
      expect(await problem((env) => windows(env).process(bare))).to.equal(expected('process'))
      expect(await problem((env) => windows(env).reduce((a, b) => a + b, Types.INT as never))).to.match(
        /cannot be an object without a method/,
      )
      expect(await problem((env) => windows(env).aggregate(count, null as never))).to.match(/^API_INVALID_SETTING/)
      expect(await problem((env) => windows(env).aggregate(count, Types.DOUBLE).print())).to.equal('no error')
    })

    it('nothing to run', async () => {
      expect(await problem(() => undefined)).to.match(/^API_NOTHING_TO_EXECUTE/)
    })

    it('options, parallelisms, durations and windows that cannot be', async () => {
      expect(await problem((env) => env.set('parallelism.defualt', '2'))).to.match(/^CONFIG_UNKNOWN_OPTION: .*parallelism\.default/)
      expect(await problem((env) => env.setParallelism(0))).to.match(/^CONFIG_INVALID_VALUE/)
      expect(await problem((env) => env.fromElements(1).setParallelism(2))).to.match(/^API_INVALID_SETTING: .*at most 1/)
      expect(await problem((env) => env.enableCheckpointing('soon'))).to.match(
        /^API_INVALID_DURATION: the checkpoint interval cannot be 'soon'/,
      )
      expect(await problem(() => TumblingEventTimeWindows.of(0))).to.match(/^API_INVALID_DURATION: the size of a window/)
    })
  })
})
