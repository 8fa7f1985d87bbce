/**
 * The JobManager put together: RPC, REST, ResourceManager, Dispatcher and the application. The same for every target; what
 * differs comes in as `MasterTarget`.
 */
import type { ApplicationDescriptor } from '#core/cluster/application-descriptor.js'
import { disposeSavepoint } from '#core/checkpoint/metadata-file.js'
import { Configuration } from '#core/config/configuration.js'
import { HEARTBEAT_INTERVAL } from '#core/config/options/cluster.js'
import { REST_ASYNC_STORE_DURATION } from '#core/config/options/rest.js'
import { DEFAULT_SCHEME } from '#core/config/options/execution.js'
import { SESSION_IDLE_TIMEOUT } from '#core/config/options/session.js'
import { PathNotFound } from '#core/fs/errors.js'
import { FileSystems } from '#core/fs/file-systems.js'
import { logger } from '#core/log/logger.js'
import { ResourceManagerGateway } from '#core/rpc/gateways/task-executor.js'
import { RpcEndpoints } from '#core/rpc/rpc-connection.js'
import type { Environment, Millis, TimerHandle } from '#core/time/environment.js'
import { retrying, type RetryPolicy } from '#core/time/retrying.js'
import { Application, type ApplicationResult } from './application/application.js'
import { programOf } from './application/program.js'
import { sessionCoordinators } from './application/session-coordinators.js'
import { StatementRunner } from './application/statement-runner.js'
import { Dispatcher } from './dispatcher/dispatcher.js'
import type { StoredJobResults } from './dispatcher/job-result-store.js'
import { CheckpointCoordinator, removeCheckpoints } from './jobmaster/checkpoint/checkpoint-coordinator.js'
import { connectorCoordinators } from './jobmaster/coordinators/coordinator-loader.js'
import { progressOf } from './progress.js'
import type { FinalStatus, ResourceManagerDriver } from './resourcemanager/drivers/driver.js'
import { ResourceManager } from './resourcemanager/resource-manager.js'
import type { SlotPolicy } from './resourcemanager/slotmanager/slot-manager.js'
import type { RestListener } from './rest/listener.js'
import type { MasterView } from './rest/master-view.js'
import type { RestAnswers } from './rest/proxy-door.js'
import type { PushedTokens } from './security/pushed-tokens.js'
import { Session } from './session/session.js'
import { Submissions } from './session/submissions.js'

const log = logger('Master')

/** A program that takes longer to its first job is not waited for. */
const ANSWERS_LOAD_AFTER_MS: Millis = 300

/** Who stopped the job with a savepoint wants to know where it is: the master stays so long for that question. */
const OUTCOME_PATIENCE_MS: Millis = 5_000

/** YARN waits longer than that for a master that has taken its leave. */
export const CLEAN_UP_RETRY: RetryPolicy = { tries: 5, first: 500, most: 5_000 }

export interface MasterTarget {
  readonly environment: Environment
  /** Fencing number: higher in every attempt. */
  readonly epoch: number
  readonly workingDirectory: string
  readonly placement: SlotPolicy['placement']
  readonly limits: SlotPolicy['limits']
  /** Jobs may have workers of a size of their own. */
  readonly sizedWorkers?: boolean
  /** Where REST listens; undefined: every interface. */
  readonly restHost: string | undefined
  /** Empty: it does not listen. */
  readonly restPorts: readonly number[]
  /** Adds the target's own file systems. */
  registerFileSystems(fileSystems: FileSystems): Promise<void>
  /** Made when REST listens, since YARN is told its address (`restPort` 0: it does not). Serves `endpoints` to the workers. */
  createDriver(endpoints: RpcEndpoints, restPort: number): Promise<ResourceManagerDriver>
  /** Lets only some requests through to what answers REST; absent: all. */
  guardRest?(answers: RestAnswers): RestAnswers
  /** Takes delegation tokens from clients; undefined: there are none here. */
  pushedTokens?(): PushedTokens | undefined
  /** Resolves while no later attempt has announced itself, see leadershipCheck; absent: there are none beside this one. */
  confirmLeadership?(): Promise<void>
  /** REST listens. */
  onRest(port: number): void
  /** From now on there are answers for clients that come by another way than REST. */
  onAnswers?(master: MasterView): void
  /** Where checkpoints go when execution.checkpointing.dir is unset: a full URI. Nobody else's, and there when a later attempt looks. */
  readonly checkpointDirectory: string
  /** Where clients put the jobs of a session: a URI; readable and writable by its user only, gone with the session. */
  readonly submissionDirectory: string
  /** Where the ends of jobs are written down for later attempts; undefined: there are none. */
  openJobResults(fileSystems: FileSystems): Promise<StoredJobResults | undefined>
  /** When the leave has been taken, and no later attempt needs it: everything the application left in shared places is removed. */
  cleanUp(fileSystems: FileSystems): Promise<void>
  /** This master may not go on. `retry`: a later attempt may. Ends the process; never returns. */
  onFatal(error: Error, retry: boolean): void
}

