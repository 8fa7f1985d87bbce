/**
 * `make nexmark-check`: q0 to q22 over 20 000 events against the expected results, at parallelism 1 and 2, each also with mini-batch and gone on
 * from a checkpoint in its middle at the other parallelism. Status 1 unless all are equal. Arguments: queries (default: all).
 */
import { describeFailure } from '#am/application/describe-failure.js'
import { InProcessJob } from './in-process-job.js'
import { difference, foldedLines, planQuery, QUERIES } from './queries.js'

/** Polls of each source subtask before the checkpoint: events come 4 000 a poll. */
const HALF = 2

/** As Flink's users set it. */
const MINI_BATCH = {
  'table.exec.mini-batch.enabled': 'true',
  'table.exec.mini-batch.allow-latency': '2 s',
  'table.exec.mini-batch.size': '50000',
}

async function whole(query: string, parallelism: number, more: Readonly<Record<string, string>> = {}): Promise<string[]> {
  const { jobGraph, schema } = await planQuery(query, { ...settings(parallelism), ...more })
  const job = await InProcessJob.start(jobGraph)
  await job.run()
  await job.close()
  return foldedLines(job.rows, schema)
}

async function interrupted(query: string, before: number, after: number): Promise<string[]> {
  const first = await planQuery(query, settings(before))
  const one = await InProcessJob.start(first.jobGraph)
  await one.run(Math.ceil(HALF / before))
  const checkpoint = one.checkpoint()
  // What comes after the checkpoint is forgotten.
  await one.run(1)
  await one.close()
  const second = await planQuery(query, settings(after))
  const two = await InProcessJob.start(second.jobGraph, checkpoint)
  await two.run()
  await two.close()
  return foldedLines([...one.rows.slice(0, checkpoint.rows), ...two.rows], first.schema)
}

function settings(parallelism: number): Record<string, string> {
  return { 'execution.runtime-mode': 'STREAMING', 'parallelism.default': String(parallelism), 'pipeline.max-parallelism': '128' }
}

const RUNS: readonly (readonly [name: string, run: (query: string) => Promise<string[]>])[] = [
  ['parallelism 1', (query) => whole(query, 1)],
  ['parallelism 2', (query) => whole(query, 2)],
  ['mini-batch', (query) => whole(query, 1, MINI_BATCH)],
  ['mini-batch at 2', (query) => whole(query, 2, MINI_BATCH)],
  ['restored at 1', (query) => interrupted(query, 1, 1)],
  ['restored from 2 to 1', (query) => interrupted(query, 2, 1)],
  ['restored from 1 to 2', (query) => interrupted(query, 1, 2)],
]

async function check(query: string): Promise<boolean> {
  for (const [name, run] of RUNS) {
    try {
      const problem = difference(query, await run(query))
      if (problem === undefined) continue
      process.stdout.write(`${query}: ${name}: ${problem}\n`)
    } catch (error) {
      process.stdout.write(`${query}: ${name}: ${describeFailure(error).split('\n').slice(0, 3).join(' ')}\n`)
    }
    return false
  }
  process.stdout.write(`${query}: equal\n`)
  return true
}

const wanted = process.argv.slice(2)
const queries = wanted.length === 0 ? QUERIES : wanted
let failed = 0
for (const query of queries) if (!(await check(query))) failed++
process.stdout.write(`${queries.length} queries, ${failed} failed\n`)
process.exit(failed === 0 ? 0 : 1)
