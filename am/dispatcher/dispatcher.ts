/** The jobs of this master: takes them, finds them, keeps ended ones for display. Flink's Dispatcher. */
import type { Configuration } from '#core/config/configuration.js'
import { JOBSTORE_EXPIRATION_TIME, JOBSTORE_MAX_CAPACITY } from '#core/config/options/session.js'
import type { JobGraph } from '#core/graph/job-graph.js'
import { isTerminalJobState, type JobState } from '#core/graph/states.js'
import type { JobId } from '#core/ids/ids.js'
import { logger } from '#core/log/logger.js'
import type { RpcEndpoints } from '#core/rpc/rpc-connection.js'
import { BlobGateway } from '#core/rpc/gateways/blob.js'
import { JobMasterGateway } from '#core/rpc/gateways/task-executor.js'
import type { Environment, Millis } from '#core/time/environment.js'
import { retrying, type RetryPolicy } from '#core/time/retrying.js'
import { BlobServer } from '../blob/blob-server.js'
import type { CheckpointHost, Checkpoints } from '../jobmaster/checkpoint/checkpoint-host.js'
import type { CoordinatorLoader, ProgramCoordinators } from '../jobmaster/coordinators/coordinator-loader.js'
import { JobCoordinators } from '../jobmaster/coordinators/job-coordinators.js'
import { JobMaster, schedulerSettings, type Job, type JobResult } from '../jobmaster/job-master.js'
import { withWorkerSize, type SlotProvider } from '../slots/slot-provider.js'
import { checkJobGraph } from './check-job-graph.js'
import { expiredJobs, expiresAfter, type JobStorePolicy } from './ended-jobs.js'
import type { JobResultStore } from './job-result-store.js'
import { jobWorkerMb } from './job-worker-size.js'
import { isRecordOf, recordOf, recoveredJob } from './recovered-job.js'

/** Nobody is told of a job's end before it is written down: later attempts go by that. */
const WRITE_RETRY: RetryPolicy = { tries: 8, first: 500, most: 10_000 }

/** So long after a job's end its tasks that could not be reached have been stopped by whoever runs their TaskManagers. */
const LEFTOVERS_AFTER_MS = 60_000

export interface DispatcherServices {
  readonly environment: Environment
  readonly configuration: Configuration
  readonly endpoints: RpcEndpoints
  readonly epoch: number
  readonly slots: SlotProvider
  /** For a job with its own configuration in effect. */
  coordinators(configuration: Configuration, program?: ProgramCoordinators): CoordinatorLoader
  /** The checkpoint coordinator of a job with its own configuration in effect. */
  checkpoints(configuration: Configuration, jobGraph: JobGraph, host: CheckpointHost): Checkpoints
  /** Of a job that ended under an earlier attempt, those that are not to be kept. Never rejects. */
  removeCheckpoints(configuration: Configuration, jobId: JobId, state: JobState): Promise<void>
  /** For later attempts of this master; undefined: there are none. */
  readonly results?: JobResultStore | undefined
  /** The job is not listed any more. */
  onForgotten?(jobId: JobId): void
}

/** What a job needs beyond its graph when it has functions of a program. */
export interface SubmittedProgram {
  /** Its bundle, which workers fetch as a blob of the job. */
  readonly bundle: Uint8Array
  readonly coordinators: ProgramCoordinators
}

export class Dispatcher {
  readonly #services: DispatcherServices
  readonly #blobs = new BlobServer()
  readonly #jobs = new Map<JobId, Job>()
  readonly #ended = new Map<JobId, Millis>()
  /** Jobs whose tasks may not all have been reached when they ended: they may have written since. */
  readonly #leftovers = new Set<Job>()
  readonly #log = logger('Dispatcher')
  readonly #jobStore: JobStorePolicy

  constructor(services: DispatcherServices) {
    this.#services = services
    const { configuration } = services
    this.#jobStore = {
      capacity: configuration.get(JOBSTORE_MAX_CAPACITY),
      expirationMs: configuration.get(JOBSTORE_EXPIRATION_TIME) * 1000,
    }
    services.endpoints.serve('blobserver', BlobGateway, this.#blobs.handlers, services.epoch)
  }

