/** A bundled program that runs for good: its `main`, and the graphs that it executes, one after the other. Where its jobs go is the host's. */
import { createHash } from 'node:crypto'
import { Configuration } from '#core/config/configuration.js'
import { executedJobId, type JobId } from '#core/ids/ids.js'
import { MAX_BLOB_BYTES } from '#core/rpc/gateways/blob.js'
import { PROGRAM_HOST, type ProgramHost, type SubmittedJob } from '../datastream/program-host.js'
import type { Pipeline } from '../datastream/transformation.js'
import { programFailed, runProgram } from '../program.js'
import type { TableEnvironment } from '../table-environment.js'
import { ExecuteMissing, ProgramTooLarge } from './graph-errors.js'
import { programGraph, type ProgramGraph } from './program-graph.js'

export interface BundledProgram {
  readonly name: string
  readonly args: readonly string[]
  readonly configuration: Configuration
  /** Its jobs' ids are made from this one. */
  readonly jobId: JobId
  readonly bundle: Uint8Array
}

export abstract class ProgramExecutions implements ProgramHost {
  readonly args: readonly string[]
  readonly configuration: Readonly<Record<string, string>>
  protected readonly program: BundledProgram
  readonly #pipelines: (() => number)[] = []
  #executions = 0

  constructor(program: BundledProgram) {
    this.program = program
    this.args = program.args
    this.configuration = program.configuration.toRecord()
  }

  /** Nothing of the program is to run any more. */
  protected abstract ended(): boolean
  protected abstract start(graph: ProgramGraph): SubmittedJob | Promise<SubmittedJob>

  /**
   * Resolves when the bundle's `main` has returned; a module that executes while it is loaded needs none.
   * @throws API_PROGRAM_WITHOUT_MAIN, API_PROGRAM_FAILED
   */
  async run(url: string, tables: TableEnvironment): Promise<void> {
    const { name } = this.program
    // Places in errors are then those of the program's own files, by the bundle's source map.
    process.setSourceMapsEnabled(true)
    ;(globalThis as { [PROGRAM_HOST]?: ProgramHost })[PROGRAM_HOST] = this
    const module = await importProgram(name, url)
    if (typeof (module['main'] ?? module['default']) === 'function' || this.#executions === 0) await runProgram(name, module, tables)
  }

  checkOption(key: string, value: string): void {
    Configuration.of({ [key]: value }).validate(`set in ${this.program.name}`)
  }

  began(pipeline: () => number): void {
    this.#pipelines.push(pipeline)
  }

  /** The program has ended. @throws API_EXECUTE_MISSING when it built something and ran it not */
  checkExecuted(): void {
    const operators = this.#pipelines.reduce((sum, count) => sum + count(), 0)
    if (operators > 0) throw new ExecuteMissing({ program: this.program.name, operators })
  }

  async submit(pipeline: Pipeline): Promise<SubmittedJob> {
    if (this.ended()) return await new Promise<never>(() => undefined)
    const { name, bundle, args, jobId } = this.program
    if (bundle.length > MAX_BLOB_BYTES) throw new ProgramTooLarge({ name, bytes: bundle.length, limit: MAX_BLOB_BYTES })
    const execution = this.#executions++
    const graph = programGraph(pipeline, executedJobId(jobId, execution), {
      name,
      bundle: { blobKey: createHash('sha256').update(bundle).digest('hex'), size: bundle.length },
      args: [...args],
      configuration: this.configuration,
      execution,
    })
    return this.start(graph)
  }
}

/** @throws API_PROGRAM_FAILED when its own code at the top fails */
async function importProgram(name: string, url: string): Promise<Readonly<Record<string, unknown>>> {
  try {
    return (await import(url)) as Readonly<Record<string, unknown>>
  } catch (error) {
    throw programFailed(name, error)
  }
}
