/** The job under test as it runs on the cluster: started by the command, looked at from outside, stopped and judged. */
import { setTimeout as pause } from 'node:timers/promises'
import type { JobDetails } from '#core/rest/responses.js'
import type { HadoopCluster } from '../support/hadoop-cluster.js'
import type { RunningCommand } from '../support/weft-command.js'
import { until, type ContainerProcess, type YarnJobs } from '../support/yarn-jobs.js'
import { judge, tickingJob, type Verdict } from './job.js'

const RATE = 200
const READ_AT_ONCE = 8
const PATIENCE_MS = 120_000

/**
 * Of all jobs of the campaign. `applications`: those whose master took leave, so that its last attempt has counted.
 * `leaks`: what was still there after an end.
 */
export interface Ledger {
  asked: number
  granted: number
  released: number
  applications: number
  readonly leaks: string[]
}

export interface Cluster {
  readonly hadoop: HadoopCluster
  readonly jobs: YarnJobs
  readonly ledger: Ledger
  say(line: string): void
}

export interface TickingOptions {
  readonly name: string
  readonly parallelism: number
  readonly queue?: string
  /** It ends by itself after that id. */
  readonly lastId?: number
  readonly options?: Readonly<Record<string, string>>
}

export class Ticking {
  readonly cluster: Cluster
  readonly options: TickingOptions
  readonly command: RunningCommand
  readonly applicationId: string
  readonly jobId: string

  private constructor(cluster: Cluster, options: TickingOptions, command: RunningCommand, applicationId: string, jobId: string) {
    this.cluster = cluster
    this.options = options
    this.command = command
    this.applicationId = applicationId
    this.jobId = jobId
  }

  /** Resolves when all its tasks run. */
  static async start(cluster: Cluster, options: TickingOptions): Promise<Ticking> {
    const { jobs } = cluster
    const folders = { rows: jobs.uri(`citizens/${options.name}/rows`), windows: jobs.uri(`citizens/${options.name}/windows`) }
    await jobs.cluster.hdfs.delete(jobs.uri(`citizens/${options.name}`))
    const configuration: Record<string, string> = {
      'parallelism.default': String(options.parallelism),
      'table.local-time-zone': 'UTC',
      'execution.checkpointing.interval': '2 s',
      'execution.checkpointing.dir': jobs.uri(`citizens/checkpoints/${options.name}`),
      // The pause of its only restart is longer than a scenario: one that is counted would be seen.
      'restart-strategy.type': 'fixed-delay',
      'restart-strategy.fixed-delay.attempts': '1',
      'restart-strategy.fixed-delay.delay': '30 min',
      ...(options.queue === undefined ? {} : { 'yarn.application.queue': options.queue }),
      ...options.options,
    }
    const args = Object.entries(configuration).flatMap(([key, value]) => ['-D', `${key}=${value}`])
    const command = jobs.script(tickingJob(folders, RATE, options.lastId), args)
    const [applicationId = ''] = await command.says(/application_\d+_\d+/)
    const [, jobId = ''] = await command.says(/JobID ([0-9a-f]{32})/)
    const job = new Ticking(cluster, options, command, applicationId, jobId)
    await until('running tasks', () => job.runs(), PATIENCE_MS)
    return job
  }

  /** Undefined while the master does not answer. */
  details(): Promise<JobDetails | undefined> {
    return this.cluster.jobs.proxied(this.applicationId, `jobs/${this.jobId}`).then(
      (body) => body as JobDetails,
      () => undefined,
    )
  }

  async runs(): Promise<boolean> {
    const details = await this.details()
    return details?.state === 'RUNNING' && details.vertices.every(({ status }) => status === 'RUNNING')
  }

  workers(): ContainerProcess[] {
    return this.cluster.jobs.taskManagers(this.applicationId)
  }

