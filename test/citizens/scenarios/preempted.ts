/**
 * Another queue wants its share back: YARN names containers of the job, the job leaves them within the grace and goes on when there is
 * room again. A named container that YARN had to kill was not vacated.
 */
import { until } from '../../support/yarn-jobs.js'
import { atLeast, atMost, exactly } from '../figures.js'
import type { Scenario } from '../rounds.js'
import { Ticking } from '../ticking.js'

/** Of the job that takes the containers away: four seconds' worth. */
const OTHERS_LAST_ID = 799

export const preempted: Scenario = {
  name: 'preempted by a second queue',
  job: { name: 'preempted', parallelism: 4, queue: 'streaming' },
  async run({ job, number, figures }) {
    const before = job.workers().map(({ container }) => container)
    const other = await Ticking.start(job.cluster, {
      name: `other-${number}`,
      parallelism: 5,
      queue: 'default',
      lastId: OTHERS_LAST_ID,
    })
    const left = before.filter((container) => !job.workers().some((worker) => worker.container === container))
    if (left.length === 0) throw new Error('the other queue got its containers and none was taken from this job')
    const verdict = await other.ended()
    const at = Date.now()
    if (verdict.faults.length > 0) throw new Error(`the other job: ${verdict.faults.join('; ')}`)
    await until('all tasks running again', () => job.runs(), 120_000)
    figures.add('seconds until it runs again, once there is room', (Date.now() - at) / 1000)
  },
  aims(figures, job) {
    const log = job.log()
    const named = namedIn(log, /YARN wants the container back/)
    const killed = [...named].filter((container) => new RegExp(`${container} .*(PREEMPTED|exit status -102)`).test(log))
    figures.add('containers named by YARN, in all', named.size)
    figures.add('of those killed by YARN', killed.length)
    return [
      atLeast('share of named containers vacated within the grace', named.size === 0 ? 0 : 1 - killed.length / named.size, 0.9),
      atLeast('containers named', named.size, 1),
      exactly('restarts that count as failures', failuresIn(log), 0),
      atMost('p95 seconds until it runs again', figures.quantile('seconds until it runs again, once there is room', 0.95), 30),
    ]
  },
}

/** Containers that the master said it leaves for such a reason. */
export function namedIn(log: string, reason: RegExp): Set<string> {
  const lines = log.split('\n').filter((line) => reason.test(line) && line.includes(': leaving '))
  return new Set(lines.flatMap((line) => line.slice(line.indexOf(': leaving ')).match(/container_[\w]+/g) ?? []))
}

/** The job's restart strategy has one restart with a pause of half an hour: the first that counts is never got over. */
export function failuresIn(log: string): number {
  return [...log.matchAll(/restarts? in 30 min|restart strategy/gi)].length
}
