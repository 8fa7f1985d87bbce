/** The program of an application descriptor, ready to run. */
import { pathToFileURL } from 'node:url'
import { resolve } from 'node:path'
import type { ApplicationDescriptor } from '#core/cluster/application-descriptor.js'
import type { Configuration } from '#core/config/configuration.js'
import type { JobId } from '#core/ids/ids.js'
import type { Environment } from '#core/time/environment.js'
import type { StatementRunner } from './statement-runner.js'

/** Resolves when the program has run to its end; jobs that it does not wait for may go on. */
export type RunProgram = (canceled: () => boolean) => Promise<void>

/** A session has none. */
export type OwnProgram = Exclude<ApplicationDescriptor['program'], { kind: 'session' }>

/** What the program needs is loaded when it runs: SQL for scripts, the TypeScript API for programs. */
export function programOf(
  { program, jobId }: { readonly program: OwnProgram; readonly jobId: JobId },
  configuration: Configuration,
  environment: Environment,
  runner: StatementRunner,
): RunProgram {
  switch (program.kind) {
    case 'sql':
      return async (canceled) => {
        const { runSqlProgram } = await import('./sql-program.js')
        await runSqlProgram(
          { name: program.name, text: program.text, configuration, jobId, functions: program.functions },
          environment,
          runner,
          canceled,
        )
      }
    case 'module':
      return async (canceled) => {
        const { runModuleProgram } = await import('./module-program.js')
        const url = pathToFileURL(resolve(program.path)).href
        await runModuleProgram({ name: program.name, url, args: program.args, configuration, jobId }, environment, runner, canceled)
      }
  }
}