  /** Ids of the TaskManagers that the master knows. */
  async registered(): Promise<string[]> {
    const answer = (await this.cluster.jobs.proxied(this.applicationId, 'taskmanagers')) as { taskmanagers: { id: string }[] }
    return answer.taskmanagers.map(({ id }) => id)
  }

  master(): ContainerProcess | undefined {
    return this.cluster.jobs.master(this.applicationId)
  }

  log(): string {
    return this.cluster.jobs.masterLog(this.applicationId)
  }

  /** All tasks run in as many containers as it was given, and a few checkpoints have passed since. */
  async settled(): Promise<void> {
    const { parallelism } = this.options
    await until('all tasks running again', async () => (await this.runs()) && this.workers().length === parallelism, PATIENCE_MS)
    await pause(3_000)
  }

  /** How often its tasks had to restart, all of them or some, under any attempt. */
  restarts(): number {
    return [...this.log().matchAll(/ switched to RESTARTING/g)].length
  }

  /** Ends it with a savepoint and reads what it has written. Its containers are counted and what is left of it is looked for. */
  async stop(): Promise<Verdict> {
    const { jobs } = this.cluster
    const stop = await jobs.weft(['stop', '-p', jobs.uri('citizens/savepoints'), this.applicationId]).result
    if (stop.status !== 0) throw new Error(`weft stop ${this.applicationId} ended with ${String(stop.status)}:\n${stop.stderr}`)
    return this.ended()
  }

  async ended(): Promise<Verdict> {
    const { options, command } = this
    const { status, stderr } = await command.result
    if (status !== 0) throw new Error(`${options.name} ended with ${String(status)}:\n${stderr.slice(-3_000)}`)
    await this.#count()
    const { name, parallelism, lastId } = options
    return judge(await this.#texts(`citizens/${name}/rows`), await this.#texts(`citizens/${name}/windows`), parallelism, lastId)
  }

  async #count(): Promise<void> {
    const { ledger } = this.cluster
    await this.expectNothingLeft('FINISHED', 'SUCCEEDED')
    const sums = [...this.log().matchAll(/Containers: asked (\d+), granted (\d+), released (\d+)/g)]
    const [, asked, granted, released] = sums.at(-1) ?? []
    if (asked === undefined) throw new Error(`the master of ${this.applicationId} did not sum up its containers`)
    ledger.asked += Number(asked)
    ledger.granted += Number(granted)
    ledger.released += Number(released)
    ledger.applications++
  }

  /** What is left goes into the ledger. */
  async expectNothingLeft(state: string, finalStatus: string): Promise<string> {
    const { jobs, ledger } = this.cluster
    await until(`the end of ${this.applicationId}`, async () => (await jobs.report(this.applicationId)).state === state, PATIENCE_MS)
    try {
      return (await jobs.expectNothingLeft(this.applicationId, state, finalStatus)).diagnostics
    } catch (error) {
      ledger.leaks.push((error as Error).message)
      throw error
    }
  }

  async #texts(folder: string): Promise<string[]> {
    const { jobs } = this.cluster
    const names = (await jobs.list(folder)).filter((name) => name.startsWith('part-'))
    const texts: string[] = []
    const read = async () => {
      for (let name = names.pop(); name !== undefined; name = names.pop()) texts.push(await jobs.read(`${folder}/${name}`))
    }
    await Promise.all(Array.from({ length: READ_AT_ONCE }, read))
    return texts
  }
}

/** The address of the node that a container runs on: 127.0.0.2 is nm1. */
export function hostOf({ environment }: ContainerProcess): string {
  return /\0NM_HOST=([^\0]*)/.exec(environment)?.[1] ?? ''
}

export function nodeOf(host: string): string {
  return `nm${Number(host.split('.')[3]) - 1}`
}

/** A node with TaskManagers of the job and without its master. */
export function busyNode(job: Ticking): string {
  const master = job.master()
  const host = job
    .workers()
    .map(hostOf)
    .find((each) => master === undefined || each !== hostOf(master))
  if (host === undefined) throw new Error('every TaskManager is beside the master')
  return host
}
