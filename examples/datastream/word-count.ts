/**
 * Counts words. `npx weft run examples/datastream/word-count.ts [text …]`, with `-t local` or `-t yarn-application` alike.
 *
 *   source ─▶ split ─▶ keyBy(word) ─▶ sum(count) ─▶ print
 */
import { StreamExecutionEnvironment, Types } from 'weft'

const WordCount = Types.ROW({ word: Types.STRING, count: Types.INT })

const POEM = [
  'To be, or not to be, that is the question:',
  'Whether tis nobler in the mind to suffer',
  'The slings and arrows of outrageous fortune,',
  'Or to take arms against a sea of troubles,',
]

export async function main(): Promise<void> {
  const env = StreamExecutionEnvironment.getExecutionEnvironment()
  const lines = env.args.length > 0 ? env.args : POEM

  env
    .fromCollection(lines)
    .name('lines')
    .flatMap((line) => line.toLowerCase().match(/\w+/g) ?? [])
    .name('words')
    .map((word) => ({ word, count: 1 }), WordCount)
    .keyBy('word')
    .sum('count')
    .uid('word-counts')
    .map(({ word, count }) => `${word}: ${count}`)
    .print()

  await env.execute('word-count')
}
