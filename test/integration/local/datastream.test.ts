/** The DataStream examples, each run by the command, and what users read when their functions fail. */
import { expect } from 'chai'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as api from '#api/weft.js'
import { projectRoot } from '../../support/project-root.js'
import { runWeft } from '../../support/weft-command.js'

const EXAMPLES = 'examples/datastream'

/** What the program wrote, without the progress of its jobs. */
async function output(example: string, ...args: string[]): Promise<string[]> {
  const { status, stdout, stderr } = await runWeft(['run', `${EXAMPLES}/${example}.ts`, ...args])
  expect(status, stdout + stderr).to.equal(0)
  return stdout.split('\n').filter((line) => line !== '' && !/^(Job |  [A-Z]{4,})/.test(line))
}

describe('examples/datastream, embedded', () => {
  let directory: string
  beforeEach(() => (directory = mkdtempSync(join(tmpdir(), 'weft-test-'))))
  afterEach(() => rmSync(directory, { recursive: true, force: true }))

  it('word-count', async () => {
    expect(await output('word-count', 'to be or', 'not to be')).to.deep.equal(['to: 1', 'be: 1', 'or: 1', 'not: 1', 'to: 2', 'be: 2'])
  })

  it('transformations', async () => {
    expect(await output('transformations')).to.deep.equal([
      'map: 10 20 30 40 50 60',
      'filter: 2 4 6',
      'flatMap: "be" "not" "or" "to"',
      'flatMap, collecting: 5 6',
      `declared type: ${[1, 2, 3, 4, 5, 6].map((n) => `{"n":${n},"text":"#${n}"}`).join(' ')}`,
      'union: 1 2 3 4',
      'sum: "a20" "a38" "b25" "b52"',
      'min: "a18@1" "a20@1" "b25@2" "b25@2"',
      'minBy: "a18@3" "a20@1" "b25@2" "b25@2"',
      'max: "a20" "a20" "b25" "b27"',
      'maxBy: "a20@1" "a20@1" "b25@2" "b27@4"',
      'reduce: 1 12 2 4 6 9',
      'several fields: 1 2 3 4',
      ...['rebalance', 'rescale', 'shuffle', 'forward', 'global'].map((how) => `${how}: 1 2 3 4 5 6`),
      'broadcast: 1 1 2 2',
      'partitionCustom: 1 2 3 4 5 6',
      'operators of their own: 1 2 3 4 5 6',
      'the first two: 7 8',
    ])
  })

  it('windows', async () => {
    expect(await output('windows')).to.deep.equal([
      'tumbling: "book 3" "book 4" "lamp 13" "lamp 7" "lamp 9"',
      'sliding: "book 3" "book 4" "book 4" "lamp 7" "lamp 7" "lamp 8" "lamp 8" "lamp 9" "lamp 9"',
      'session: 3.5 7 7.333333333333333',
      'session by element: 3 4 7 9',
      'reduce and window: "book 3 until 10 s" "book 4 until 20 s" "lamp 7 until 30 s" "lamp 8 until 10 s" "lamp 9 until 20 s"',
      'aggregate and window: "book 3" "book 4" "lamp 6.5" "lamp 7" "lamp 9"',
      'process: "book 2 from 5 s" "lamp 1 from 25 s" "lamp 1 from 5 s" "lamp 2 from -5 s"',
      'apply: "book 3 at 0" "book 4 at 10" "lamp 5+8 at 0" "lamp 7 at 20" "lamp 9 at 10"',
      'minimum: 3 5',
      'smallest: 1 5',
      'all in one: 36',
      'count: "book 7" "lamp 13" "lamp 16"',
      'sliding count: "book 3" "book 7" "lamp 13" "lamp 16" "lamp 17" "lamp 5"',
      'global: 4 8 9',
      'early and at the end: 29 7',
      'every 20 s and at the end: 4 4 4 9 9 9',
      'the last of each: 12 27',
      'the newest: 1 1',
      'by the clock: "book" "book" "lamp" "lamp" "lamp" "lamp"',
      'by the clock, sliding: "book" "book" "lamp" "lamp" "lamp" "lamp"',
      'by the clock, at no time: ',
      'by the clock, every hour: ',
      'by the clock, sessions: ',
      'late: 3',
    ])
  })

  it('joins', async () => {
    const lines = await output('joins')
    expect(lines).to.include.members([
      'join: "lamp 5" "pen 7"',
      'join, collecting: 6 7',
      'coGroup: "book paid 0 times" "lamp paid 2 times" "pen paid 1 times"',
      'intervalJoin: "lamp after 2000 ms" "pen after 2000 ms"',
      'connect, map: "number 1" "number 2" "text a"',
      'connect, flatMap: "1" "2" "a" "b"',
      'connect, process: "1" "a"',
      'connect, keyed: "order 3 at 12000"',
      'broadcast state: "book costs 20" "lamp costs 10"',
      'broadcast state, keyed: "lamp" "lamp+book"',
    ])
  })

  it('state-and-timers', async () => {
    expect(await output('state-and-timers')).to.have.members([
      'unknown page> x',
      'visit> ann: 3 clicks, / /buy /, /buy×1 /×2, mean 2.7',
      'visit> bob: 2 clicks, / /, /×2, mean 61.0',
    ])
  })

  it('async-io', async () => {
    expect(await output('async-io')).to.deep.equal([
      'ordered: "user 1" "user 2" "user 3" "user 4"',
      'unordered: "user 1" "user 2" "user 3" "user 4"',
      'retried: "user 1 at try 2" "user 2 at try 2" "user 3 at try 2" "user 4 at try 2"',
      'retried later: 1 2 3 4',
      'timed out: "user 1" "nobody 2" "user 3" "user 4"',
    ])
  })

  it('sources-and-sinks', async () => {
    expect(await output('sources-and-sinks', directory)).to.deep.equal(['sensor> 1', 'sensor> 2', 'sensor> 3'])
    const lines = readFileSync(join(directory, 'lines.txt'), 'utf8').trim().split('\n')
    expect(lines).to.have.members(Array.from({ length: 10 }, (_, i) => `line ${i + 1}`))
  })

  it('jobs', async () => {
    const lines = await output('jobs')
    expect(lines).to.include.members(['parallelism 1', 'restarted> 5', 'job 32 characters, ran true', 'it is CANCELED'])
  })

  it('exactly-once', async () => {
    expect(await output('exactly-once', directory)).to.deep.equal(['a savepoint: true', 'the last one: true', 'it is FINISHED'])
  })

  it('shows every public class, function and method in use', () => {
    const text = readdirSync(join(projectRoot, EXAMPLES))
      .map((file) => readFileSync(join(projectRoot, EXAMPLES, file), 'utf8'))
      .join('\n')
    const missing: string[] = []
    /** Made by others, never named by programs. */
    const made =
      /^(DataStream|DataStreamSink|KeyedStream|SingleOutputStreamOperator|WindowedStream|ConnectedStreams|Broadcast.*|.*Join(ed)?|JoinedStreams|.*CoGroup.*)$/
    for (const [name, value] of Object.entries(api)) {
      if (!made.test(name) && !text.includes(name)) missing.push(name)
      if (name === 'Types') continue // types of fields are values, not calls
      const members =
        typeof value === 'function'
          ? [
              ...Object.getOwnPropertyNames((value as { prototype: object }).prototype),
              ...Object.getOwnPropertyNames(value).filter((member) => !['length', 'name', 'prototype'].includes(member)),
            ]
          : Object.keys(value)
      const internal = ['constructor', 'transform', 'partitioned']
      for (const member of members) {
        if (!internal.includes(member) && !new RegExp(`\\.${member}\\b`).test(text)) missing.push(`${name}.${member}`)
      }
    }
    expect(missing).to.deep.equal([])
  })
})

