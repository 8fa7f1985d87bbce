/**
 * Workers as processes of this machine: target `local` with `local.isolation: PROCESSES`. They are started as YARN would start them
 * (descriptor in the environment, secret in a file that only the user can read), outlive this master, and are found again by the next.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { entryPoint } from '#core/cluster/entry-points.js'
import { LIFELINE_FD, LIFELINE_VARIABLE } from '#core/cluster/lifeline.js'
import { memoryBudget } from '#core/cluster/memory-budget.js'
import { withoutSecretValues } from '#core/config/secret-values.js'
import { WORKER_DESCRIPTOR_VARIABLE, type WorkerDescriptor } from '#core/cluster/worker-descriptor.js'
import type { Configuration } from '#core/config/configuration.js'
import { MANAGED_MEMORY_FRACTION, TASKMANAGER_PROCESS_SIZE } from '#core/config/options/memory.js'
import { resourceId, type ResourceId } from '#core/ids/ids.js'
import { logger } from '#core/log/logger.js'
import type { Environment, Millis } from '#core/time/environment.js'
import type { WorkersWanted } from '../../slotmanager/slot-manager.js'
import type { DriverListener, ResourceManagerDriver } from '../driver.js'
import { startOf, WorkerRecords, type WorkerRecord } from './worker-records.js'

/** How often processes that another master started are looked after: their end is told to nobody. */
const ADOPTED_CHECK_MS: Millis = 100
/** A process that was told to end and did not is killed after this time. */
const GRACE_MS: Millis = 2_000
const LOG_TAIL_LINES = 20

export interface ProcessDriverSettings {
  readonly environment: Environment
  readonly configuration: Configuration
  /** The application's own directory. */
  readonly directory: string
  readonly workingDirectory: string
  readonly user: string
  readonly hadoopConfiguration: Readonly<Record<string, string>> | undefined
  /** Number of this master: part of its workers' names. */
  readonly epoch: number
  readonly master: { readonly host: string; readonly port: number; readonly leaderFile: string }
  /** Credentials file with the application's secret. */
  readonly tokenFile: string
}

interface Running {
  readonly pid: number
  readonly slots: number
  /** Undefined: an earlier master's. */
  readonly child: ChildProcess | undefined
  /** An adopted one: when it started, which tells it from a later process of that number. */
  readonly started: string
  releasing: boolean
  /** It does not count towards those wanted. */
  discounted: boolean
  readonly gone: Promise<void>
  end(): void
}

export class ProcessDriver implements ResourceManagerDriver {
  readonly #settings: ProcessDriverSettings
  readonly #log = logger('ProcessDriver')
  readonly #records: WorkerRecords
  readonly #running = new Map<ResourceId, Running>()
  #listener: DriverListener | undefined
  #wanted: readonly WorkersWanted[] = []
  #count = 0
  #ending = false

  constructor(settings: ProcessDriverSettings) {
    this.#settings = settings
    this.#records = new WorkerRecords(settings.directory)
  }

  start(listener: DriverListener): Promise<void> {
    this.#listener = listener
    for (const record of this.#records.alive()) this.#adopt(record)
    return Promise.resolve()
  }

  declareWorkers(wanted: readonly WorkersWanted[]): void {
    this.#wanted = wanted
    this.#startMissing()
  }

  discountWorker(id: ResourceId): void {
    const worker = this.#running.get(id)
    if (worker !== undefined) worker.discounted = true
  }

  /** There are no pages but our own. */
  setProgress(): void {}

  /** There is one node. */
  /** What a process takes of its machine is nobody's to grant. */
  resizeWorker(): boolean {
    return false
  }

  blockNodes(): void {}

  releaseWorker(id: ResourceId): void {
    const worker = this.#running.get(id)
    if (worker === undefined || worker.releasing) return
    worker.releasing = true
    signal(worker.pid, 'SIGTERM')
  }

  describePending(): string {
    return ''
  }

  async finish(): Promise<boolean> {
    this.#ending = true
    const { environment } = this.#settings
    await Promise.all(
      [...this.#running.values()].map(async (worker) => {
        // It was told to end by message, and may have output to write; the signal is for one that did not hear it.
        worker.releasing = true
        const timer = environment.timers.after(GRACE_MS, () => signal(worker.pid, 'SIGKILL'))
        await worker.gone
        timer.cancel()
      }),
    )
    return true
  }

