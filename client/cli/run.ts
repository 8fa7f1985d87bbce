/** `weft run`: checks the job, takes it to its target, and follows it unless detached. */
import { readFileSync, statSync } from 'node:fs'
import { userInfo } from 'node:os'
import { basename, dirname, extname, resolve } from 'node:path'
import { APPLICATION_DESCRIPTOR_VERSION, type ApplicationDescriptor } from '#core/cluster/application-descriptor.js'
import type { FunctionFiles } from '#core/cluster/function-files.js'
import type { Configuration } from '#core/config/configuration.js'
import { CLAIM_MODE, IGNORE_UNCLAIMED_STATE, STATE_RECOVERY_PATH } from '#core/config/options/checkpointing.js'
import { ATTACHED, JOB_NAME, TARGET } from '#core/config/options/execution.js'
import { LOCAL_ISOLATION } from '#core/config/options/cluster.js'
import { CLIENT_TIMEOUT } from '#core/config/options/rest.js'
import { MAX_COLUMN_WIDTH } from '#core/config/options/sql.js'
import { defineError } from '#core/errors/define-error.js'
import { newHexId, type JobId } from '#core/ids/ids.js'
import { systemEnvironment } from '#core/time/environment.js'
import { checkSessionSwitches, isTarget, sessionSwitches, UnknownTarget } from './session-switches.js'
import { commandConfiguration } from './settings.js'
import type { PreparedJob } from './prepared-job.js'
import { textSink } from './progress.js'
import { runLocal, startLocalMaster, type LocalMaster } from '../deploy/local/run-local.js'
import { runOnLocal } from './run-on-local.js'

export const JobFileUnreadable = defineError('CLI_JOB_FILE_UNREADABLE', {
  recovery: 'none',
  message: (d: { file: string; reason: string }) => `Cannot read the job ${d.file}: ${d.reason}`,
})
export const UnknownJobKind = defineError('CLI_UNKNOWN_JOB_KIND', {
  recovery: 'none',
  message: (d: { file: string }) => `${d.file} is no job: a SQL script ends in .sql, a program in .ts, .mts, .js or .mjs.`,
})
const MAX_JOB_FILE_BYTES = 16 * 1024 * 1024

export interface RunOptions {
  readonly job: string
  readonly args: readonly string[]
  /** A SQL script whose statements come before the job's. */
  readonly init?: string
  readonly target?: string
  /** host:port of a session: target `remote`. */
  readonly jobmanager?: string
  /** Application id of a session: target `yarn-session`. */
  readonly yarnapplicationId?: string
  readonly detached?: true
  readonly parallelism?: string
  /** Savepoint or checkpoint to start from. */
  readonly fromSavepoint?: string
  readonly allowNonRestoredState?: true
  readonly claimMode?: string
  readonly shutdownOnAttachedExit?: true
  readonly properties: readonly string[]
  readonly installation: string
}

/** `master`: a local one that was started already; whoever started it ends it. */
export async function run(options: RunOptions, master?: LocalMaster): Promise<number> {
  const switches: Record<string, string> = { [ATTACHED.key]: String(options.detached !== true) }
  Object.assign(switches, sessionSwitches(options))
  if (options.target !== undefined) switches[TARGET.key] = options.target
  if (options.parallelism !== undefined) switches['parallelism.default'] = options.parallelism
  if (options.fromSavepoint !== undefined) switches[STATE_RECOVERY_PATH.key] = options.fromSavepoint
  if (options.allowNonRestoredState === true) switches[IGNORE_UNCLAIMED_STATE.key] = 'true'
  if (options.claimMode !== undefined) switches[CLAIM_MODE.key] = options.claimMode
  const configuration = commandConfiguration(options.properties, switches, options.installation)
  configuration.validate('command line')
  const target = configuration.get(TARGET) ?? 'local'
  if (!isTarget(target)) throw new UnknownTarget({ target })
  checkSessionSwitches(options, target)
  const inert = configuration.inertKeys()
  if (inert.length > 0) process.stderr.write(`Warning: without effect here: ${inert.join(', ')}\n`)
  const inThreads = target === 'local' && configuration.get(LOCAL_ISOLATION) === 'THREADS'
  // Started on the chance that it would be needed.
  if (!inThreads) await master?.worker.terminate()
  if (target === 'local') {
    return withPrepared(options, configuration, async (prepared) => {
      // There is nobody to leave a detached job with: the process ends with the job either way, only the progress is left out.
      const descriptor = { ...prepared.descriptor, attached: true }
      const timeout = configuration.get(CLIENT_TIMEOUT)
      if (inThreads) return runOnLocal(prepared, runLocal(descriptor, master ?? startLocalMaster(), timeout))
      const { runLocalProcesses } = await import('../deploy/local/run-processes.js')
      return runOnLocal(prepared, runLocalProcesses(descriptor, timeout))
    })
  }
  if (target === 'yarn-session' || target === 'remote') {
    const { runInSession } = await import('./run-in-session.js')
    return runInSession(target, configuration, options.properties, (inSession) => prepare(options, inSession))
  }
  return withPrepared(options, configuration, async (prepared) => {
    const { runOnYarn } = await import('./run-on-yarn.js')
    return runOnYarn(prepared)
  })
}

