/** The `weft` command: verbs and switches as Flink's `flink`. Exit status 0 or 1, as there. */
import { Command } from 'commander'
import { fileURLToPath } from 'node:url'
import { ignoreInspectorSignal } from '#core/security/inspector.js'
import { printFailure } from './failure.js'
import { VERSION } from './version.js'
import type { SqlClientOptions } from './sql-client.js'
import type { YarnSessionOptions } from './yarn-session.js'

/** Root of the installed program: holds conf/, build/. The bundle lies in build/runtime/, the compiled file in dist/client/cli/. */
const installation = fileURLToPath(new URL(import.meta.url.includes('/dist/client/cli/') ? '../../../' : '../../', import.meta.url))

ignoreInspectorSignal()

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

interface SessionExtras {
  zookeeperNamespace?: string
  D: string[]
}

const program = new Command('weft')
  .description('Streaming SQL and TypeScript jobs: in one process, or on a Hadoop YARN cluster.')
  .version(`Version: ${VERSION}`, '-v, --version')
  .option('--proxy-user <user>', 'act for that user, as hadoop.proxyuser.* of the cluster allows (also: HADOOP_PROXY_USER)')
  .hook('preAction', (command) => {
    const { proxyUser } = command.opts<{ proxyUser?: string }>()
    // Where threads of a local run look, too.
    if (proxyUser !== undefined) process.env['HADOOP_PROXY_USER'] = proxyUser
  })
  .showSuggestionAfterError()
  .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'Error: ')) })

