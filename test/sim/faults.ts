/** What goes wrong, and when: drawn from the seed before the run, and aimed at what is there when the time comes. */
import { parallelismLimits } from '#am/jobmaster/executiongraph/parallelism-limits.js'
import { checkRequirements, RescaleRefused } from '#am/jobmaster/requirements.js'
import { isTerminalJobState } from '#core/graph/states.js'
import type { Millis } from '#core/time/environment.js'
import { Dice, type SimProcess } from './kernel.js'
import type { Scene } from './scenario.js'
import { NAME_NODE } from './volume.js'
import { RESOURCE_MANAGER, type YarnNode } from './yarn.js'

export interface FaultPlan {
  /** When the last one is over. */
  readonly until: Millis
  readonly counts: ReadonlyMap<string, number>
}

type Fault = (scene: Scene, dice: Dice) => void

const MINUTE = 60_000
/** What a rescale asks for at most, of any vertex: all jobs of a scenario find room. */
const MOST_SUBTASKS = 4

/** Each with how often it is drawn. */
const FAULTS: readonly (readonly [name: string, weight: number, fault: Fault])[] = [
  ['kill a worker', 6, ({ yarn, workers }, dice) => withOne([...workers.values()], dice, (worker) => yarn.kill(worker.process))],
  ['kill the master', 4, ({ yarn, master }) => withProcess(master()?.process, (process) => yarn.kill(process))],
  [
    'a slot dies',
    3,
    ({ workers }, dice) => withOne([...workers.values()], dice, (worker) => withOne(worker.slots, dice, (slot) => slot.die())),
  ],
  ['a connection breaks', 5, ({ network }) => void network.breakOne((a, b) => a.name.startsWith('master') || b.name.startsWith('master'))],
  [
    'a data connection breaks',
    3,
    ({ network }) => void network.breakOne((a, b) => a.name.startsWith('worker') && b.name.startsWith('worker')),
  ],
  [
    'pause a worker',
    3,
    ({ workers }, dice) => withOne([...workers.values()], dice, ({ process }) => process.pause(dice.pick([500, 5_000, 20_000, 40_000]))),
  ],
  [
    'pause the master',
    3,
    ({ master }, dice) => withProcess(master()?.process, (process) => process.pause(dice.pick([500, 3_000, 10_000, 20_000]))),
  ],
  ['partition hosts', 5, partitionHosts],
  ['isolate a node', 3, isolateNode],
  [
    'isolate the NameNode',
    2,
    (scene, dice) => withOne(scene.yarn.nodes, dice, ({ host }) => cut(scene, host, NAME_NODE, dice.between(1_000, 50_000))),
  ],
  ['crash a node', 2, crashNode],
  ['kill a NodeManager', 2, killNodeManager],
  ['restart the ResourceManager', 3, restartResourceManager],
  [
    'others take room',
    3,
    ({ yarn, kernel }, dice) =>
      occupy(
        yarn.nodes,
        dice,
        (node, mb) => yarn.occupy(node, mb),
        (action) => void kernel.after(dice.between(5_000, MINUTE), action),
      ),
  ],
  [
    'preempt a container',
    3,
    ({ yarn }, dice) => withOne(yarn.held(), dice, ({ number }) => yarn.preempt(new Set([number]), dice.between(1_000, 15_000))),
  ],
  [
    'tasks decline',
    3,
    (scene, dice) =>
      during(
        scene,
        dice.between(2_000, 20_000),
        'tasks decline',
        () => (scene.tasks.declining = dice.pick([0.05, 0.3])),
        () => (scene.tasks.declining = 0),
      ),
  ],
  ['ambush', 8, ambush],
  [
    'slow disk',
    3,
    (scene, dice) =>
      during(
        scene,
        dice.between(2_000, 30_000),
        'slow disk',
        () => (scene.disk.slowness = dice.pick([20, 200])),
        () => (scene.disk.slowness = 1),
      ),
  ],
  [
    'failing disk',
    3,
    (scene, dice) =>
      during(
        scene,
        dice.between(1_000, 20_000),
        'failing disk',
        () => (scene.disk.failing = dice.pick([0.05, 0.4])),
        () => (scene.disk.failing = 0),
      ),
  ],
  [
    'slow network',
    2,
    (scene, dice) =>
      during(
        scene,
        dice.between(2_000, 30_000),
        'slow network',
        () => (scene.network.slowness = dice.pick([10, 50])),
        () => (scene.network.slowness = 1),
      ),
  ],
  [
    'AM-RM calls are lost',
    3,
    (scene, dice) =>
      during(
        scene,
        dice.between(2_000, 20_000),
        'AM-RM calls are lost',
        () => (scene.yarn.trouble.losing = 0.4),
        () => (scene.yarn.trouble.losing = 0),
      ),
  ],
  [
    'containers do not start',
    2,
    (scene, dice) =>
      during(
        scene,
        dice.between(2_000, 20_000),
        'containers do not start',
        () => (scene.yarn.trouble.notStarting = 0.4),
        () => (scene.yarn.trouble.notStarting = 0),
      ),
  ],
  ['rescale a job', 6, rescaleJob],
  ['cancel a job', 1, cancelJob],
]

