/** The graph that a program is building, and its way to the host. Streams share it; StreamExecutionEnvironment is its face. */
import { defineError } from '#core/errors/define-error.js'
import type { TypeInformation } from '#runtime/operators/process/type-information.js'
import type { ProgramHost, SubmittedJob } from './program-host.js'
import type { Transformation, TransformationInput, TransformationSpec } from './transformation.js'

export const NothingToExecute = defineError('API_NOTHING_TO_EXECUTE', {
  recovery: 'none',
  message: () =>
    `execute() was called, but no operators are defined: begin with a source (env.fromSource, env.fromCollection) and end with a sink (sinkTo, print)`,
})

export interface TransformationOptions {
  readonly role?: Transformation['role']
  readonly bounded?: boolean
  readonly parallelism?: number
  readonly mostParallelism?: number
}

export class PipelineBuilder {
  readonly host: ProgramHost
  readonly #settings = new Map<string, string>()
  #transformations: Transformation[] = []

  constructor(host: ProgramHost) {
    this.host = host
    host.began(() => this.#transformations.length)
  }

  add(
    name: string,
    spec: TransformationSpec,
    inputs: readonly TransformationInput[],
    type: TypeInformation,
    { role = 'operator', bounded = true, parallelism, mostParallelism }: TransformationOptions = {},
  ): Transformation {
    const transformation: Transformation = {
      name,
      uid: undefined,
      parallelism,
      maxParallelism: undefined,
      chaining: 'ALWAYS',
      spec,
      inputs,
      type,
      sideOutputs: [],
      role,
      bounded,
      mostParallelism,
    }
    this.#transformations.push(transformation)
    return transformation
  }

  /** @throws CONFIG_UNKNOWN_OPTION, CONFIG_INVALID_VALUE */
  set(key: string, value: string): void {
    this.host.checkOption(key, value)
    this.#settings.set(key, value)
  }

  get(key: string): string | undefined {
    return this.#settings.get(key) ?? this.host.configuration[key]
  }

  /** Submits what was built; another pipeline may be begun. @throws API_NOTHING_TO_EXECUTE, and what is wrong with the graph */
  async execute(name: string | undefined): Promise<SubmittedJob> {
    const transformations = this.#transformations
    if (transformations.length === 0) throw new NothingToExecute({})
    this.#transformations = []
    return this.host.submit({
      name,
      transformations,
      configuration: { ...this.host.configuration, ...Object.fromEntries(this.#settings) },
    })
  }
}