/** Runs the application to its end; the result's exit code. Everything it started has ended when it resolves. */
export async function runMaster(descriptor: ApplicationDescriptor, target: MasterTarget): Promise<number> {
  const { environment, epoch } = target
  const configuration = Configuration.of(descriptor.configuration)
  const fileSystems = new FileSystems(target.workingDirectory, configuration.get(DEFAULT_SCHEME))
  await target.registerFileSystems(fileSystems)
  const endpoints = new RpcEndpoints()
  const results = await target.openJobResults(fileSystems)
  const parts = assemble(descriptor, configuration, target, endpoints, fileSystems, results)
  const { application, dispatcher } = parts
  const rest = await listen(target)
  try {
    if (rest !== undefined) {
      log.info(`REST endpoint listens on port ${rest.port}.`)
      target.onRest(rest.port)
    }
    const resourceManager = new ResourceManager(await target.createDriver(endpoints, rest?.port ?? 0), {
      configuration,
      environment,
      epoch,
      placement: target.placement,
      limits: target.limits,
      sizedWorkers: target.sizedWorkers ?? false,
      progress: () => progressOf(dispatcher.jobs().map(({ run }) => run)),
      heartbeatInterval: configuration.get(HEARTBEAT_INTERVAL),
      onFatal: (error, retry) => target.onFatal(error, retry),
    })
    parts.resourceManager = resourceManager
    endpoints.serve('resourcemanager', ResourceManagerGateway, resourceManager.handlers)
    // The program is compiled while the driver makes itself known.
    resourceManager.start().catch((error: unknown) => target.onFatal(error instanceof Error ? error : new Error(String(error)), true))
    const ended = application.run()
    // What answers clients is loaded after the program's first job is on its way to the workers, who then have work to do meanwhile.
    let timer: TimerHandle | undefined
    const late = new Promise<void>((resolve) => (timer = environment.timers.after(ANSWERS_LOAD_AFTER_MS, resolve)))
    await Promise.race([parts.begun, ended, ...(parts.session === undefined ? [late] : [])])
    timer?.cancel()
    const { AsyncOperations } = await import('./rest/async-operations.js')
    const operations = new AsyncOperations(environment, configuration.get(REST_ASYNC_STORE_DURATION))
    const view: MasterView = {
      configuration,
      environment,
      dispatcher,
      resourceManager: { workers: () => resourceManager.workers() },
      application,
      session: parts.session,
      operations,
      pushedTokens: target.pushedTokens?.(),
      disposeSavepoint: (path) => disposeSavepoint(fileSystems, path),
    }
    target.onAnswers?.(view)
    if (rest !== undefined) {
      const { restAnswers } = await import('./rest/server.js')
      const answers = await restAnswers(view)
      rest.serve(target.guardRest?.(answers) ?? answers)
    }
    const result = await ended
    await application.clientIsDone()
    await operations.drained(OUTCOME_PATIENCE_MS)
    await dispatcher.removeLeftovers()
    await removeIfEmpty(fileSystems, target.checkpointDirectory)
    // The ends of jobs lie in what is staged: were it removed first, a master that dies in between would be followed by one that runs them again.
    const heard = await resourceManager.finish(finalStatus(result), result.failure ?? '')
    if (heard) await removeStaged(target, fileSystems)
    else log.warn('Nobody has heard that the application has ended: what it staged stays for the attempt that may follow.')
    return result.status === 'FINISHED' ? 0 : 1
  } finally {
    await rest?.close()
  }
}

/** Where REST is not asked for, not even its socket's code is loaded. */
async function listen({ restHost, restPorts }: MasterTarget): Promise<RestListener | undefined> {
  if (restPorts.length === 0) return undefined
  const { RestListener } = await import('./rest/listener.js')
  return RestListener.listen(restHost, restPorts)
}