/** Not every vertex of it, up or down; where one straight edge joins vertices, both. */
function rescaleJob({ master, kernel }: Scene, dice: Dice): void {
  const jobs = [...(master()?.process.alive === true ? (master()?.jobs.values() ?? []) : [])].filter(({ state }) => state === 'RUNNING')
  withOne(jobs, dice, (job) => {
    const asked = new Map<string, { lower: number; upper: number }>()
    for (const { vertex, group } of parallelismLimits(job.jobGraph).values()) {
      const upper = dice.chance(0.3) ? vertex.parallelism : dice.integer(1, MOST_SUBTASKS)
      asked.set(vertex.id, asked.get(group[0] ?? vertex.id) ?? { lower: dice.integer(1, upper), upper })
    }
    kernel.say(
      `${job.jobGraph.name} is to have ${[...asked.values()].map(({ lower, upper }) => `${lower}..${upper}`).join(', ')} subtasks`,
      'faults',
    )
    try {
      job.rescale(checkRequirements(job.jobGraph, asked), 'a person wants it')
    } catch (error) {
      if (!RescaleRefused.is(error)) throw error
      kernel.say(error.message, 'faults')
    }
  })
}

function cancelJob({ master, onCancelled }: Scene, dice: Dice): void {
  const running = [...(master()?.process.alive === true ? (master()?.jobs ?? []) : [])].filter(
    ([, { state }]) => !isTerminalJobState(state),
  )
  withOne(running, dice, ([number, job]) => {
    onCancelled(number)
    job.cancel()
  })
}

/** Some seeds see few faults, some many; one in ten sees none. */
export function planFaults(scene: Scene, dice: Dice): FaultPlan {
  const length = dice.between(30_000, 4 * MINUTE)
  const count = dice.pick([0, 1, 2, 3, 5, 8, 12, 16, 25, 40])
  const counts = new Map<string, number>()
  // What a seed is prone to.
  const kinds = FAULTS.filter(() => dice.chance(0.6))
  const deck = kinds.flatMap(([name, weight, fault]) => Array.from({ length: weight }, () => ({ name, fault })))
  if (deck.length === 0) return { until: length, counts }
  for (let i = 0; i < count; i++) {
    const { name, fault } = dice.pick(deck)
    counts.set(name, (counts.get(name) ?? 0) + 1)
    scene.kernel.after(dice.between(3_000, length), () => {
      scene.kernel.say(`FAULT ${name}`, 'faults')
      fault(scene, dice)
    })
  }
  return { until: length + 2 * MINUTE, counts }
}

function withOne<T>(items: readonly T[], dice: Dice, action: (item: T) => void): void {
  if (items.length > 0) action(dice.pick(items))
}

