/**
 * Master and worker in this process, as the target `local` runs them, but for any number of jobs: the Dispatcher, its ResourceManager
 * and the local driver, put together as am/master.ts does, without REST and without an application.
 */
import { tmpdir } from 'node:os'
import { Configuration } from '#core/config/configuration.js'
import { FileSystems } from '#core/fs/file-systems.js'
import type { JobGraph } from '#core/graph/job-graph.js'
import type { CollectedRow } from '#core/rpc/operator-events.js'
import { ResourceManagerGateway } from '#core/rpc/gateways/task-executor.js'
import { RpcConnection, RpcEndpoints } from '#core/rpc/rpc-connection.js'
import { systemEnvironment } from '#core/time/environment.js'
import { jobFinished } from '#am/application/statement-runner.js'
import { Dispatcher, type DispatcherServices } from '#am/dispatcher/dispatcher.js'
import { CheckpointCoordinator } from '#am/jobmaster/checkpoint/checkpoint-coordinator.js'
import { connectorCoordinators } from '#am/jobmaster/coordinators/coordinator-loader.js'
import type { Job } from '#am/jobmaster/job-master.js'
import { LocalDriver } from '#am/resourcemanager/drivers/local.js'
import { ResourceManager } from '#am/resourcemanager/resource-manager.js'
import { NO_LIMITS } from '#am/resourcemanager/slotmanager/worker-limits.js'

const environment = systemEnvironment

export class EmbeddedCluster {
  readonly #dispatcher: Dispatcher
  readonly #resourceManager: ResourceManager

  private constructor(dispatcher: Dispatcher, resourceManager: ResourceManager) {
    this.#dispatcher = dispatcher
    this.#resourceManager = resourceManager
  }

  static async start(workingDirectory: string): Promise<EmbeddedCluster> {
    const settings = { 'restart-strategy.type': 'none' }
    const configuration = Configuration.of(settings)
    const fileSystems = new FileSystems(workingDirectory)
    const endpoints = new RpcEndpoints()
    const driver = new LocalDriver({
      environment,
      workingDirectory,
      configuration: settings,
      user: 'test',
      hadoopConfiguration: undefined,
      expectedSlots: 1,
      onChannel: (channel) => void new RpcConnection(channel, endpoints, environment),
    })
    const resourceManager = new ResourceManager(driver, {
      configuration,
      environment,
      epoch: 1,
      placement: { kind: 'one-worker' },
      limits: NO_LIMITS,
      progress: () => 0,
      heartbeatInterval: 10_000,
      onFatal: (error) => {
        throw error
      },
    })
    endpoints.serve('resourcemanager', ResourceManagerGateway, resourceManager.handlers)
    await resourceManager.start()
    const coordinators = (jobConfiguration: Configuration) => connectorCoordinators(fileSystems, jobConfiguration, environment)
    const defaultDirectory = `file://${tmpdir()}/weft-embedded-checkpoints`
    const checkpoints: DispatcherServices['checkpoints'] = (jobConfiguration, graph, host) =>
      new CheckpointCoordinator(graph, host, { environment, fileSystems, configuration: jobConfiguration, epoch: 1, defaultDirectory })
    // There is no earlier attempt.
    const removeCheckpoints = () => Promise.resolve()
    return new EmbeddedCluster(
      new Dispatcher({
        environment,
        configuration,
        endpoints,
        epoch: 1,
        slots: resourceManager,
        coordinators,
        checkpoints,
        removeCheckpoints,
      }),
      resourceManager,
    )
  }

  /** The job's result, all rows of it; empty when it only writes. @throws APPLICATION_JOB_FAILED */
  async run(jobGraph: JobGraph): Promise<readonly CollectedRow[]> {
    const job = this.#dispatcher.submit(jobGraph)
    const rows = await collected(job)
    await jobFinished(job)
    return rows
  }

  async stop(): Promise<void> {
    this.#dispatcher.cancelAll()
    await this.#resourceManager.finish('SUCCEEDED', '')
  }
}

async function collected({ collect, result }: Job): Promise<readonly CollectedRow[]> {
  const rows: CollectedRow[] = []
  if (collect === undefined) return rows
  let ended = false
  void result.then(() => (ended = true))
  for (let token = 0; ;) {
    const answer = collect.fetch(token)
    rows.push(...answer.rows)
    token = answer.next
    if (answer.end) return rows
    // Rows wait for a client only when there are thousands; else the end of the job brings them all.
    if (answer.rows.length === 0 && !ended) await Promise.race([result, new Promise((resolve) => setTimeout(resolve, 2))])
  }
}