async function removeStaged({ environment, cleanUp }: MasterTarget, fileSystems: FileSystems): Promise<void> {
  try {
    await retrying(environment, CLEAN_UP_RETRY, () => cleanUp(fileSystems))
  } catch (error) {
    log.warn('What the application staged could not be removed', error)
  }
}

/** The default directory of checkpoints, when jobs have left none in it. */
async function removeIfEmpty(fileSystems: FileSystems, directory: string): Promise<void> {
  const fileSystem = fileSystems.of(directory)
  try {
    if ((await fileSystem.list(directory)).length === 0) await fileSystem.delete(directory)
  } catch (error) {
    if (!PathNotFound.is(error)) log.warn(`The directory of checkpoints ${directory} could not be removed`, error)
  }
}

interface Parts {
  /** What this master runs: one application, or a session. */
  readonly application: Pick<Application, 'id' | 'details' | 'run' | 'cancel' | 'contacted' | 'acknowledge' | 'clientIsDone'>
  readonly session: Session | undefined
  readonly dispatcher: Dispatcher
  /** The first job is on its way; of a session, those that an earlier attempt had. */
  readonly begun: Promise<void>
  /** Set once REST listens; the application begins after that. */
  resourceManager: ResourceManager | undefined
}

function assemble(
  descriptor: ApplicationDescriptor,
  configuration: Configuration,
  target: MasterTarget,
  endpoints: RpcEndpoints,
  fileSystems: FileSystems,
  results: StoredJobResults | undefined,
): Parts {
  const { environment, epoch } = target
  const parts: { resourceManager: ResourceManager | undefined; session: Session | undefined } = {
    resourceManager: undefined,
    session: undefined,
  }
  const checkpointServices = (jobConfiguration: Configuration) => ({
    environment,
    fileSystems,
    configuration: jobConfiguration,
    epoch,
    defaultDirectory: target.checkpointDirectory,
  })
  const dispatcher = new Dispatcher({
    environment,
    configuration,
    endpoints,
    epoch,
    results,
    slots: {
      leads: async () => {
        await parts.resourceManager?.leads()
        await target.confirmLeadership?.()
      },
      declare: (jobId, count, listener, giveBack, memoryMb) => parts.resourceManager?.declare(jobId, count, listener, giveBack, memoryMb),
      forget: (jobId) => parts.resourceManager?.forget(jobId),
      describeShortage: (jobId) => parts.resourceManager?.describeShortage(jobId) ?? '',
      get earlier() {
        return parts.resourceManager?.earlier
      },
      taskExecutor: (resourceId) => parts.resourceManager?.taskExecutor(resourceId),
    },
    onForgotten: (jobId) => parts.session?.forgotten(jobId),
    coordinators: (jobConfiguration, program) => connectorCoordinators(fileSystems, jobConfiguration, environment, program),
    checkpoints: (jobConfiguration, jobGraph, host) => new CheckpointCoordinator(jobGraph, host, checkpointServices(jobConfiguration)),
    removeCheckpoints: (jobConfiguration, id, state) => removeCheckpoints(id, state, checkpointServices(jobConfiguration)),
  })
  const { program, jobId, name, user, attached } = descriptor
  if (program.kind === 'session') {
    const session = new Session({
      id: jobId,
      name,
      user,
      submissionDirectory: target.submissionDirectory,
      idleTimeout: configuration.get(SESSION_IDLE_TIMEOUT),
      recovers: epoch > 1,
      environment,
      dispatcher,
      submissions: new Submissions(fileSystems.of(target.submissionDirectory), target.submissionDirectory),
      results,
      coordinators: sessionCoordinators,
    })
    return Object.assign(parts, { application: session, session, dispatcher, begun: session.recovered })
  }
  const runner = new StatementRunner(dispatcher, attached)
  const run = programOf({ program, jobId }, configuration, environment, runner)
  const application = new Application({ id: jobId, name, attached, environment, dispatcher, runner, run })
  return Object.assign(parts, { application, dispatcher, begun: runner.begun })
}

function finalStatus(result: ApplicationResult): FinalStatus {
  switch (result.status) {
    case 'FINISHED':
      return 'SUCCEEDED'
    case 'FAILED':
      return 'FAILED'
    case 'CANCELED':
      return 'KILLED'
  }
}