describe('a DataStream program with checkpoints', () => {
  let directory: string
  beforeEach(() => (directory = mkdtempSync(join(tmpdir(), 'weft-test-'))))
  afterEach(() => rmSync(directory, { recursive: true, force: true }))

  it('counts every element once although its function fails in between', async () => {
    const file = join(directory, 'program.ts')
    writeFileSync(
      file,
      `
import { RestartStrategies, StreamExecutionEnvironment, TumblingEventTimeWindows, Types, WatermarkStrategy } from 'weft'
const N = 1_000_000
let failures = 0
export async function main(): Promise<void> {
  const env = StreamExecutionEnvironment.getExecutionEnvironment().setParallelism(2)
  env.enableCheckpointing('50 ms', { directory: env.args[0] }).setRestartStrategy(RestartStrategies.fixedDelayRestart(5, '10 ms'))
  let seen = 0
  const sums = env
    .fromSequence(1, N)
    .assignTimestampsAndWatermarks(WatermarkStrategy.forMonotonousTimestamps<number>().withTimestampAssigner((n) => n))
    .map((n) => {
      if (++seen === 400_000 && failures++ === 0) throw new Error('once')
      return n
    }, Types.DOUBLE)
    .keyBy((n) => n % 10)
    .window(TumblingEventTimeWindows.of('1000 d'))
    .reduce((a, b) => a + b)
  let total = 0
  for await (const sum of await sums.executeAndCollect()) total += sum
  console.log(total === (N * (N + 1)) / 2 ? 'exactly once' : 'wrong: ' + total)
}
`,
    )
    const { status, stdout, stderr } = await runWeft(['run', file, join(directory, 'checkpoints')])
    expect(status, stderr).to.equal(0)
    expect(stdout).to.match(/^exactly once$/m)
  })
})

