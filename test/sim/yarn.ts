/**
 * YARN: a ResourceManager that may be restarted, NodeManagers that report to it once a second, containers that are processes of the
 * simulation, and one application with as many attempts as it takes. What the application's master sees of it: AM-RM calls over the
 * network, and calls to NodeManagers.
 */
import { AllocateResponse, RegisterApplicationMasterResponse } from '#hadoop/proto/application-master-protocol.js'
import { CallTimedOut, ConnectionLost, ServerUnreachable } from '#hadoop/ipc/errors.js'
import { remoteException } from '#hadoop/ipc/remote-exception.js'
import { parseContainerId } from '#hadoop/yarn/identifiers.js'
import type { ApplicationMasterTransport } from '#hadoop/yarn/am-rm/am-rm-client.js'
import { ContainerStartFailed, type StartRequest } from '#hadoop/yarn/am-nm/nm-client.js'
import type { NodeManagers } from '#am/resourcemanager/drivers/yarn/yarn-driver.js'
import type { Millis } from '#core/time/environment.js'
import { containerRecord, ModelResourceManager, type ModelAnswer, type ModelContainer } from '../support/model-resource-manager.js'
import { Dice, SimProcess, type Kernel } from './kernel.js'
import type { Network } from './network.js'

export const RESOURCE_MANAGER = 'rm'
const MEGABYTE = 1n

export interface YarnSettings {
  readonly nodes: number
  /** Of each node; an application master takes `masterMb`. */
  readonly nodeMb: number
  readonly masterMb: number
  /** Silence after which an attempt, or a node, is given up. */
  readonly masterExpiry: Millis
  readonly nodeExpiry: Millis
}

/** What runs in a container, from its launch on. Calls `ended` with its exit status unless it is killed. */
export type LaunchWorker = (
  container: string,
  host: string,
  context: StartRequest['context'],
  ended: (status: number) => void,
) => SimProcess
export type LaunchMaster = (attempt: number, host: string, ended: (status: number) => void) => SimProcess

interface NodeContainer {
  readonly id: string
  readonly memoryMb: number
  readonly model: ModelContainer | undefined
  /** Of an application master's container: its attempt. */
  readonly attempt: number | undefined
  /** Undefined: its files are being localized. */
  process: SimProcess | undefined
  exit: number | undefined
  stopped: boolean
}

interface Node {
  readonly host: string
  /** Undefined: the NodeManager is down. */
  manager: SimProcess | undefined
  readonly containers: Map<string, NodeContainer>
  lastHeartbeat: Millis
  /** As the ResourceManager sees it. */
  state: 'NEW' | 'RUNNING' | 'LOST'
  /** The ResourceManager's start that it is registered with. */
  registeredWith: number
  /** Orders for its next heartbeat. */
  readonly orders: Set<string>
  /** Taken by others. */
  occupiedMb: number
}

export interface YarnTrouble {
  /** Of AM-RM calls whose request or answer is lost. */
  losing: number
  /** Of containers that do not start. */
  notStarting: number
}

export class Yarn {
  readonly nodes: readonly Node[]
  readonly trouble: YarnTrouble = { losing: 0, notStarting: 0 }
  /** Final status, once the application has unregistered. */
  finished: string | undefined
  attempts = 0
  masterProcess: SimProcess | undefined
  /** Worker processes by container, while they run. */
  readonly workers = new Map<string, SimProcess>()
  onUnregister: (status: string, leaked: readonly string[], outstanding: number) => void = () => undefined
  onGranted: (containerId: string) => void = () => undefined
  readonly #kernel: Kernel
  readonly #network: Network
  readonly #settings: YarnSettings
  readonly #dice: Dice
  readonly #launchWorker: LaunchWorker
  readonly #launchMaster: LaunchMaster
  readonly model = new ModelResourceManager()
  /** Undefined: it is down. */
  #resourceManager: SimProcess | undefined
  /** Counts its starts. */
  #started = 0
  /** Containers may run that a restarted ResourceManager has not heard of yet. */
  readonly #known = new Map<number, ModelContainer>()
  #master: { readonly attempt: number; readonly host: string; lastHeartbeat: Millis } | undefined
  #preempting: { readonly containers: ReadonlySet<number>; told: boolean } | undefined
  #nodesUpdated: { host: string; state: 'RUNNING' | 'LOST' }[] = []
  #turn = 0