program
  .command('run')
  .description('Runs a SQL script or a TypeScript or JavaScript program.')
  .argument('<job>', 'job.sql, job.ts or job.js')
  .argument('[args...]', 'arguments for the program’s main')
  .option('-t, --target <target>', 'local (in this process), yarn-application, or a session: yarn-session, remote')
  .option('-m, --jobmanager <host:port>', 'REST address of the session that takes the job (target remote)')
  .option('--yarnapplicationId <id>', '(-yid) session that takes the job (target yarn-session; as -Dyarn.application.id)')
  .option('-d, --detached', 'return once the job is submitted')
  .option('-p, --parallelism <n>', 'parallelism of the job')
  .option('-s, --fromSavepoint <path>', 'savepoint or checkpoint to start from')
  .option('-n, --allowNonRestoredState', 'leave state behind that no operator of the job takes')
  .option('--claimMode <mode>', '(-cm) NO_CLAIM: the savepoint is never touched; CLAIM: it becomes the job’s own')
  .option('--shutdownOnAttachedExit', '(-sae) an attached client that is interrupted ends the application, too')
  .option(...property, collect, [])
  .action(
    guarded(
      async (
        job: string,
        args: string[],
        options: {
          target?: string
          jobmanager?: string
          yarnapplicationId?: string
          detached?: true
          parallelism?: string
          fromSavepoint?: string
          allowNonRestoredState?: true
          claimMode?: string
          shutdownOnAttachedExit?: true
          D: string[]
        },
      ) => {
        // The embedded master loads while this thread still reads what it is to do.
        const { startLocalMaster } = await import('../deploy/local/run-local.js')
        const named = options.target ?? options.jobmanager ?? options.yarnapplicationId // the latter two: a session
        const master = named === undefined || named === 'local' ? startLocalMaster() : undefined
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
  .description('Lists the Weft applications that YARN runs; with -yid or -m the jobs of one.')
  .option('-a, --all', 'ended ones, too')
  .option('-r, --running', 'jobs that run (with -yid or -m)')
  .option('-s, --scheduled', 'jobs that have not started (with -yid or -m)')
  .option('-t, --target <target>', 'yarn-session or yarn-application: -yid is needed; remote: -m is')
  .option('-m, --jobmanager <host:port>', 'REST address of the JobManager')
  .option('--yarnapplicationId <id>', '(-yid) application whose jobs are listed')
  .option(...property, collect, [])
  .action(
    guarded(async (options: Omit<JobOptions, 'detached'> & { all?: true; running?: true; scheduled?: true }) => {
      const { all, running, scheduled, jobmanager: jobManager, yarnapplicationId: applicationId, target, D: properties } = options
      const { namesOneMaster } = await import('./session-switches.js')
      const master = { jobManager, applicationId, properties, installation }
      if (!namesOneMaster({ ...master, target })) {
        const { list } = await import('./applications.js')
        return list({ all: all === true, properties, installation })
      }
      const { listJobs } = await import('./session-jobs.js')
      return listJobs({ ...master, all: all === true, running: running === true, scheduled: scheduled === true })
    }),
  )

program
  .command('yarn-session')
  .description('Starts a session on YARN, which takes jobs until it is stopped; with -id attaches to one.')
  .option('-d, --detached', 'return once it runs')
  .option('--applicationId <id>', '(-id) attach to this session instead of starting one')
  .option('--stop', 'with -id: stop it and its jobs')
  .option('--jobManagerMemory <size>', '(-jm) container of the JobManager; MB without a unit')
  .option('--taskManagerMemory <size>', '(-tm) container of a TaskManager; MB without a unit')
  .option('-s, --slots <n>', 'slots of a TaskManager')
  .option('--name <name>', '(-nm) name shown by YARN')
  .option('--queue <queue>', '(-qu) YARN queue')
  .option('--applicationType <type>', '(-at) application type shown by YARN')
  .option('--nodeLabel <label>', '(-nl) node label of its containers')
  .option('-t, --ship <path>', 'file or folder put into every container’s working directory; may repeat', collect, [])
  .option('-z, --zookeeperNamespace <name>', 'not needed, and refused')
  .option(...property, collect, [])
  .action(
    guarded(
      async ({ D, ...options }: Omit<YarnSessionOptions, 'properties' | 'installation' | 'out' | 'err' | 'input'> & SessionExtras) => {
        const { yarnSession, checkSessionVerb } = await import('./yarn-session.js')
        checkSessionVerb(options)
        const { textSink } = await import('./progress.js')
        const sinks = { out: textSink(process.stdout), err: textSink(process.stderr), input: process.stdin }
        return yarnSession({ ...options, properties: D, installation, ...sinks })
      },
    ),
  )

program
  .command('start-cluster')
  .description('Runs a session on this machine until Ctrl-C: weft run -m takes jobs there.')
  .option(...property, collect, [])
  .action(
    guarded(async ({ D }: { D: string[] }) => {
      const [{ localSession }, { textSink }] = await Promise.all([import('./local-session.js'), import('./progress.js')])
      return localSession({ properties: D, installation, out: textSink(process.stdout), err: textSink(process.stderr) })
    }),
  )

program
  .command('sql-gateway')
  .description('Takes SQL statements by REST from Flink’s SQL client, its JDBC driver and others until Ctrl-C.')
  .option('-t, --target <target>', 'local (a cluster in this process), or a session: yarn-session, remote')
  .option('-m, --jobmanager <host:port>', 'REST address of the session (target remote)')
  .option('--yarnapplicationId <id>', '(-yid) session on YARN (target yarn-session)')
  .option(...property, collect, [])
  .action(
    guarded(async ({ D, ...options }: { target?: string; jobmanager?: string; yarnapplicationId?: string; D: string[] }) => {
      const [{ sqlGateway }, { textSink }] = await Promise.all([import('./sql-gateway.js'), import('./progress.js')])
      return sqlGateway({ ...options, properties: D, installation, out: textSink(process.stdout), err: textSink(process.stderr) })
    }),
  )

program
  .command('sql-client')
  .description('Takes SQL statements from a terminal, a script or -e, and shows what comes of them.')
  .argument('[mode]', 'embedded (with a cluster or session of -t), or gateway (over --endpoint)', 'embedded')
  .option('-i, --init <file>', 'statements that prepare the session; they are run first and show nothing but what fails')
  .option('-f, --file <file>', 'run these statements and end, with status 1 at the first that fails')
  .option('-e, --execute <statements>', 'the same with statements of the command line')
  .option('--endpoint <host:port>', '(-e) address of the SQL gateway (mode gateway)')
  .option('--history <file>', '(-hist) where typed statements are kept; otherwise ~/.weft-sql-history')
  .option('-t, --target <target>', 'local (a cluster in this process), a session: yarn-session, remote; with -f yarn-application')
  .option('-m, --jobmanager <host:port>', 'REST address of the session (target remote)')
  .option('--yarnapplicationId <id>', '(-yid) session on YARN (target yarn-session)')
  .option('-d, --detached', 'return once the script is submitted (target yarn-application)')
  .option(...property, collect, [])
  .action(
    guarded(async (mode: string, { D, ...options }: Omit<SqlClientOptions, 'mode' | 'properties' | 'installation'> & { D: string[] }) => {
      const { sqlClient } = await import('./sql-client.js')
      return sqlClient({ mode, ...options, properties: D, installation })
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

const jobArgument = ['<job>', 'application id (application_…: its running job), or job id (32 hex digits)'] as const
const jobManagerOption = [
  '-m, --jobmanager <host:port>',
  'REST address of the JobManager; otherwise the job is looked for on YARN',
] as const
const applicationOption = ['--yarnapplicationId <id>', '(-yid) application that runs the job'] as const
const detachedOption = ['--detached', '(-detached) return once it is triggered'] as const
const typeOption = ['--type <type>', '(-type) format of the savepoint: canonical or native, which are the same here'] as const

interface JobOptions {
  target?: string
  jobmanager?: string
  yarnapplicationId?: string
  detached?: true
  D: string[]
}

/** The options that say which running job is meant, and the general one; the last of a verb. */
function ofRunningJob(command: Command): Command {
  return command
    .option('-t, --target <target>', 'yarn-session or yarn-application: -yid is needed; remote: -m is')
    .option(...jobManagerOption)
    .option(...applicationOption)
    .option(...property, collect, [])
}

async function addressed(job: string, { target, jobmanager, yarnapplicationId, detached, D }: JobOptions) {
  const { namesOneMaster } = await import('./session-switches.js')
  namesOneMaster({ target, jobManager: jobmanager, applicationId: yarnapplicationId, properties: D, installation })
  return { job, jobManager: jobmanager, applicationId: yarnapplicationId, detached: detached === true, properties: D, installation }
}

ofRunningJob(
  program
    .command('cancel')
    .description('Cancels a job; or, given an application or session, all its jobs, and ends it.')
    .argument('<job>', 'job id (32 hex digits), or application id (application_…)')
    .option('-s, --withSavepoint [directory]', 'cancel the job once a savepoint is complete (deprecated, use stop)'),
).action(
  guarded(async (application: string, options: JobOptions & { withSavepoint?: string | true }) => {
    const { withSavepoint, D } = options
    if (withSavepoint !== undefined) {
      const { cancelWithSavepoint } = await import('./savepoints.js')
      return cancelWithSavepoint({
        ...(await addressed(application, options)),
        directory: withSavepoint === true ? undefined : withSavepoint,
      })
    }
    if (!application.startsWith('application_')) {
      const { cancelJob } = await import('./session-jobs.js')
      return cancelJob(await addressed(application, options))
    }
    const { cancel } = await import('./applications.js')
    return cancel({ application, properties: D, installation })
  }),
)

ofRunningJob(
  program
    .command('savepoint')
    .description('Takes a savepoint of a running job, which goes on; or deletes one.')
    .argument('[job]', jobArgument[1])
    .argument('[directory]', 'where savepoints go; otherwise execution.checkpointing.savepoint-dir')
    .option('-d, --dispose <path>', 'delete the savepoint at that path')
    .option(...detachedOption)
    .option(...typeOption),
).action(
  guarded(async (job: string | undefined, directory: string | undefined, options: JobOptions & { dispose?: string; type?: string }) => {
    const savepoints = await import('./savepoints.js')
    if (options.dispose !== undefined) return savepoints.dispose({ path: options.dispose, properties: options.D, installation })
    savepoints.checkType(options.type)
    return savepoints.savepoint({ ...(await addressed(savepoints.required(job), options)), directory })
  }),
)

ofRunningJob(
  program
    .command('stop')
    .description('Stops a job with a savepoint: it ends FINISHED and can be started again from there.')
    .argument('[job]', jobArgument[1])
    .option('-d, --drain', 'send the last watermark first: all windows and timers fire')
    .option('-p, --savepointPath <directory>', 'where savepoints go; otherwise execution.checkpointing.savepoint-dir')
    .option(...detachedOption)
    .option(...typeOption),
).action(
  guarded(async (job: string | undefined, options: JobOptions & { drain?: true; savepointPath?: string; type?: string }) => {
    const savepoints = await import('./savepoints.js')
    savepoints.checkType(options.type)
    const target = await addressed(savepoints.required(job), options)
    return savepoints.stop({ ...target, directory: options.savepointPath, drain: options.drain === true })
  }),
)

ofRunningJob(
  program
    .command('checkpoint')
    .description('Takes a checkpoint of a running job at once.')
    .argument('[job]', jobArgument[1])
    .option('--full', '(-full) write all state, not only what has changed'),
).action(
  guarded(async (job: string | undefined, options: JobOptions & { full?: true }) => {
    const savepoints = await import('./savepoints.js')
    return savepoints.checkpoint({ ...(await addressed(savepoints.required(job), options)), full: options.full === true })
  }),
)

ofRunningJob(
  program
    .command('rescale')
    .description('Changes the parallelism of a running job, which goes on from a checkpoint taken for it.')
    .argument('<job>', jobArgument[1])
    .option('-p, --parallelism <n>', 'of all vertices that can be changed, as far as their max parallelism allows')
    .option('--vertex <id=n>', 'of one vertex; may repeat, wins over -p', collect, [])
    .option(...detachedOption),
).action(
  guarded(async (job: string, options: JobOptions & { parallelism?: string; vertex: string[] }) => {
    const { rescale } = await import('./rescale.js')
    return rescale({ ...(await addressed(job, options)), parallelism: options.parallelism, vertices: options.vertex })
  }),
)

program
  .command('checkpoint-info')
  .description('Shows what a savepoint or checkpoint holds, without its job.')
  .argument('<path>', 'its directory, or its _metadata')
  .option(...property, collect, [])
  .action(
    guarded(async (path: string, options: { D: string[] }) => {
      const { checkpointInfo } = await import('./savepoints.js')
      return checkpointInfo({ path, properties: options.D, installation })
    }),
  )

program
  .command('tokens')
  .description('Delegation tokens of running applications.')
  .command('push')
  .description('Gives a running application new HDFS tokens, where its user has no keytab there: with --proxy-user for somebody else.')
  .argument('<application>', 'application id, application_…')
  .option(...property, collect, [])
  .action(
    guarded(async (application: string, options: { D: string[] }) => {
      const { pushTokens } = await import('./tokens.js')
      return pushTokens({ application, properties: options.D, installation })
    }),
  )

program
  .command('doctor')
  .description('Looks at all that a submission to YARN needs, from the configuration to a file in HDFS, and says what is wrong.')
  .option(...property, collect, [])
  .action(
    guarded(async (options: { D: string[] }) => {
      const { doctor } = await import('./doctor.js')
      return doctor({ properties: options.D, installation })
    }),
  )

/** Flink's switches that commander would take apart: it knows single letters only. */
const LONG_NAMES: Readonly<Record<string, string>> = {
  '-sae': '--shutdownOnAttachedExit',
  '-cm': '--claimMode',
  '-yid': '--yarnapplicationId',
  '-detached': '--detached',
  '-type': '--type',
  '-full': '--full',
}

/** Of one verb: elsewhere they are a program's own arguments. */
const SESSION_NAMES: Readonly<Record<string, string>> = {
  '-id': '--applicationId',
  '-jm': '--jobManagerMemory',
  '-tm': '--taskManagerMemory',
  '-nm': '--name',
  '-qu': '--queue',
  '-at': '--applicationType',
  '-nl': '--nodeLabel',
}

const CLIENT_NAMES: Readonly<Record<string, string>> = { '-hist': '--history' }
/** Of Flink's client: `sql-client.sh gateway -e host:port`. */
const GATEWAY_CLIENT_NAMES: Readonly<Record<string, string>> = { ...CLIENT_NAMES, '-e': '--endpoint' }

const verbNames: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'yarn-session': SESSION_NAMES,
  'sql-client': process.argv[3] === 'gateway' ? GATEWAY_CLIENT_NAMES : CLIENT_NAMES,
}
const names: Readonly<Record<string, string>> = { ...LONG_NAMES, ...verbNames[process.argv[2] ?? ''] }

program.parseAsync(process.argv.map((argument) => names[argument] ?? argument)).catch((error: unknown) => {
  printFailure(error, true)
  process.exitCode = 1
})