  /**
   * Starts a job. Submitting the same job id again answers with the job that there is; one that ended under an earlier attempt of this
   * master does not run again, unless it is a SELECT, whose rows went with that attempt. `statement`: its number in the program.
   * `program`: where the graph's functions are.
   * @throws JOB_GRAPH_INVALID, JOB_WORKER_SIZE_INVALID
   */
  submit(raw: unknown, statement = 0, program?: SubmittedProgram): Job {
    const jobGraph = checkJobGraph(raw)
    const present = this.#jobs.get(jobGraph.jobId)
    if (present !== undefined) return present
    this.#forgetOld()
    const { environment, endpoints, epoch, slots } = this.#services
    const configuration = this.#services.configuration.with(jobGraph.configuration)
    const recovered = this.#recover(jobGraph, statement, configuration, program)
    if (recovered !== undefined) return recovered
    const workerMb = jobWorkerMb(configuration)
    if (program !== undefined) this.#blobs.put(jobGraph.jobId, program.bundle)
    const job = new JobMaster(jobGraph, {
      epoch,
      environment,
      configuration,
      slots: workerMb === 0 ? slots : withWorkerSize(slots, workerMb),
      coordinators: this.#services.coordinators(configuration, program?.coordinators),
      blobs: this.#blobs,
      checkpoints: (graph, host) => this.#services.checkpoints(configuration, graph, host),
      onEnd: (ended, result) => this.#writeDown(ended, result, statement),
    })
    this.#jobs.set(job.jobId, job)
    const endpoint = `jobmaster/${job.jobId}`
    endpoints.serve(endpoint, JobMasterGateway, job.handlers, epoch)
    void job.result.then(({ state }) => {
      this.#hasEnded(job.jobId)
      if (state !== 'FINISHED' || epoch > 1 || job.run.failures.length > 0) this.#mayLeave(job)
      endpoints.stop(endpoint)
      this.#blobs.removeJob(job.jobId)
    })
    this.#log.info(`Received job '${jobGraph.name}' (${job.jobId}).`)
    job.start()
    return job
  }

  job(jobId: string): Job | undefined {
    return this.#jobs.get(jobId as JobId)
  }

  /** In the order of their submission. */
  jobs(): Job[] {
    return [...this.#jobs.values()]
  }

  cancelAll(): void {
    for (const job of this.#jobs.values()) if (!isTerminalJobState(job.state)) job.cancel()
  }

  #recover(jobGraph: JobGraph, statement: number, configuration: Configuration, program?: SubmittedProgram): Job | undefined {
    const record = this.#services.results?.find(jobGraph.jobId)
    if (record === undefined) return undefined
    if (!isRecordOf(record, jobGraph, statement)) {
      this.#log.warn(
        `Job '${jobGraph.name}' (${jobGraph.jobId}) runs: job '${record.name}' of that id, which an earlier attempt ran, was another one.`,
      )
      return undefined
    }
    this.#log.info(`Job '${jobGraph.name}' (${jobGraph.jobId}) was ${record.state} under an earlier attempt and does not run again.`)
    const services = this.#services
    const removeLeftovers = async () => {
      const coordinators = new JobCoordinators(jobGraph, services.coordinators(configuration, program?.coordinators), undefined)
      await coordinators.abort(services.environment, jobGraph)
      await services.removeCheckpoints(configuration, jobGraph.jobId, record.state)
    }
    const job = recoveredJob(jobGraph, record, schedulerSettings(configuration, jobGraph), removeLeftovers)
    this.#jobs.set(job.jobId, job)
    this.#hasEnded(job.jobId)
    this.#mayLeave(job)
    return job
  }

  /** Before the application ends: what would be removed later is now. Never rejects. */
  async removeLeftovers(): Promise<void> {
    const jobs = [...this.#leftovers]
    this.#leftovers.clear()
    await Promise.all(jobs.map((job) => job.removeLeftovers()))
  }

  #mayLeave(job: Job): void {
    this.#leftovers.add(job)
    this.#services.environment.timers.after(
      LEFTOVERS_AFTER_MS,
      () => {
        if (this.#leftovers.delete(job)) void job.removeLeftovers()
      },
      true,
    )
  }

  async #writeDown(job: Job, result: JobResult, statement: number): Promise<void> {
    const { results } = this.#services
    if (results === undefined || job.collect !== undefined) return
    try {
      const record = recordOf(job, result, statement)
      await retrying(this.#services.environment, WRITE_RETRY, () => results.add(record))
    } catch (error) {
      this.#log.warn(`The end of job ${job.jobId} could not be written down: a later attempt of this JobManager would run it again`, error)
    }
  }

  #hasEnded(jobId: JobId): void {
    const { clock, timers } = this.#services.environment
    this.#ended.set(jobId, clock.now())
    timers.after(expiresAfter(this.#jobStore), () => this.#forgetOld(), true)
  }

  #forgetOld(): void {
    for (const jobId of expiredJobs(this.#ended, this.#services.environment.clock.now(), this.#jobStore)) {
      this.#ended.delete(jobId)
      this.#jobs.delete(jobId)
      this.#services.onForgotten?.(jobId)
    }
  }
}