async function withPrepared(
  options: RunOptions,
  configuration: Configuration,
  action: (prepared: PreparedJob) => Promise<number>,
): Promise<number> {
  const prepared = await prepare(options, configuration)
  try {
    return await action(prepared)
  } finally {
    prepared.dispose()
  }
}

async function prepare(options: RunOptions, configuration: Configuration): Promise<PreparedJob> {
  const file = resolve(options.job)
  checkSize(options.job)
  const name = basename(file)
  const jobId = newHexId<JobId>(systemEnvironment.random)
  const { program, dispose } = await prepareProgram(options, file, name, jobId, configuration)
  return {
    descriptor: {
      version: APPLICATION_DESCRIPTOR_VERSION,
      jobId,
      name: configuration.get(JOB_NAME) ?? name,
      user: process.env['HADOOP_USER_NAME'] ?? userInfo().username,
      attached: configuration.get(ATTACHED),
      configuration: configuration.toRecord(),
      program,
    },
    configuration,
    maxColumnWidth: configuration.get(MAX_COLUMN_WIDTH),
    shutdownOnInterrupt: options.shutdownOnAttachedExit === true,
    installation: options.installation,
    out: textSink(process.stdout),
    err: textSink(process.stderr),
    dispose,
  }
}

/** What reads statements and bundles modules is loaded only where there may be some. */
async function functionFilesOf(text: string, folder: string): Promise<FunctionFiles> {
  if (!/\bFUNCTION\b/i.test(text)) return {}
  const { scriptFunctionFiles } = await import('./function-bundles.js')
  return scriptFunctionFiles(text, folder)
}

/** @throws CLI_JOB_FILE_UNREADABLE */
function checkSize(job: string): void {
  try {
    const size = statSync(resolve(job)).size
    if (size > MAX_JOB_FILE_BYTES) throw new Error(`it is larger than ${MAX_JOB_FILE_BYTES} bytes`)
  } catch (error) {
    throw new JobFileUnreadable({ file: job, reason: error instanceof Error ? error.message : String(error) }, { cause: error })
  }
}

async function prepareProgram(
  options: RunOptions,
  file: string,
  name: string,
  jobId: JobId,
  configuration: Configuration,
): Promise<{ program: ApplicationDescriptor['program']; dispose: () => void }> {
  switch (extname(file)) {
    case '.sql': {
      const script = readFileSync(file, 'utf8')
      if (options.init !== undefined) checkSize(options.init)
      const init = options.init === undefined ? undefined : readFileSync(resolve(options.init), 'utf8')
      const text = init === undefined ? script : `${init.trimEnd()}\n;\n${script}`
      const functions = {
        ...(init === undefined ? {} : await functionFilesOf(init, dirname(resolve(options.init ?? '')))),
        ...(await functionFilesOf(script, dirname(file))),
      }
      const program = { kind: 'sql' as const, name, text, ...(Object.keys(functions).length === 0 ? {} : { functions }) }
      // The embedded master compiles it in this very process. A cluster's is compiled here first: a typing mistake costs it nothing.
      // So is one for a session, before its first statement runs.
      if ((configuration.get(TARGET) ?? 'local') !== 'yarn-application') return { program, dispose: () => undefined }
      const [{ compileScript }, { loadFunctionModules }] = await Promise.all([
        import('#sql/session/compile-script.js'),
        import('#sql/validate/function-modules.js'),
      ])
      const before = init === undefined ? [] : [{ name: basename(options.init ?? ''), text: init }]
      const modules = await loadFunctionModules(functions)
      compileScript({
        text: script,
        name,
        before,
        configuration,
        jobId,
        random: systemEnvironment.random,
        environment: systemEnvironment,
        modules,
      })
      return { program, dispose: () => undefined }
    }
    case '.ts':
    case '.mts':
    case '.js':
    case '.mjs': {
      const { bundleProgram } = await import('./program-bundle.js')
      const bundle = await bundleProgram(file, options.installation)
      return { program: { kind: 'module', name, path: bundle.path, args: [...options.args] }, dispose: bundle.remove }
    }
    default:
      throw new UnknownJobKind({ file: options.job })
  }
}
