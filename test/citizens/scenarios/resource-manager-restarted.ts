/** The ResourceManager is killed and started again: same containers, no restart of the job, no pause of its rows. */
import { until } from '../../support/yarn-jobs.js'
import { atMost, exactly } from '../figures.js'
import type { Scenario } from '../rounds.js'

const RESTARTS = 'job restarts'
const PAUSE = 'seconds without rows'

export const resourceManagerRestarted: Scenario = {
  name: 'ResourceManager killed and restarted',
  job: { name: 'rm-restarted', parallelism: 3 },
  async run({ job, figures, stretches }) {
    const { hadoop } = job.cluster
    const workers = pids(job.workers())
    const again = registrations(job.log())
    const restarts = job.restarts()
    const from = Date.now()
    await hadoop.kill('rm')
    await hadoop.launch('rm')
    const up = Date.now()
    await until('the master to be registered again', () => registrations(job.log()) > again)
    figures.add('seconds until the master is registered again, once the ResourceManager serves', (Date.now() - up) / 1000)
    if (pids(job.workers()) !== workers) throw new Error('the TaskManagers are not the same')
    if (!(await until('an answer of the master', () => job.runs()))) throw new Error('the job does not run')
    figures.add(RESTARTS, job.restarts() - restarts)
    stretches.push({ figure: PAUSE, from, to: Date.now() })
  },
  aims: (figures) => [exactly(RESTARTS, figures.sum(RESTARTS), 0), atMost('p95 seconds without rows', figures.quantile(PAUSE, 0.95), 2)],
}

function pids(workers: readonly { readonly pid: number }[]): string {
  return workers
    .map(({ pid }) => pid)
    .sort((a, b) => a - b)
    .join()
}

function registrations(log: string): number {
  return [...log.matchAll(/Registered again with the ResourceManager/g)].length
}
