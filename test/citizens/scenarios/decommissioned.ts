/** An administrator takes a node out gracefully: it is empty soon, and nothing there had to be killed. */
import { setTimeout as pause } from 'node:timers/promises'
import { until } from '../../support/yarn-jobs.js'
import { atMost, exactly } from '../figures.js'
import type { Scenario } from '../rounds.js'
import { busyNode, hostOf, nodeOf } from '../ticking.js'
import { failuresIn, namedIn } from './preempted.js'

const GRACE_SECONDS = 120
const EMPTY = 'seconds until the node is empty'

export const decommissioned: Scenario = {
  name: 'node decommissioned',
  job: { name: 'decommissioned', parallelism: 4 },
  async run({ job, figures, stretches }) {
    const { hadoop, jobs } = job.cluster
    const host = busyNode(job)
    const from = Date.now()
    const ordered = hadoop.decommission(nodeOf(host), GRACE_SECONDS)
    try {
      // The administrator's command takes a JVM's start: counted is from when the ResourceManager knows.
      const state = await until('the ResourceManager to decommission it', async () => {
        const now = await nodeState(hadoop.resourceManager, host)
        return now === 'DECOMMISSIONING' || now === 'DECOMMISSIONED' ? now : undefined
      })
      const at = Date.now()
      if (state === 'DECOMMISSIONED') throw new Error(`${host} was gone at once`)
      await until('the node to be empty', () => job.workers().every((worker) => hostOf(worker) !== host), 90_000)
      figures.add(EMPTY, (Date.now() - at) / 1000)
      await ordered
      await until('all tasks running again', () => job.runs(), 120_000)
      stretches.push({ figure: 'seconds without rows', from, to: Date.now() })
    } finally {
      await ordered.catch(() => undefined)
      await hadoop.recommission(nodeOf(host))
    }
    await until('the node to serve again', async () => (await nodeState(hadoop.resourceManager, host)) === 'RUNNING', 120_000)
    if (jobs.master(job.applicationId) === undefined) throw new Error('the master is gone')
    await pause(1_000)
  },
  aims(figures, job) {
    const log = job.log()
    return [
      atMost('p95 seconds until the node is empty', figures.quantile(EMPTY, 0.95), 30),
      atMost('most seconds until the node is empty', figures.quantile(EMPTY, 1), 30),
      exactly('restarts that count as failures', failuresIn(log), 0),
      exactly(
        'rounds in which no container was left',
        Math.max(0, figures.values(EMPTY).length - namedIn(log, /is being decommissioned/).size),
        0,
      ),
    ]
  },
}

/** As the ResourceManager lists it; undefined: not among those that serve. */
export async function nodeState(resourceManager: string, host: string): Promise<string | undefined> {
  const response = await fetch(`${resourceManager}/ws/v1/cluster/nodes`, { headers: { accept: 'application/json' } })
  const { nodes } = (await response.json()) as { nodes: { node: { nodeHostName: string; state: string }[] } }
  return nodes.node.find(({ nodeHostName }) => nodeHostName === host)?.state
}
