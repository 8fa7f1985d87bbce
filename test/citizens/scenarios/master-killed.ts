/** The master dies, alone or with one of its TaskManagers: the next attempt serves soon, has the containers again, and rows go on. */
import { until } from '../../support/yarn-jobs.js'
import { atLeast, atMost, type Aim, type Figures } from '../figures.js'
import type { Round, Scenario } from '../rounds.js'
import type { Ticking } from '../ticking.js'

const SERVING = 'seconds until the new master serves'
const RUNNING = 'seconds until all tasks run under it'
const ADOPTED = 'containers re-adopted'
const SURVIVORS = 'containers that outlived the master'
const PAUSE = 'seconds without rows'

const PARALLELISM = 3
const options = {
  'yarn.application-attempts': '1000',
  'restart-strategy.fixed-delay.attempts': '1000',
  'restart-strategy.fixed-delay.delay': '100 ms',
}

export const masterKilled: Scenario = {
  name: 'master killed',
  job: { name: 'master-killed', parallelism: PARALLELISM, options: { 'yarn.application-attempts': '1000' } },
  run: (round) => kill(round, false),
  aims: (figures) => [...aims(figures), atMost('p95 seconds without rows', figures.quantile(PAUSE, 0.95), 2)],
}

export const masterAndWorkerKilled: Scenario = {
  name: 'master and one TaskManager killed together',
  job: { name: 'both-killed', parallelism: PARALLELISM, options },
  run: (round) => kill(round, true),
  aims,
}

function aims(figures: Figures): Aim[] {
  const survivors = figures.sum(SURVIVORS)
  return [
    atLeast('share of containers re-adopted', survivors === 0 ? 0 : figures.sum(ADOPTED) / survivors, 0.95),
    atMost('p95 seconds until the new master serves', figures.quantile(SERVING, 0.95), 10),
  ]
}

async function kill({ job, figures, stretches }: Round, worker: boolean): Promise<void> {
  const master = job.master()
  if (master === undefined) throw new Error('there is no master')
  const [victim, ...others] = job.workers()
  const survivors = (worker ? others : [victim, ...others]).flatMap((each) => (each === undefined ? [] : [each.container]))
  const from = Date.now()
  process.kill(master.pid, 'SIGKILL')
  if (worker && victim !== undefined) process.kill(victim.pid, 'SIGKILL')
  await until('the new master to answer', () => answers(job), 120_000)
  figures.add(SERVING, (Date.now() - from) / 1000)
  await until('all tasks running under it', async () => job.workers().length === PARALLELISM && (await job.runs()), 120_000)
  const to = Date.now()
  figures.add(RUNNING, (to - from) / 1000)
  const registered = new Set(await job.registered())
  figures.add(SURVIVORS, survivors.length)
  figures.add(ADOPTED, survivors.filter((container) => registered.has(container)).length)
  stretches.push({ figure: PAUSE, from, to })
}

/** About the job itself: an attempt that does not know it yet serves nobody. */
async function answers(job: Ticking): Promise<boolean> {
  return (await job.details()) !== undefined
}
