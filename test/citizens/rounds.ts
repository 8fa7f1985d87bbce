/** Runs the rounds of a scenario on one job, ends the job, and holds what was found against its aims. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { projectRoot } from '../support/project-root.js'
import { atMost, exactly, type Aim, type Figures, type ScenarioReport } from './figures.js'
import { longestPause } from './job.js'
import { Ticking, type Cluster, type TickingOptions } from './ticking.js'

/** From one moment of a round to another, wall clock: how long no row was made then is a figure of that name, seconds. */
export interface Stretch {
  readonly figure: string
  readonly from: number
  readonly to: number
}

export interface Round {
  readonly job: Ticking
  readonly number: number
  readonly figures: Figures
  readonly stretches: Stretch[]
}

export interface Scenario {
  readonly name: string
  readonly job: TickingOptions
  run(round: Round): Promise<void>
  /** Of the whole run, in view of the log of the masters too. */
  aims(figures: Figures, job: Ticking): Aim[]
}

/** A round that fails ends the scenario: what comes after it would say nothing. */
export async function runRounds(cluster: Cluster, scenario: Scenario, rounds: number, figures: Figures): Promise<ScenarioReport> {
  const begin = Date.now()
  const failures: string[] = []
  const aims: Aim[] = []
  const stretches: Stretch[] = []
  let passed = 0
  let job: Ticking | undefined
  try {
    job = await Ticking.start(cluster, scenario.job)
    for (let number = 1; number <= rounds; number++) {
      await job.settled()
      const at = Date.now()
      await scenario.run({ job, number, figures, stretches })
      passed++
      cluster.say(`  ${scenario.name} ${number}/${rounds}: ${((Date.now() - at) / 1000).toFixed(1)} s`)
    }
    await job.settled()
    const verdict = await job.stop()
    for (const { figure, from, to } of stretches) figures.add(figure, longestPause(verdict.times, from, to) / 1000)
    for (const each of verdict.faults) cluster.say(`  ${each}`)
    aims.push(exactly(`faults in ${verdict.rows} rows and ${verdict.windows} windows`, verdict.faults.length, 0))
    aims.push(...scenario.aims(figures, job))
  } catch (error) {
    failures.push(`${scenario.name}, round ${passed + 1}: ${(error as Error).message}`)
    if (job !== undefined) failures.push(job.log().split('\n').slice(-30).join('\n'))
    await cluster.jobs.endAll().catch(() => undefined)
  }
  if (job !== undefined) saveLog(scenario.job.name, job.log())
  return {
    name: scenario.name,
    rounds,
    passed,
    failures,
    lines: figures.lines(),
    aims: [...aims, atMost('failed rounds', rounds - passed, 0)],
    seconds: (Date.now() - begin) / 1000,
  }
}

/** What the masters of the scenario said: the cluster and its logs are gone when it is over. */
function saveLog(name: string, text: string): void {
  const folder = join(projectRoot, 'build/citizens')
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, `${name}.log`), text)
}
