/** Every attempt of the master is killed: the application ends FAILED with the cause, the client says it, nothing goes on. */
import { until } from '../../support/yarn-jobs.js'
import { expectNoStack } from '../../support/yarn-jobs.js'
import { atMost, Figures, type ScenarioReport } from '../figures.js'
import { Ticking, type Cluster } from '../ticking.js'

const ATTEMPTS = 2
const NAME = 'all attempts used up'

/** A job of its own for each round. */
export async function attemptsUsedUp(cluster: Cluster, rounds: number): Promise<ScenarioReport> {
  const begin = Date.now()
  const figures = new Figures()
  const failures: string[] = []
  for (let number = 1; number <= rounds; number++) {
    try {
      await round(cluster, number, figures)
      cluster.say(`  ${NAME} ${number}/${rounds}`)
    } catch (error) {
      failures.push(`${NAME}, round ${number}: ${(error as Error).message}`)
      await cluster.jobs.endAll().catch(() => undefined)
    }
  }
  return {
    name: NAME,
    rounds,
    passed: rounds - failures.length,
    failures,
    lines: figures.lines(),
    aims: [atMost('failed rounds', failures.length, 0)],
    seconds: (Date.now() - begin) / 1000,
  }
}

async function round(cluster: Cluster, number: number, figures: Figures): Promise<void> {
  const job = await Ticking.start(cluster, {
    name: `used-up-${number}`,
    parallelism: 1,
    options: { 'yarn.application-attempts': String(ATTEMPTS) },
  })
  let last = ''
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const master = await until(`attempt ${attempt}`, () => {
      const found = job.master()
      return found !== undefined && found.container !== last && found
    })
    last = master.container
    process.kill(master.pid, 'SIGKILL')
  }
  const at = Date.now()
  const { status, stderr } = await job.command.result
  figures.add('seconds until the client says so', (Date.now() - at) / 1000)
  if (status !== 1) throw new Error(`the client ended with ${String(status)}:\n${stderr}`)
  expectNoStack(stderr)
  for (const words of [
    /The application master failed: .*SIGKILL.*\(exit status 137\)/,
    new RegExp(`YARN application ${job.applicationId} failed`),
  ])
    if (!words.test(stderr)) throw new Error(`the client does not say ${String(words)}:\n${stderr.slice(-2_000)}`)
  const diagnostics = await job.expectNothingLeft('FAILED', 'FAILED')
  if (!/failed 2 times|AM Container/.test(diagnostics)) throw new Error(`YARN’s diagnostics name no cause: ${diagnostics}`)
}