function withProcess(process: SimProcess | undefined, action: (process: SimProcess) => void): void {
  if (process?.alive === true) action(process)
}

function during({ kernel }: Scene, length: Millis, name: string, begin: () => void, end: () => void): void {
  begin()
  kernel.after(length, () => {
    kernel.say(`${name}: over`, 'faults')
    end()
  })
}

function cut({ kernel, network }: Scene, a: string, b: string, length: Millis): void {
  kernel.say(`${a} and ${b} do not reach each other for ${Math.round(length)} ms`, 'faults')
  network.partition(a, b, length)
}

function lengthOfPartition(dice: Dice): Millis {
  return dice.pick([dice.between(100, 3_000), dice.between(5_000, 20_000), dice.between(20_000, 70_000)])
}

/** Somebody is killed while a checkpoint is being completed, or just when output becomes visible. */
function ambush({ kernel, yarn, master, workers, network, onNextFile }: Scene, dice: Dice): void {
  const which = dice.pick([/\/_metadata$/, /\/out\/job\d+\/part-/])
  const whom = dice.pick(['the master', 'the master', 'a worker', 'a connection'] as const)
  kernel.say(`${whom} waits for a file like ${String(which)}`, 'faults')
  onNextFile(which, () =>
    kernel.after(dice.pick([0, dice.between(0, 5), dice.between(0, 60)]), () => {
      kernel.say(`FAULT ambush of ${whom}`, 'faults')
      if (whom === 'the master') withProcess(master()?.process, (process) => yarn.kill(process))
      else if (whom === 'a worker') withOne([...workers.values()], dice, ({ process }) => yarn.kill(process))
      else network.breakOne((a, b) => a.name.startsWith('worker') || b.name.startsWith('worker'))
    }),
  )
}

function partitionHosts(scene: Scene, dice: Dice): void {
  const hosts = [...scene.yarn.nodes.map(({ host }) => host), RESOURCE_MANAGER]
  cut(scene, dice.pick(hosts), dice.pick(hosts), lengthOfPartition(dice))
}

/** From all others: its NodeManager, what runs on it. */
function isolateNode(scene: Scene, dice: Dice): void {
  withOne(scene.yarn.nodes, dice, ({ host }) => {
    const length = lengthOfPartition(dice)
    const others = [...scene.yarn.nodes.map((node) => node.host), RESOURCE_MANAGER, ...(dice.chance(0.7) ? [NAME_NODE] : [])]
    for (const other of others) if (other !== host) cut(scene, host, other, length)
  })
}

function crashNode({ yarn, kernel }: Scene, dice: Dice): void {
  const up = yarn.nodes.filter(({ manager }) => manager !== undefined)
  if (up.length < yarn.nodes.length) return
  withOne(up, dice, (node) => {
    yarn.crash(node)
    kernel.after(dice.between(3_000, MINUTE), () => yarn.reboot(node))
  })
}

function killNodeManager({ yarn, kernel }: Scene, dice: Dice): void {
  const up = yarn.nodes.filter(({ manager }) => manager !== undefined)
  if (up.length < yarn.nodes.length) return
  withOne(up, dice, (node) => {
    yarn.stopNodeManager(node)
    kernel.after(dice.between(3_000, 50_000), () => yarn.startNodeManager(node))
  })
}

function restartResourceManager({ yarn, kernel }: Scene, dice: Dice): void {
  if (!yarn.resourceManagerIsUp) return
  yarn.stopResourceManager()
  kernel.after(dice.between(500, 20_000), () => yarn.startResourceManager())
}

function occupy(
  nodes: readonly YarnNode[],
  dice: Dice,
  occupy: (node: YarnNode, megabytes: number) => void,
  later: (action: () => void) => void,
): void {
  withOne(nodes, dice, (node) => {
    occupy(node, dice.integer(1, 3) * 1024)
    later(() => occupy(node, 0))
  })
}
