/** The `weft` command: verbs and switches as Flink's `flink`. Exit status 0 or 1, as there. */
import { Command } from 'commander'
import { fileURLToPath } from 'node:url'
import { printFailure } from './failure.js'
import { VERSION } from './version.js'

/** Root of the installed program: holds conf/, build/. The bundle lies in build/runtime/, the compiled file in dist/client/cli/. */
const installation = fileURLToPath(new URL(import.meta.url.includes('/dist/client/cli/') ? '../../../' : '../../', import.meta.url))

const collect = (value: string, before: readonly string[]): string[] => [...before, value]
const property = ['-D <key=value>', 'any configuration option; may repeat, wins over conf/config.yaml'] as const

function guarded<A extends unknown[]>(action: (...args: A) => Promise<number>): (...args: A) => Promise<void> {
  return async (...args) => {
    try {
      process.exitCode = await action(...args)
    } catch (error) {
      printFailure(error, process.env['WEFT_DEBUG'] !== undefined)
      process.exitCode = 1
    }
  }
}

const program = new Command('weft')
  .description('Streaming SQL and TypeScript jobs: in one process, or on a Hadoop YARN cluster.')
  .version(`Version: ${VERSION}`, '-v, --version')
  .showSuggestionAfterError()
  .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'Error: ')) })

program
  .command('run')
  .description('Runs a SQL script or a TypeScript or JavaScript program.')
  .argument('<job>', 'job.sql, job.ts or job.js')
  .argument('[args...]', 'arguments for the program’s main')
  .option('-t, --target <target>', 'local (in this process) or yarn-application')
  .option('-d, --detached', 'return once the job is submitted')
  .option('-p, --parallelism <n>', 'parallelism of the job')
  .option('--shutdownOnAttachedExit', '(-sae) an attached client that is interrupted ends the application, too')
  .option(...property, collect, [])
  .action(
    guarded(
      async (
        job: string,
        args: string[],
        options: { target?: string; detached?: true; parallelism?: string; shutdownOnAttachedExit?: true; D: string[] },
      ) => {
        // The embedded master loads while this thread still reads what it is to do.
        const { startLocalMaster } = await import('../deploy/local/run-local.js')
        const master = options.target === undefined || options.target === 'local' ? startLocalMaster() : undefined
        try {
          const { run } = await import('./run.js')
          return await run({ job, args, ...options, properties: options.D, installation }, master)
        } finally {
          await master?.worker.terminate()
        }
      },
    ),
  )

program
  .command('list')
  .description('Lists the Weft applications that YARN runs.')
  .option('-a, --all', 'ended ones, too')
  .option(...property, collect, [])
  .action(
    guarded(async (options: { all?: true; D: string[] }) => {
      const { list } = await import('./applications.js')
      return list({ all: options.all === true, properties: options.D, installation })
    }),
  )

program
  .command('status')
  .description('Tells what an application does, or how and why it ended.')
  .argument('<application>', 'application id, application_…')
  .option(...property, collect, [])
  .action(
    guarded(async (application: string, options: { D: string[] }) => {
      const { status } = await import('./applications.js')
      return status({ application, properties: options.D, installation })
    }),
  )

program
  .command('cancel')
  .description('Cancels the jobs of an application and ends it.')
  .argument('<application>', 'application id, application_…')
  .option(...property, collect, [])
  .action(
    guarded(async (application: string, options: { D: string[] }) => {
      const { cancel } = await import('./applications.js')
      return cancel({ application, properties: options.D, installation })
    }),
  )

// Commander knows single-letter short options only; Flink's scripts write -sae.
program
  .parseAsync(process.argv.map((argument) => (argument === '-sae' ? '--shutdownOnAttachedExit' : argument)))
  .catch((error: unknown) => {
    printFailure(error, true)
    process.exitCode = 1
  })
