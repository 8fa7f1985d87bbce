/** A job that has been checked and is ready for its target. */
import type { ApplicationDescriptor } from '#core/cluster/application-descriptor.js'
import type { Configuration } from '#core/config/configuration.js'
import type { TextSink } from './progress.js'

export interface PreparedJob {
  readonly descriptor: Omit<ApplicationDescriptor, 'target'>
  readonly configuration: Configuration
  readonly maxColumnWidth: number
  readonly shutdownOnInterrupt: boolean
  readonly installation: string
  readonly out: TextSink
  readonly err: TextSink
  /** Removes temporary files. */
  dispose(): void
}
