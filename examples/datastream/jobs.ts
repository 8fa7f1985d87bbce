/** Settings of jobs, and jobs that the program looks after. `npx weft run examples/datastream/jobs.ts` */
import { RestartStrategies, StreamExecutionEnvironment, WatermarkStrategy } from 'weft'

export async function main(): Promise<void> {
  const env = StreamExecutionEnvironment.getExecutionEnvironment()
  env
    .setParallelism(1)
    .setRuntimeMode('STREAMING')
    .setBufferTimeout('10 ms')
    .setLatencyTrackingInterval('1 s')
    .setRestartStrategy(RestartStrategies.fixedDelayRestart(3, '100 ms'))
    .set('pipeline.show-failing-record', 'true')
  console.log(`parallelism ${env.getParallelism()}`)

  // A job that is started again goes on with nothing lost.
  let failures = 0
  env
    .fromSequence(1, 5)
    .map((n) => {
      if (n === 3 && failures++ === 0 && process.env['WEFT_EXAMPLE_FAIL'] === 'yes') throw new Error('once')
      return n
    })
    .print('restarted')
  const result = await env.execute('restarted')
  console.log(`job ${result.jobId.length} characters, ran ${result.netRuntime >= 0}`)

  // Other strategies.
  env.setRestartStrategy(RestartStrategies.exponentialDelayRestart('100 ms', '10 s', 2))
  env.setRestartStrategy(RestartStrategies.failureRateRestart(3, '1 min', '1 s'))
  env.setRestartStrategy(RestartStrategies.noRestart())

  // A job that does not end by itself: the program goes on, and cancels it.
  env.disableOperatorChaining()
  env
    .fromSequence(1, 1_000_000_000_000)
    .assignTimestampsAndWatermarks(
      WatermarkStrategy.forMonotonousTimestamps<number>()
        .withTimestampAssigner((n) => n)
        .withWatermarkAlignment('all', '1 min'),
    )
    .filter(() => false)
    .print()
  const job = await env.executeAsync('endless')
  console.log(`job id of ${job.getJobID().length} characters`)
  while ((await job.getJobStatus()) !== 'RUNNING') await new Promise((resolve) => setTimeout(resolve, 20))
  await job.cancel()
  console.log(`it is ${await job.getJobStatus()}`)
}
