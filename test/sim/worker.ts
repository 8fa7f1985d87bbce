/** A worker's process: the real TaskExecutor over the simulated network, slots and disk. */
import { FileSystems } from '#core/fs/file-systems.js'
import type { TaskDeploymentDescriptor } from '#core/graph/deployment.js'
import type { Channel } from '#core/rpc/channel.js'
import { locateMaster } from '#container/master-locator.js'
import type { WorkerDescriptor } from '#core/cluster/worker-descriptor.js'
import { TaskExecutor } from '#container/taskexecutor/task-executor.js'
import { Exchange } from './exchange.js'
import { SimProcess, type Kernel } from './kernel.js'
import type { Network } from './network.js'
import { simSlots, type SimSlot } from './slot.js'
import type { SimTask } from './task.js'
import type { SimFileSystem } from './volume.js'

export interface WorkerWorld {
  readonly kernel: Kernel
  readonly network: Network
  fileSystem(process: SimProcess): SimFileSystem
  pace(task: TaskDeploymentDescriptor): { readonly batchEvery: number; readonly batchRows: number }
  /** Of tasks' snapshots. */
  declining(): number
  /** Of connections to the master; a mutant changes what is said. */
  wrapChannel(channel: Channel, worker: string): Channel
  onTaskStarted(worker: SimWorker, task: SimTask, slot: SimSlot): void
  /** A later master goes on with it. */
  onTaskAdopted(worker: SimWorker, task: SimTask): void
  onTaskEnded(worker: SimWorker, task: SimTask): void
}

const MEMORY = { rss: 100e6, heapUsed: 50e6, arrayBuffers: 10e6 }
const HARDWARE = { cpuCores: 4, physicalMemory: 16e9, freeMemory: 8e9 }

export class SimWorker {
  readonly id: string
  readonly process: SimProcess
  readonly slots: SimSlot[] = []
  /** Virtual ms that its cancelled tasks take to end: from, to. */
  slowToCancel: readonly [number, number] = [1, 300]

  constructor(descriptor: WorkerDescriptor, name: string, host: string, world: WorkerWorld, ended: (status: number) => void) {
    const process = new SimProcess(world.kernel, name, host)
    this.process = process
    this.id = descriptor.resourceId
    const fileSystems = new FileSystems('/', 'hdfs://nn')
    const fileSystem = world.fileSystem(process)
    fileSystems.register('hdfs', fileSystem, 'hdfs://nn/user')
    const exchange = new Exchange(process, world.network)
    const { master } = descriptor
    if (master.kind !== 'address') throw new Error('a worker that is a thread')
    const executor = new TaskExecutor({
      descriptor,
      environment: process.environment,
      secret: undefined,
      host,
      temporaryDirectory: '/nowhere',
      connect: async (lost) => {
        const address = await locateMaster(master, lost, fileSystems)
        if (address === undefined || address === 'none') return address
        return world.wrapChannel(await world.network.connect(process, address.host, address.port), descriptor.resourceId)
      },
      write: () => Promise.resolve(),
      startSlot: simSlots(
        {
          process,
          exchange,
          fileSystems,
          pace: (task) => world.pace(task),
          declining: () => world.declining(),
          cancellationTakes: () => process.dice.between(...this.slowToCancel),
          onTaskStarted: (task, slot) => world.onTaskStarted(this, task, slot),
          onTaskAdopted: (task) => world.onTaskAdopted(this, task),
          onTaskEnded: (task) => world.onTaskEnded(this, task),
        },
        (slot) => this.slots.push(slot),
      ),
      process: { pid: 1, memoryUsage: () => MEMORY, hardware: () => HARDWARE, removeDirectory: () => Promise.resolve() },
    })
    process.after(0, () => {
      world.kernel.say(`TaskManager ${descriptor.resourceId} starts on ${host}`, name)
      executor.run().then(
        () => this.#exit(0, '', ended),
        (error: unknown) => this.#exit(1, error instanceof Error ? error.message : String(error), ended),
      )
    })
  }

  #exit(status: number, why: string, ended: (status: number) => void): void {
    if (!this.process.alive) return
    ended(status)
    this.process.end(`exits with status ${status} ${why}`)
  }
}