describe('a DataStream program that goes wrong', () => {
  let directory: string
  beforeEach(() => (directory = mkdtempSync(join(tmpdir(), 'weft-test-'))))
  afterEach(() => rmSync(directory, { recursive: true, force: true }))

  async function failure(...lines: string[]): Promise<string> {
    const file = join(directory, 'program.ts')
    writeFileSync(
      file,
      [`import { StreamExecutionEnvironment, RestartStrategies, Types } from 'weft'`, 'export async function main() {',
        'const env = StreamExecutionEnvironment.getExecutionEnvironment()', ...lines, '}'].join('\n'), // prettier-ignore
    )
    const { status, stderr } = await runWeft(['run', file])
    expect(status).to.equal(1)
    return stderr
  }

  it('names the place in its own source, the operator, the subtask and, if asked, the record', async () => {
    const stderr = await failure(
      `env.set('pipeline.show-failing-record', 'true').setRestartStrategy(RestartStrategies.fixedDelayRestart(1, '10 ms'))`,
      `interface Order { readonly item: { readonly price: number } }`,
      `env.fromCollection<Order>([{ item: { price: 3 } }, {} as Order])`,
      `  .map((order) => order.item.price)`,
      `  .name('prices').print()`,
      `await env.execute()`,
    )
    expect(stderr).to.match(/^TypeError: Cannot read properties of undefined \(reading 'price'\)\n\s+at .*program\.ts:7:\d+/m)
    expect(stderr).to.contain(`thrown by map of operator 'prices', subtask 1/1`)
    expect(stderr).to.contain('for the record {}')
    expect(stderr).to.contain('the job was restarted once')
  })

  it('names field, expected and found where a declared row has another type', async () => {
    const stderr = await failure(
      `env.fromElements(1).map((id) => ({ id, name: 7 as unknown as string }), Types.ROW({ id: Types.INT, name: Types.STRING })).name('typed').print()`,
      'await env.execute()',
    )
    expect(stderr).to.match(/'typed'.*field 'name' is the number 7, declared is STRING/)
  })

  it('is told when its main is not deterministic', async () => {
    const stderr = await failure('env.fromElements(1).map((n) => n).name(`at ${Math.random()}`).print()', 'await env.execute()')
    expect(stderr).to.match(/^non-deterministic main: program\.ts .*operator 2, 'at 0\.\d+', is the first that differs/m)
  })

  it('is told that it runs nothing', async () => {
    expect(await failure('env.fromElements(1).print()')).to.contain(
      "program.ts built a pipeline of 2 operator(s) and ended without running it: call 'await env.execute()' at its end",
    )
  })
})
