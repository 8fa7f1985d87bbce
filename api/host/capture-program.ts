/**
 * On a worker: runs a program's `main` once more, but only up to the `execute()` whose graph is wanted. Nothing is submitted; what the
 * program does besides (files it writes, calls it makes) happens again. Its console is silent meanwhile.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import { defineError } from '#core/errors/define-error.js'
import type { ProgramReference } from '#core/graph/program-reference.js'
import { PROGRAM_HOST, type ProgramHost, type SubmittedJob } from '../datastream/program-host.js'
import { runProgram } from '../program.js'
import type { TableEnvironment } from '../table-environment.js'
import { digests } from './job-graph.js'
import { pipelineOperators } from './program-graph.js'
import type { StreamOperator } from './stream-graph.js'

export const ProgramNotRepeatable = defineError('DEPLOYMENT_NON_DETERMINISTIC_MAIN', {
  recovery: 'fail-job',
  message: (d: { program: string; difference: string }) =>
    `non-deterministic main: ${d.program} did not build the same graph on the TaskManager as on the JobManager: ${d.difference}. ` +
    `A worker finds the functions of a job by running main again: the graph may depend on the arguments (env.args), not on time, random numbers, files or results of jobs`,
})

/** A main that does not come to its execute() in this time has failed. */
const MAX_BUILD_MS = 60_000

const building = new AsyncLocalStorage<true>()

export interface ProgramModule {
  /** Imports the bundle; `main` is not called by it. */
  load(): Promise<Readonly<Record<string, unknown>>>
}

/**
 * The operators of the graph, functions and all; the same as the master's. One call at a time in a thread.
 * @throws DEPLOYMENT_NON_DETERMINISTIC_MAIN, API_PROGRAM_WITHOUT_MAIN, API_PROGRAM_FAILED
 */
export async function captureProgram(program: ProgramReference, module: ProgramModule): Promise<StreamOperator[]> {
  const fail = (difference: string) => new ProgramNotRepeatable({ program: program.name, difference })
  let executions = 0
  let timer: NodeJS.Timeout | undefined
  const holder = globalThis as { [PROGRAM_HOST]?: ProgramHost | undefined }
  const restoreConsole = silenceConsole()
  try {
    return await new Promise<StreamOperator[]>((resolve, reject) => {
      timer = setTimeout(
        () => reject(fail(`after ${MAX_BUILD_MS / 1000} s it has not come to its execute() number ${program.execution + 1}`)),
        MAX_BUILD_MS,
      )
      holder[PROGRAM_HOST] = {
        args: program.args,
        configuration: program.configuration,
        checkOption: () => undefined,
        began: () => undefined,
        submit: async (pipeline) => {
          if (executions++ < program.execution) return endedJob()
          try {
            const operators = pipelineOperators(pipeline)
            const difference = differenceOf(operators, program)
            if (difference === undefined) resolve(operators)
            else reject(fail(difference))
          } catch (error) {
            reject(error as Error)
          }
          return new Promise<never>(() => undefined) // nothing of the program runs beyond this
        },
      }
      const run = async () => {
        const loaded = await module.load()
        if (typeof (loaded['main'] ?? loaded['default']) === 'function') await runProgram(program.name, loaded, noTables(program))
        reject(fail(`it called execute() ${executions} times, and ${program.execution + 1} times there`))
      }
      building.run(true, run).catch(reject)
    })
  } finally {
    clearTimeout(timer)
    restoreConsole()
    holder[PROGRAM_HOST] = undefined
  }
}

/** What differs, for people; undefined: nothing. */
function differenceOf(operators: readonly StreamOperator[], program: ProgramReference): string | undefined {
  const here = digests(operators)
  const at = program.operators.findIndex((digest, position) => digest !== here[position])
  if (at >= 0) {
    const operator = operators[at]
    return operator === undefined
      ? `it has ${operators.length} operators, there ${program.operators.length}`
      : `operator ${at + 1}, '${operator.name}', is the first that differs`
  }
  if (here.length === program.operators.length) return undefined
  return `operator ${program.operators.length + 1}, '${operators[program.operators.length]?.name ?? ''}', does not exist there`
}

/** A job before the one that is wanted: it ended there. */
function endedJob(): SubmittedJob {
  const unavailable = () => Promise.reject(new Error('the job has ended'))
  return {
    getJobID: () => '00000000000000000000000000000000',
    getJobStatus: () => Promise.resolve('FINISHED'),
    cancel: () => Promise.resolve(),
    triggerSavepoint: unavailable,
    stopWithSavepoint: unavailable,
    getJobExecutionResult: () => Promise.resolve({ jobId: '00000000000000000000000000000000', netRuntime: 0 }),
    async *collect() {
      // No elements come twice.
    },
  }
}

/** Statements do nothing here, and have no rows. */
function noTables({ args }: ProgramReference): TableEnvironment {
  return {
    args,
    set: () => undefined,
    executeSql: () =>
      Promise.resolve({
        jobId: undefined,
        columns: [],
        wait: () => Promise.resolve(),
        async *collect() {
          // The rows were the master's.
        },
      }),
  }
}

const SILENCED = ['log', 'info', 'debug', 'warn', 'error', 'dir', 'table', 'trace'] as const

/** What the program writes while it builds was written once already; other tasks' lines pass. */
function silenceConsole(): () => void {
  const target = console as unknown as Record<string, (...args: unknown[]) => void>
  const originals = SILENCED.map((method) => [method, target[method]] as const)
  for (const [method, original] of originals) {
    target[method] = (...args) => {
      if (building.getStore() !== true) original?.apply(console, args)
    }
  }
  return () => {
    for (const [method, original] of originals) if (original !== undefined) target[method] = original
  }
}
