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
  /** Undefined: the source needs none (datagen). */
  enumerator(spec: SourceSpec, where: CoordinatorPlace): Promise<SplitEnumerator | undefined>
  /** Undefined: the sink needs none (print). */
  committer(spec: SinkSpec, where: CoordinatorPlace): Promise<SinkCommitter | undefined>
}

/** A connector's, or one of the program's own (role `source`, `sink`). */
export type SourceSpec = SpecOf<'source'> | SpecOf<'function'>
export type SinkSpec = SpecOf<'sink'> | SpecOf<'function'>

/** Of a program's own sources and sinks. */
export interface ProgramCoordinators {
  enumerator(where: CoordinatorPlace): Promise<SplitEnumerator | undefined>
  committer(where: CoordinatorPlace): Promise<SinkCommitter | undefined>
}

/** The connectors' own, and those of `program`. */
export function connectorCoordinators(
  fileSystems: FileSystems,
  configuration: Configuration,
  environment: Environment,
  program?: ProgramCoordinators,
): CoordinatorLoader {
  const services = { fileSystems, configuration, environment }
  return {
    enumerator: async (spec, where) =>
      spec.op === 'function' ? program?.enumerator(where) : loadEnumerator(spec, { ...where, ...services }),
    committer: async (spec, where) => (spec.op === 'function' ? program?.committer(where) : loadCommitter(spec, { ...where, ...services })),
  }
}
