/**
 * Checkpoints and savepoints: what a job has counted survives its failure, and its end.
 * `npx weft run examples/datastream/exactly-once.ts <directory>`, with a directory that every worker sees
 */
import { StreamExecutionEnvironment } from 'weft'

export async function main(): Promise<void> {
  const env = StreamExecutionEnvironment.getExecutionEnvironment()
  const [directory] = env.args
  if (directory === undefined) throw new Error('name a directory for checkpoints')
  env.enableCheckpointing('100 ms', {
    mode: 'EXACTLY_ONCE',
    directory: `${directory}/checkpoints`,
    timeout: '1 min',
    minPause: '10 ms',
    tolerableFailures: 3,
    unaligned: false,
  })

  env
    .fromSequence(1, 1_000_000_000_000)
    .keyBy((n) => n % 10)
    .reduce((a, b) => a + b)
    .uid('sums')
    .filter(() => false)
    .print()
  const job = await env.executeAsync('sums')
  while ((await job.getJobStatus()) !== 'RUNNING') await new Promise((resolve) => setTimeout(resolve, 20))
  const first = await job.triggerSavepoint(`${directory}/savepoints`)
  console.log(`a savepoint: ${first.includes('savepoint-')}`)
  const last = await job.stopWithSavepoint(false, `${directory}/savepoints`)
  console.log(`the last one: ${last.includes('savepoint-')}`)
  await job.getJobExecutionResult()
  console.log(`it is ${await job.getJobStatus()}`)
}