  constructor(kernel: Kernel, network: Network, settings: YarnSettings, launchWorker: LaunchWorker, launchMaster: LaunchMaster) {
    this.#kernel = kernel
    this.#network = network
    this.#settings = settings
    this.#dice = kernel.random('yarn')
    this.#launchWorker = launchWorker
    this.#launchMaster = launchMaster
    this.model.onReleased = ({ id, host }) => this.#node(host)?.orders.add(id)
    this.nodes = Array.from({ length: settings.nodes }, (_, i) => ({
      host: `node${i + 1}`,
      manager: undefined,
      containers: new Map<string, NodeContainer>(),
      lastHeartbeat: 0,
      state: 'NEW' as const,
      registeredWith: 0,
      orders: new Set<string>(),
      occupiedMb: 0,
    }))
    this.startResourceManager()
    for (const node of this.nodes) this.startNodeManager(node)
  }

  submit(): void {
    this.#kernel.say('the application is submitted', RESOURCE_MANAGER)
    this.#startAttempt()
  }

  // ------------------------------------------------------------------------------------------------------------------------ faults
  get resourceManagerIsUp(): boolean {
    return this.#resourceManager !== undefined
  }

  startResourceManager(): void {
    this.#started++
    const resourceManager = new SimProcess(this.#kernel, RESOURCE_MANAGER, RESOURCE_MANAGER)
    this.#resourceManager = resourceManager
    const tick = () => {
      this.#look()
      resourceManager.after(1_000, tick)
    }
    resourceManager.after(1_000, tick)
    if (this.#started === 1) return
    this.#kernel.say('the ResourceManager is back', RESOURCE_MANAGER)
    this.model.restart()
    for (const container of this.model.alive.values()) this.#known.set(container.number, container)
    // What nodes run is learnt from them.
    this.model.alive.clear()
    if (this.#master !== undefined) this.#master.lastHeartbeat = this.#kernel.now
    for (const node of this.nodes) node.lastHeartbeat = this.#kernel.now
  }

  stopResourceManager(): void {
    this.#resourceManager?.end('the ResourceManager is killed')
    this.#resourceManager = undefined
  }

  startNodeManager(node: Node): void {
    const manager = new SimProcess(this.#kernel, node.host, node.host)
    node.manager = manager
    const beat = () => {
      this.#heartbeat(node)
      manager.after(1_000, beat)
    }
    manager.after(this.#dice.between(0, 1_000), beat)
  }

  /** Its containers run on. */
  stopNodeManager(node: Node): void {
    node.manager?.end('the NodeManager is killed')
    node.manager = undefined
  }

  /** With everything on it; nobody is told. */
  crash(node: Node): void {
    this.#network.setDown(node.host, true)
    this.stopNodeManager(node)
    for (const container of node.containers.values()) container.process?.end('is gone with its host')
    node.containers.clear()
    node.orders.clear()
  }

  /** Empty. */
  reboot(node: Node): void {
    this.#network.setDown(node.host, false)
    node.registeredWith = 0
    this.startNodeManager(node)
  }

  kill(process: SimProcess, status = 137): void {
    for (const node of this.nodes) {
      for (const container of node.containers.values()) if (container.process === process) container.exit ??= status
    }
    process.end('is killed')
  }

  /** Others take so much of a node; containers of ours are preempted where there is not enough left. */
  occupy(node: Node, megabytes: number): void {
    node.occupiedMb = megabytes
    if (this.#room(node) >= 0) return
    const own = [...this.model.alive.values()].filter(({ host, received }) => host === node.host && received)
    const victims = new Set<number>()
    let room = this.#room(node)
    for (const { number, memoryMb } of own) {
      if (room >= 0) break
      victims.add(number)
      room += memoryMb
    }
    this.preempt(victims, this.#dice.between(3_000, 15_000))
  }

  preempt(victims: ReadonlySet<number>, grace: Millis): void {
    if (victims.size === 0) return
    this.#preempting = { containers: victims, told: false }
    this.#kernel.say(`containers ${[...victims].join(', ')} are to be preempted in ${Math.round(grace)} ms`, RESOURCE_MANAGER)
    this.#kernel.after(grace, () => {
      this.#preempting = undefined
      for (const number of victims) {
        const container = this.model.alive.get(number)
        if (container === undefined) continue
        this.model.complete(number, -102, 'Container preempted by scheduler')
        this.#node(container.host)?.orders.add(container.id)
      }
    })
  }

  // ------------------------------------------------------------------------------------------------------------ what the master sees
  transportFor(process: SimProcess, attempt: number): ApplicationMasterTransport {
    const check = (call: string) => {
      if (this.#master?.attempt !== attempt || this.finished !== undefined)
        throw exception('org.apache.hadoop.yarn.exceptions.ApplicationAttemptNotFoundException', `attempt ${attempt} is not in cache`, call)
      this.#master.lastHeartbeat = this.#kernel.now
    }
    return {
      calls: {
        registerApplicationMaster: () =>
          this.#call(process, 'registerApplicationMaster', () => {
            check('registerApplicationMaster')
            const again = this.model.register() === 'again'
            const previous = [...this.model.alive.values()].filter((container) => container.attempt < attempt)
            if (again) {
              // The answer that told of them is lost: the master cannot give back what it does not know, and YARN ends it with the application.
              for (const container of previous) container.received = false
              throw exception(
                'org.apache.hadoop.yarn.exceptions.InvalidApplicationMasterRequestException',
                'already registered',
                'register',
              )
            }
            return RegisterApplicationMasterResponse.decode(
              RegisterApplicationMasterResponse.encode({
                queue: 'default',
                maximumCapability: { memory: BigInt(this.#settings.nodeMb), virtualCores: 8 },
                containersFromPreviousAttempts: previous.map(containerRecord),
              }),
            )
          }),
        allocate: (request) =>
          this.#call(process, 'allocate', () => {
            check('allocate')
            const answer = this.model.serve(request, () => this.#more())
            if (answer === undefined)
              throw exception('org.apache.hadoop.yarn.exceptions.ApplicationMasterNotRegisteredException', 'not registered', 'allocate')
            this.model.delivered(answer)
            for (const { id } of answer.allocatedContainers ?? []) {
              const container = this.model.alive.get(Number((id as { id: bigint }).id))
              if (container !== undefined) this.onGranted(container.id)
            }
            return AllocateResponse.decode(AllocateResponse.encode(answer))
          }),
        finishApplicationMaster: (request) =>
          this.#call(process, 'finishApplicationMaster', () => {
            check('finishApplicationMaster')
            if (!this.model.registered)
              throw exception('org.apache.hadoop.yarn.exceptions.ApplicationMasterNotRegisteredException', 'not registered', 'finish')
            this.#unregister(String(request.finalApplicationStatus))
            return { isUnregistered: true }
          }),
      },
      reconnect: () => undefined,
      close: () => undefined,
    }
  }

  nodeManagersFor(process: SimProcess): NodeManagers {
    return {
      setTokens: () => undefined,
      start: async ({ id, node: { host }, context }) => {
        const started = this.#started
        await this.#reach(process, host)
        const node = this.#node(host)
        const refused = (diagnostics: string) => new ContainerStartFailed({ container: id, node: host, diagnostics, className: '' })
        if (node?.manager === undefined) throw refused('no answer')
        const model = this.#modelOf(id)
        if (model === undefined || node.registeredWith !== this.#started || started !== this.#started)
          throw refused('the container was allocated by a previous ResourceManager')
        if (node.containers.has(id)) return
        if (this.#dice.chance(this.trouble.notStarting / 2)) throw refused('injected')
        this.#startContainer(
          node,
          { id, memoryMb: model.memoryMb, model, attempt: undefined, process: undefined, exit: undefined, stopped: false },
          (ended) => this.#launchWorker(id, host, context, ended),
        )
      },
      stop: async ({ id, node: { host } }) => {
        await this.#reach(process, host)
        const node = this.#node(host)
        if (node?.manager !== undefined) this.#stopContainer(node, id, 143)
      },
      // Memory is not simulated: no container grows.
      update: () => Promise.resolve(),
      close: () => undefined,
    }
  }

  /** Containers of workers that are alive in the ResourceManager's eyes. */
  held(): ModelContainer[] {
    return [...this.model.alive.values()]
  }

  // ------------------------------------------------------------------------------------------------------------------------- inside
  /** One RPC: the request, or the answer, may be lost, and the caller does not know which. */
  async #call<T>(process: SimProcess, call: string, serve: () => T): Promise<T> {
    const server = RESOURCE_MANAGER
    const timeoutMs = this.#settings.masterExpiry / 3
    const latency = () => this.#network.latency(process.host, RESOURCE_MANAGER)
    await process.wait(latency())
    const blocked = this.#network.blockedUntil(process.host, RESOURCE_MANAGER)
    if (blocked !== undefined) {
      await process.wait(Math.min(timeoutMs, blocked - this.#kernel.now + 1))
      if (this.#network.blockedUntil(process.host, RESOURCE_MANAGER) !== undefined) throw new CallTimedOut({ server, call, timeoutMs })
    }
    if (this.#resourceManager === undefined) throw new ServerUnreachable({ server, reason: 'connection refused' })
    const fate = this.#dice.chance(this.trouble.losing) ? this.#dice.pick(['request lost', 'answer lost'] as const) : 'ok'
    if (fate === 'request lost') throw new ConnectionLost({ server, reason: 'connection reset' })
    const resourceManager = this.#resourceManager
    const answer = await new Promise<{ value: T } | { error: unknown } | 'lost'>((resolve) => {
      resourceManager.onEnd(() => process.after(latency(), () => resolve('lost')))
      resourceManager.after(0, () => {
        let outcome: { value: T } | { error: unknown }
        try {
          outcome = { value: serve() }
        } catch (error) {
          outcome = { error }
        }
        process.after(latency(), () => resolve(outcome))
      })
    })
    if (answer === 'lost' || fate === 'answer lost') throw new ConnectionLost({ server, reason: 'connection reset' })
    const back = this.#network.blockedUntil(process.host, RESOURCE_MANAGER)
    if (back !== undefined) {
      await process.wait(Math.min(timeoutMs, back - this.#kernel.now + 1))
      throw new CallTimedOut({ server, call, timeoutMs })
    }
    if ('error' in answer) throw answer.error
    return answer.value
  }

  async #reach(process: SimProcess, host: string): Promise<void> {
    for (let tries = 0; tries < 30; tries++) {
      await process.wait(this.#network.latency(process.host, host))
      const node = this.#node(host)
      if (this.#network.blockedUntil(process.host, host) === undefined && node?.manager !== undefined) return
      await process.wait(2_000)
    }
    throw new ConnectionLost({ server: host, reason: 'no answer' })
  }

  #more(): ModelAnswer {
    const nodes = this.#nodesUpdated
    this.#nodesUpdated = []
    const preempted = this.#preempting
    const room = this.nodes.reduce((sum, node) => sum + (node.state === 'RUNNING' ? Math.max(0, this.#room(node)) : 0), 0)
    return {
      limit: { memory: BigInt(room) * MEGABYTE, virtualCores: 8 },
      numClusterNodes: this.nodes.filter(({ state }) => state === 'RUNNING').length,
      updatedNodes: nodes.map(({ host, state }) => ({ nodeId: { host, port: 1 }, nodeState: state })),
      ...(preempted === undefined
        ? {}
        : { preempt: { strictContract: { container: [...preempted.containers].flatMap((number) => this.#preemptionOf(number)) } } }),
    }
  }

  #preemptionOf(number: number) {
    const container = this.model.alive.get(number)
    return container === undefined ? [] : [{ id: parseContainerId(container.id) }]
  }

  #unregister(status: string): void {
    const leaked = [...this.model.alive.values()].filter(({ received }) => received).map(({ id }) => id)
    const outstanding = [...this.model.table.values()].reduce((sum, { count }) => sum + count, 0)
    this.finished = status
    this.#kernel.say(`the application has unregistered: ${status}`, RESOURCE_MANAGER)
    this.onUnregister(status, leaked, outstanding)
    for (const node of this.nodes) for (const { id, attempt } of node.containers.values()) if (attempt === undefined) node.orders.add(id)
  }

  #startAttempt(): void {
    const attempt = ++this.attempts
    this.#master = undefined
    const tryToPlace = () => {
      if (this.finished !== undefined) return
      const usable = this.nodes.filter((node) => node.state === 'RUNNING' && this.#room(node) >= this.#settings.masterMb)
      if (usable.length === 0 || this.#resourceManager === undefined) return void this.#kernel.after(1_000, tryToPlace)
      const node = this.#dice.pick(usable)
      this.#master = { attempt, host: node.host, lastHeartbeat: this.#kernel.now }
      this.#kernel.say(`attempt ${attempt} of the application is launched on ${node.host}`, RESOURCE_MANAGER)
      const id = `master-${attempt}`
      this.#startContainer(
        node,
        { id, memoryMb: this.#settings.masterMb, model: undefined, attempt, process: undefined, exit: undefined, stopped: false },
        (ended) => {
          const process = this.#launchMaster(attempt, node.host, ended)
          this.masterProcess = process
          return process
        },
      )
    }
    this.#kernel.after(this.#dice.between(200, 2_000), tryToPlace)
  }

  #failAttempt(reason: string): void {
    const master = this.#master
    if (master === undefined || this.finished !== undefined) return
    this.#kernel.say(`attempt ${master.attempt} of the application has failed: ${reason}`, RESOURCE_MANAGER)
    this.#node(master.host)?.orders.add(`master-${master.attempt}`)
    for (const { id, host } of this.model.nextAttempt()) this.#node(host)?.orders.add(id)
    this.#startAttempt()
  }

  /** The ResourceManager's own look at what is silent. */
  #look(): void {
    const { now } = this.#kernel
    const { masterExpiry, nodeExpiry } = this.#settings
    if (this.#master !== undefined && now - this.#master.lastHeartbeat > masterExpiry) this.#failAttempt('it has expired')
    for (const node of this.nodes) {
      if (node.state !== 'RUNNING' || now - node.lastHeartbeat <= nodeExpiry) continue
      node.state = 'LOST'
      node.registeredWith = 0
      this.#kernel.say(`${node.host} is LOST`, RESOURCE_MANAGER)
      this.#nodesUpdated.push({ host: node.host, state: 'LOST' })
      for (const container of [...this.model.alive.values()]) {
        if (container.host === node.host) this.model.complete(container.number, -100, 'Container released on a *lost* node')
      }
      if (this.#master?.host === node.host) this.#failAttempt(`its node ${node.host} is lost`)
    }
  }

  /** A node reports, is told what to end, and is given containers. */
  #heartbeat(node: Node): void {
    if (this.#resourceManager === undefined || this.#network.blockedUntil(node.host, RESOURCE_MANAGER) !== undefined) return
    node.lastHeartbeat = this.#kernel.now
    if (node.registeredWith !== this.#started) this.#registerNode(node)
    for (const container of [...node.containers.values()]) {
      if (container.exit === undefined) continue
      node.containers.delete(container.id)
      if (container.model !== undefined) this.model.complete(container.model.number, container.exit, '')
      else if (container.attempt === this.#master?.attempt) this.#failAttempt(`its container ended with status ${container.exit}`)
    }
    for (const id of node.orders) this.#stopContainer(node, id, 137)
    node.orders.clear()
    if (this.finished === undefined) this.#allocate(node)
  }

  /** Of a ResourceManager that is new, or that had given the node up. */
  #registerNode(node: Node): void {
    node.registeredWith = this.#started
    if (node.state === 'LOST') this.#nodesUpdated.push({ host: node.host, state: 'RUNNING' })
    const wasLost = node.state === 'LOST'
    node.state = 'RUNNING'
    for (const container of node.containers.values()) {
      const { model, id } = container
      if (model === undefined) continue
      if (this.model.alive.has(model.number)) continue
      // A node that was given up is told to end what it runs; a restarted ResourceManager learns what there is.
      if (!wasLost && this.#known.get(model.number) !== undefined && this.finished === undefined) {
        this.#known.delete(model.number)
        this.model.recover(model)
      } else node.orders.add(id)
    }
    for (const number of this.#known.keys()) if (this.#known.get(number)?.host === node.host) this.#known.delete(number)
  }

  #allocate(node: Node): void {
    const priorities = [...this.model.table.keys()].sort((a, b) => a - b)
    // Not all at once: other nodes get their share.
    let most = 1 + (this.#turn++ % 2)
    for (const priority of priorities) {
      for (let ask = this.model.table.get(priority); ask !== undefined && ask.count > 0 && most > 0; ask = this.model.table.get(priority)) {
        if (this.#room(node) < ask.memoryMb) return
        if (this.model.allocate(priority, node.host) === undefined) return
        most--
      }
    }
  }

  #startContainer(node: Node, container: NodeContainer, launch: (ended: (status: number) => void) => SimProcess): void {
    node.containers.set(container.id, container)
    const manager = node.manager
    manager?.after(this.#dice.between(300, 3_000), () => {
      if (container.stopped) {
        container.exit ??= 143
        return
      }
      const ended = (status: number) => {
        container.exit ??= status
      }
      if (container.attempt === undefined && this.#dice.chance(this.trouble.notStarting)) {
        this.#kernel.say(`${container.id} does not start`, node.host)
        return ended(1)
      }
      const process = launch(ended)
      container.process = process
      if (container.attempt === undefined) {
        this.workers.set(container.id, process)
        process.onEnd(() => this.workers.delete(container.id))
      }
    })
    // A container whose NodeManager is killed while it localizes never starts.
    manager?.onEnd(() => {
      if (container.process === undefined) container.exit ??= -1000
    })
  }

  #stopContainer(node: Node, id: string, status: number): void {
    const container = node.containers.get(id)
    if (container === undefined || container.stopped) return
    container.stopped = true
    const { process } = container
    if (process === undefined) return
    // SIGTERM, and a moment later SIGKILL.
    this.#kernel.after(this.#dice.between(10, 300), () => {
      container.exit ??= status
      process.end('is stopped by its NodeManager')
    })
  }

  #modelOf(id: string): ModelContainer | undefined {
    for (const container of this.model.alive.values()) if (container.id === id) return container
    return undefined
  }

  #room(node: Node): number {
    let taken = node.occupiedMb
    for (const { memoryMb, model } of node.containers.values()) if (model === undefined) taken += memoryMb
    const running = new Set<number>()
    for (const { model, memoryMb, exit } of node.containers.values()) {
      if (model === undefined || exit !== undefined) continue
      running.add(model.number)
      taken += memoryMb
    }
    for (const { host, memoryMb, number } of this.model.alive.values()) if (host === node.host && !running.has(number)) taken += memoryMb
    return this.#settings.nodeMb - taken
  }

  #node(host: string): Node | undefined {
    return this.nodes.find((node) => node.host === host)
  }
}

export type YarnNode = Yarn['nodes'][number]

function exception(className: string, message: string, call: string) {
  return remoteException({ className, message, server: RESOURCE_MANAGER, call })
}