  #startMissing(): void {
    if (this.#ending) return
    for (const { slots, count } of this.#wanted) {
      const present = [...this.#running.values()].filter(
        (worker) => worker.slots === slots && !worker.releasing && !worker.discounted,
      ).length
      for (let missing = count - present; missing > 0; missing--) this.#startOne(slots)
    }
  }

  #startOne(slots: number): void {
    const { configuration, workingDirectory, user, hadoopConfiguration, master, directory, epoch, tokenFile } = this.#settings
    const id = resourceId(`local-${epoch}-${++this.#count}`)
    const processMemory = configuration.get(TASKMANAGER_PROCESS_SIZE)
    const descriptor: WorkerDescriptor = {
      version: 1,
      resourceId: id,
      slots,
      processMemory,
      configuration: withoutSecretValues(configuration.toRecord()),
      master: { kind: 'address', epoch, ...master },
      workingDirectory,
      user,
      ...(hadoopConfiguration === undefined ? {} : { hadoopConfiguration }),
    }
    const { mainHeapMb } = memoryBudget(processMemory, slots, configuration.get(MANAGED_MEMORY_FRACTION))
    const logFile = join(directory, `${id}.log`)
    const log = openSync(logFile, 'a', 0o600)
    const lifeline = process.env[LIFELINE_VARIABLE] === '1'
    const child = spawn(process.execPath, [`--max-old-space-size=${mainHeapMb}`, fileURLToPath(entryPoint('container'))], {
      cwd: workingDirectory,
      // A session of its own: the terminal's Ctrl-C is for the client, which ends everything in order.
      detached: true,
      stdio: lifeline ? ['ignore', 'inherit', log, LIFELINE_FD] : ['ignore', 'inherit', log],
      env: {
        ...process.env,
        [WORKER_DESCRIPTOR_VARIABLE]: Buffer.from(JSON.stringify(descriptor), 'utf8').toString('base64'),
        HADOOP_TOKEN_FILE_LOCATION: tokenFile,
        NM_HOST: 'localhost',
      },
    })
    closeSync(log)
    this.#listener?.started(id, 'localhost', slots)
    const { pid } = child
    if (pid === undefined) {
      child.on('error', (error) => this.#listener?.terminated(id, `its process did not start: ${error.message}`, 'failed'))
      return
    }
    const worker = this.#track(id, { pid, slots, child, started: startOf(pid) ?? '' })
    this.#records.add({ id, pid, started: worker.started, slots })
    child.on('error', () => undefined)
    child.on('exit', (code, by) => this.#ended(id, by === null ? `exit status ${code}` : `killed by ${by}`, code === 0))
  }

  #adopt({ id, pid, started, slots }: WorkerRecord): void {
    this.#log.info(`TaskManager ${id} (process ${pid}) of an earlier JobManager still runs.`)
    this.#track(id, { pid, slots, child: undefined, started })
    this.#listener?.recovered(id, 'localhost', slots)
    const check = () => {
      if (startOf(pid) === started) this.#settings.environment.timers.after(ADOPTED_CHECK_MS, check)
      else this.#ended(id, 'its process has ended', true)
    }
    this.#settings.environment.timers.after(ADOPTED_CHECK_MS, check)
  }

  #track(id: ResourceId, process: Pick<Running, 'pid' | 'slots' | 'child' | 'started'>): Running {
    let end: () => void = () => undefined
    const gone = new Promise<void>((resolve) => (end = resolve))
    const worker: Running = { ...process, releasing: false, discounted: false, gone, end }
    this.#running.set(id, worker)
    return worker
  }

  #ended(id: ResourceId, how: string, quietly: boolean): void {
    const worker = this.#running.get(id)
    if (worker === undefined) return
    this.#running.delete(id)
    this.#records.remove(id)
    worker.end()
    const tail = worker.releasing || quietly ? '' : this.#logTail(id)
    this.#listener?.terminated(id, `${how}${tail}`, 'failed')
    this.#startMissing()
  }

  #logTail(id: ResourceId): string {
    try {
      const lines = readFileSync(join(this.#settings.directory, `${id}.log`), 'utf8')
        .trimEnd()
        .split('\n')
      return `; the last lines of its log:\n${lines.slice(-LOG_TAIL_LINES).join('\n')}`
    } catch {
      return ''
    }
  }
}

function signal(pid: number, name: 'SIGTERM' | 'SIGKILL'): void {
  try {
    process.kill(pid, name)
  } catch {
    // It has ended.
  }
}
