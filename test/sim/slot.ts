/** A slot of a TaskExecutor, modelled: in place of its thread. Messages take a moment in each direction and keep their order. */
import { SlotThreadDied } from '#container/taskexecutor/errors.js'
import type { SlotDescriptor, SlotToTaskExecutor, TaskExecutorToSlot } from '#container/taskexecutor/slot-messages.js'
import type { SlotHandle, SlotThreadUser, StartSlot } from '#container/taskexecutor/slot-thread.js'
import { fromWireError, toWireError } from '#core/errors/wire-error.js'
import type { FileSystems } from '#core/fs/file-systems.js'
import type { TaskDeploymentDescriptor } from '#core/graph/deployment.js'
import type { ExecutionAttemptId } from '#core/ids/ids.js'
import type { Exchange } from './exchange.js'
import type { SimProcess } from './kernel.js'
import { SimTask } from './task.js'

export interface SlotWorld {
  readonly process: SimProcess
  readonly exchange: Exchange
  readonly fileSystems: FileSystems
  /** How the job's sources go on. */
  pace(task: TaskDeploymentDescriptor): { readonly batchEvery: number; readonly batchRows: number }
  /** Of snapshots. */
  declining(): number
  /** Of a cancelled task. */
  cancellationTakes(): number
  onTaskStarted(task: SimTask, slot: SimSlot): void
  onTaskAdopted(task: SimTask): void
  onTaskEnded(task: SimTask): void
}

export function simSlots(world: SlotWorld, onSlot: (slot: SimSlot) => void): StartSlot {
  return (descriptor, _heapMb, user) => {
    const slot = new SimSlot(descriptor, user, world)
    onSlot(slot)
    return slot
  }
}

export class SimSlot implements SlotHandle {
  readonly index: number
  readonly tasks = new Map<ExecutionAttemptId, SimTask>()
  readonly #world: SlotWorld
  readonly #user: SlotThreadUser
  readonly #requests = new Map<number, { resolve(answer: unknown): void; reject(error: Error): void }>()
  #nextRequest = 0
  #stopped = false
  #toSlot = 0
  #fromSlot = 0

  constructor(descriptor: SlotDescriptor, user: SlotThreadUser, world: SlotWorld) {
    this.index = descriptor.slotIndex
    this.#world = world
    this.#user = user
    const port = world.exchange.listen()
    world.process.after(world.process.dice.between(20, 400), () => this.#say({ type: 'started', dataPort: port }))
  }

  send(message: TaskExecutorToSlot): void {
    const { process } = this.#world
    const { now } = process.kernel
    this.#toSlot = Math.max(this.#toSlot, now + process.dice.between(0, 1))
    process.after(this.#toSlot - now, () => {
      if (!this.#stopped) this.#receive(message)
    })
  }

  async stop(): Promise<void> {
    this.#end()
  }

  /** As when its thread runs out of memory. */
  die(): void {
    if (this.#stopped) return
    this.#world.process.kernel.say(`slot ${this.index} dies`, this.#world.process.name)
    this.#end()
    this.#user.onDied(new SlotThreadDied({ slot: this.index, resourceId: this.#world.process.name, reason: 'injected' }))
  }

  #end(): void {
    if (this.#stopped) return
    this.#stopped = true
    for (const task of this.tasks.values()) {
      task.kill()
      this.#world.onTaskEnded(task)
    }
    this.tasks.clear()
  }

  #receive(message: TaskExecutorToSlot): void {
    switch (message.type) {
      case 'submit':
        return this.#submit(message.task)
      case 'cancel':
        return this.tasks.get(message.executionAttemptId)?.cancel()
      case 'trigger': {
        const { trigger, executionAttemptId, barrier } = message
        const task = this.tasks.get(executionAttemptId)
        const problem = task === undefined ? 'it is not there' : task.trigger(barrier)
        return this.#say({ type: 'triggered', trigger, ...(problem === undefined ? {} : { error: toWireError(new Error(problem)) }) })
      }
      case 'conclude':
        for (const id of message.executionAttemptIds) this.tasks.get(id)?.conclude(message.checkpointId, message.complete)
        return
      case 'masterLost':
        for (const task of this.tasks.values()) task.masterLost()
        return
      case 'adopted':
        for (const id of message.executionAttemptIds) {
          const task = this.tasks.get(id)
          task?.adopted(message.checkpointId, message.upTo)
          if (task !== undefined) this.#world.onTaskAdopted(task)
        }
        return
      case 'answer': {
        const request = this.#requests.get(message.request)
        this.#requests.delete(message.request)
        if (message.error === undefined) request?.resolve(message.answer)
        else request?.reject(fromWireError(message.error))
        return
      }
      case 'prepare': {
        const { process } = this.#world
        const { preparation } = message
        process.after(process.dice.between(0, 500), () => this.#say({ type: 'prepared', preparation }))
        return
      }
      case 'freed':
      case 'connection':
      case 'printed':
        return
    }
  }

  #submit(descriptor: TaskDeploymentDescriptor): void {
    const { process, exchange, fileSystems } = this.#world
    const { executionAttemptId, operators } = descriptor
    const world = this.#world
    const task = new SimTask(descriptor, {
      get declining() {
        return world.declining()
      },
      process,
      exchange,
      fileSystems,
      ...this.#world.pace(descriptor),
      cancellationTakes: () => this.#world.cancellationTakes(),
      say: (said) => {
        this.#say(said)
        if (said.type !== 'state' || !task.over || !this.tasks.delete(executionAttemptId)) return
        this.#world.onTaskEnded(task)
      },
      ask: (event) =>
        new Promise((resolve, reject) => {
          const request = this.#nextRequest++
          this.#requests.set(request, { resolve, reject })
          const operatorId = operators[0]?.id
          if (operatorId !== undefined) this.#say({ type: 'request', request, executionAttemptId, operatorId, event })
        }),
    })
    this.tasks.set(executionAttemptId, task)
    this.#world.onTaskStarted(task, this)
    task.start()
  }

  #say(message: SlotToTaskExecutor): void {
    const { process } = this.#world
    const { now } = process.kernel
    this.#fromSlot = Math.max(this.#fromSlot, now + process.dice.between(0, 1))
    process.after(this.#fromSlot - now, () => {
      if (!this.#stopped) this.#user.onMessage(message)
    })
  }
}
