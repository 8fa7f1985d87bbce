/** Where a job's coordinators come from. */
import type { Configuration } from '#core/config/configuration.js'
import type { FileSystems } from '#core/fs/file-systems.js'
import type { SpecOf } from '#core/graph/operator-spec.js'
import type { JobId, OperatorId } from '#core/ids/ids.js'
import type { Environment } from '#core/time/environment.js'
import type { SinkCommitter, SplitEnumerator } from '#runtime/connectors/connector.js'
import { loadCommitter, loadEnumerator } from '#runtime/connectors/load-coordinator.js'

/** The operator that a coordinator is for. */
export interface CoordinatorPlace {
  readonly jobId: JobId
  readonly operatorId: OperatorId
  readonly parallelism: number
}

export interface CoordinatorLoader {
  /** Undefined: the connector's source needs none (datagen). */
  enumerator(spec: SpecOf<'source'>, where: CoordinatorPlace): Promise<SplitEnumerator | undefined>
  /** Undefined: the connector's sink needs none (print). */
  committer(spec: SpecOf<'sink'>, where: CoordinatorPlace): Promise<SinkCommitter | undefined>
}

/** The connectors' own. */
export function connectorCoordinators(fileSystems: FileSystems, configuration: Configuration, environment: Environment): CoordinatorLoader {
  const services = { fileSystems, configuration, environment }
  return {
    enumerator: async (spec, where) => loadEnumerator(spec, { ...where, ...services }),
    committer: async (spec, where) => loadCommitter(spec, { ...where, ...services }),
  }
}
