/**
 * A node dies. In odd rounds with all that runs on it, as when its power fails: broken connections tell, long before YARN knows. In even
 * rounds the NodeManager alone: YARN gives the node up after its expiry, and what still runs there must end by itself.
 */
import { until } from '../../support/yarn-jobs.js'
import { atMost, exactly } from '../figures.js'
import type { Scenario } from '../rounds.js'
import { busyNode, hostOf, nodeOf } from '../ticking.js'
import { nodeState } from './decommissioned.js'
import { failuresIn } from './preempted.js'

const POWER = 'seconds until it runs again after a node lost power'
const ZOMBIES = 'seconds until it runs again after a NodeManager died (YARN’s expiry: 10)'

export const nodeKilled: Scenario = {
  name: 'node killed',
  job: {
    name: 'node-killed',
    parallelism: 4,
    // Whoever dies on a machine that lost power is nobody's failure only when YARN says so, 10 s later: that restart may count.
    options: { 'restart-strategy.fixed-delay.attempts': '1000', 'restart-strategy.fixed-delay.delay': '100 ms' },
  },
  async run({ job, number, figures, stretches }) {
    const { hadoop } = job.cluster
    const host = busyNode(job)
    const there = job.workers().filter((worker) => hostOf(worker) === host)
    const power = number % 2 === 1
    const from = Date.now()
    await hadoop.kill(nodeOf(host))
    try {
      if (power) for (const { pid } of there) process.kill(pid, 'SIGKILL')
      await until('the end of what ran there', () => !there.some(({ pid }) => job.workers().some((worker) => worker.pid === pid)), 90_000)
      await until(
        'all tasks running elsewhere',
        async () => job.workers().length === job.options.parallelism && (await job.runs()),
        120_000,
      )
      const to = Date.now()
      figures.add(power ? POWER : ZOMBIES, (to - from) / 1000)
      stretches.push({ figure: `seconds without rows after a ${power ? 'node lost power' : 'NodeManager died'}`, from, to })
    } finally {
      // Until then YARN takes the NodeManager that is started again for the one that died.
      await until('YARN to give the node up', async () => (await nodeState(hadoop.resourceManager, host)) !== 'RUNNING', 60_000)
      await hadoop.launch(nodeOf(host))
    }
  },
  aims: (figures, job) => [
    atMost('p95 seconds after a node lost power', figures.quantile(POWER, 0.95), 20),
    ...(figures.values(ZOMBIES).length === 0 ? [] : [atMost('p95 seconds after a NodeManager died', figures.quantile(ZOMBIES, 0.95), 40)]),
    exactly('restarts that the strategy refused', failuresIn(job.log()), 0),
  ],
}
