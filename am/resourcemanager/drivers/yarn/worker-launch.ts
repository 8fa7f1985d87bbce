/** The launch context of a TaskManager's container. Pure. */
import { RUNTIME_LINK, type LocalResource } from '#core/cluster/application-descriptor.js'
import { memoryBudget } from '#core/cluster/memory-budget.js'
import { WORKER_DESCRIPTOR_VARIABLE, type WorkerDescriptor } from '#core/cluster/worker-descriptor.js'
import type { Configuration } from '#core/config/configuration.js'
import { withoutSecretValues } from '#core/config/secret-values.js'
import { TASKMANAGER_ENV_PREFIX } from '#core/config/options/containerized.js'
import { MANAGED_MEMORY_FRACTION, TASKMANAGER_PROCESS_SIZE } from '#core/config/options/memory.js'
import { YARN_MODIFY_ACLS, YARN_VIEW_ACLS } from '#core/config/options/yarn.js'
import { resourceId } from '#core/ids/ids.js'
import type { Credentials } from '#hadoop/security/credentials.js'
import type { LaunchContext } from '#hadoop/yarn/launch-context.js'

const MIB = 1024 * 1024

export interface WorkerLaunch {
  readonly configuration: Configuration
  readonly resources: readonly LocalResource[]
  /** The master's own: delegation tokens, the application's secret, secret values of the configuration. The AMRM token is left out on the way. */
  readonly credentials: Credentials
  readonly hadoopConfiguration: Readonly<Record<string, string>>
  readonly user: string
  readonly master: { readonly host: string; readonly port: number; readonly epoch: number; readonly leaderFile: string }
}

/** `memoryMb`: of the container, if not the usual size; 0: it is. */
export function workerLaunchContext(launch: WorkerLaunch, containerId: string, slots: number, memoryMb = 0): LaunchContext {
  const { configuration } = launch
  const processMemory = memoryMb === 0 ? configuration.get(TASKMANAGER_PROCESS_SIZE) : memoryMb * MIB
  const { mainHeapMb } = memoryBudget(processMemory, slots, configuration.get(MANAGED_MEMORY_FRACTION))
  const descriptor: WorkerDescriptor = {
    version: 1,
    resourceId: resourceId(containerId),
    slots,
    processMemory,
    configuration: withoutSecretValues(configuration.toRecord()),
    master: { kind: 'address', ...launch.master },
    hadoopConfiguration: { ...launch.hadoopConfiguration },
    user: launch.user,
  }
  const viewAcl = configuration.get(YARN_VIEW_ACLS)
  const modifyAcl = configuration.get(YARN_MODIFY_ACLS)
  return {
    resources: launch.resources,
    environment: {
      ...configuration.withPrefix(TASKMANAGER_ENV_PREFIX),
      [WORKER_DESCRIPTOR_VARIABLE]: Buffer.from(JSON.stringify(descriptor), 'utf8').toString('base64'),
    },
    command: { argv: [`./${RUNTIME_LINK}/node`, `--max-old-space-size=${mainHeapMb}`, `./${RUNTIME_LINK}/container.mjs`] },
    credentials: launch.credentials,
    ...(viewAcl === undefined ? {} : { viewAcl }),
    ...(modifyAcl === undefined ? {} : { modifyAcl }),
  }
}
