/** A host for programs in tests: keeps the pipelines that are executed instead of running them. */
import { PROGRAM_HOST, type ProgramHost, type SubmittedJob } from '#api/datastream/program-host.js'
import { StreamExecutionEnvironment } from '#api/datastream/stream-execution-environment.js'
import type { Pipeline } from '#api/datastream/transformation.js'
import { programGraph, type ProgramGraph } from '#api/host/program-graph.js'
import { Configuration } from '#core/config/configuration.js'
import type { JobId } from '#core/ids/ids.js'

export const JOB = '0123456789abcdef0123456789abcdef' as JobId
export const PROGRAM = {
  name: 'test.ts',
  bundle: { blobKey: 'a'.repeat(64), size: 1 },
  args: [],
  configuration: {},
  execution: 0,
}

export class TestHost implements ProgramHost {
  readonly args: readonly string[]
  readonly configuration: Readonly<Record<string, string>>
  readonly pipelines: Pipeline[] = []
  readonly #submit: (pipeline: Pipeline) => SubmittedJob

  constructor(
    args: readonly string[] = [],
    configuration: Readonly<Record<string, string>> = {},
    submit: (pipeline: Pipeline) => SubmittedJob = () => finishedJob(),
  ) {
    this.args = args
    this.configuration = configuration
    this.#submit = submit
  }

  checkOption(key: string, value: string): void {
    Configuration.of({ [key]: value }).validate('test')
  }

  began(): void {
    // Nobody asks.
  }

  submit(pipeline: Pipeline): Promise<SubmittedJob> {
    this.pipelines.push(pipeline)
    return Promise.resolve(this.#submit(pipeline))
  }
}

export function finishedJob(elements: readonly unknown[] = []): SubmittedJob {
  return {
    getJobID: () => JOB,
    getJobStatus: () => Promise.resolve('FINISHED'),
    cancel: () => Promise.resolve(),
    triggerSavepoint: () => Promise.resolve('savepoint'),
    stopWithSavepoint: () => Promise.resolve('savepoint'),
    getJobExecutionResult: () => Promise.resolve({ jobId: JOB, netRuntime: 0 }),
    async *collect() {
      yield* elements
    },
  }
}

/** `build` with that host. */
export async function hosted<T>(host: ProgramHost, build: (env: StreamExecutionEnvironment) => T | Promise<T>): Promise<T> {
  const holder = globalThis as { [PROGRAM_HOST]?: ProgramHost | undefined }
  const before = holder[PROGRAM_HOST]
  holder[PROGRAM_HOST] = host
  try {
    return await build(StreamExecutionEnvironment.getExecutionEnvironment())
  } finally {
    holder[PROGRAM_HOST] = before
  }
}

/** The job of what `build` defines. */
export async function graphOf(
  build: (env: StreamExecutionEnvironment) => void,
  configuration: Readonly<Record<string, string>> = {},
): Promise<ProgramGraph> {
  const host = new TestHost([], configuration)
  await hosted(host, async (env) => {
    build(env)
    await env.execute('test')
  })
  return programGraph(host.pipelines[0] as Pipeline, JOB, PROGRAM)
}
