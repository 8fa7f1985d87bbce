/** Targets `yarn-session` and `remote`: the script or program runs in this client, its jobs in a session that runs already. */
import type { Configuration } from '#core/config/configuration.js'
import { DEFAULT_SCHEME } from '#core/config/options/execution.js'
import { CLIENT_HEARTBEAT_TIMEOUT } from '#core/config/options/rest.js'
import { formatDuration } from '#core/config/units.js'
import { systemEnvironment } from '#core/time/environment.js'
import { connectRemoteSession, connectYarnSession, type SessionConnection } from '../session/session-connection.js'
import { SessionApplication } from '../session/session-application.js'
import { followApplication } from './follow.js'
import { Interrupted, InterruptWatch } from './interrupt-watch.js'
import type { PreparedJob } from './prepared-job.js'
import { dynamicProperties } from './settings.js'

/** Options of the session's own processes: they were settled when it started. */
const OF_THE_SESSION =
  /^(jobmanager|taskmanager|resourcemanager|slotmanager|heartbeat|containerized|local|session|jobstore|web|io)\.|^yarn\.(?!application\.id$)/

const LEFT_OPEN_MS = 500

export async function runInSession(
  target: 'yarn-session' | 'remote',
  configuration: Configuration,
  properties: readonly string[],
  prepare: (configuration: Configuration) => Promise<PreparedJob>,
): Promise<number> {
  const connection = await (target === 'remote' ? connectRemoteSession(configuration) : connectYarnSession(configuration))
  // Paths without a scheme mean what they mean to the session's workers.
  const scheme = connection.details['default-scheme']
  const job = await prepare(scheme === null ? configuration : configuration.with({ [DEFAULT_SCHEME.key]: scheme }))
  try {
    const settled = Object.keys(dynamicProperties(properties)).filter((key) => OF_THE_SESSION.test(key))
    if (settled.length > 0)
      job.err.write(`Warning: without effect on a session that runs already: ${settled.join(', ')}. They are for weft yarn-session.\n`)
    return await runPrepared(job, connection)
  } finally {
    job.dispose()
  }
}

async function runPrepared(job: PreparedJob, connection: SessionConnection): Promise<number> {
  const { attached, jobId, name } = job.descriptor
  const application = new SessionApplication({
    id: jobId,
    name,
    attached,
    environment: systemEnvironment,
    connection,
    onJob: (submitted) => {
      if (attached) return // who follows is told so
      job.err.write(`Job has been submitted with JobID ${submitted.jobId}\n`)
      job.out.write(`${submitted.jobId}\n`)
    },
  })
  const interrupt = new InterruptWatch()
  try {
    const failure = attached
      ? await follow(job, connection, application, interrupt)
      : await detached(job, connection, application, interrupt)
    if (failure === null) return 0
    job.err.write(`${failure}\n`)
    await tellRunning(job, connection, application)
    return 1
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error
    return await interrupted(job, connection, application, error.showedResult)
  } finally {
    interrupt.stop()
    // What the program left open (timers, connections) keeps nobody.
    setTimeout(() => process.exit(), LEFT_OPEN_MS).unref()
  }
}

async function detached(
  job: PreparedJob,
  connection: SessionConnection,
  application: SessionApplication,
  interrupt: InterruptWatch,
): Promise<string | null> {
  const failure = await Promise.race([application.run(() => runProgram(job, application, connection)), interrupt.rejection])
  if (failure === null && application.jobs.length > 0)
    job.err.write(`To see it: weft list ${connection.switches}   To end it: weft cancel ${connection.switches} <JobID>\n`)
  return failure
}

async function follow(
  job: PreparedJob,
  connection: SessionConnection,
  application: SessionApplication,
  interrupt: InterruptWatch,
): Promise<string | null> {
  const leave = new AbortController()
  const following = followApplication({
    signal: leave.signal,
    onResult: () => (interrupt.showsResult = true),
    client: application,
    applicationId: job.descriptor.jobId,
    environment: systemEnvironment,
    out: job.out,
    err: job.err,
    maxColumnWidth: job.maxColumnWidth,
    gone: async () => {
      const failure = await connection.gone()
      return failure === undefined ? undefined : { succeeded: false, failure }
    },
  })
  const running = application.run(() => runProgram(job, application, connection))
  // Told only to whoever waits: after Ctrl-C nobody does.
  following.catch(() => undefined)
  const end = await Promise.race([following, interrupt.rejection]).finally(() => leave.abort())
  // The session has ended, say: the program hears of it by its jobs.
  return end.succeeded ? await running : end.failure
}

async function runProgram(job: PreparedJob, application: SessionApplication, connection: SessionConnection): Promise<void> {
  const { configuration } = job
  const { program, jobId } = job.descriptor
  if (program.kind === 'sql') {
    const { runSessionScript } = await import('../session/session-script.js')
    await runSessionScript({ ...program, configuration, jobId }, application)
  } else if (program.kind === 'module') {
    const { runSessionProgram } = await import('../session/session-program.js')
    await runSessionProgram({ ...program, configuration, jobId }, application, connection)
  }
}

/** After a failure: what was started before it goes on. */
async function tellRunning(job: PreparedJob, { switches }: SessionConnection, application: SessionApplication): Promise<void> {
  const running = await application.running().catch(() => [])
  if (running.length === 0) return
  const ids = running.map(({ jobId, name }) => `  ${jobId} (${name})`).join('\n')
  job.err.write(`Jobs that were started before go on in the session:\n${ids}\n  to end one:  weft cancel ${switches} <JobID>\n`)
}

async function interrupted(
  job: PreparedJob,
  connection: SessionConnection,
  application: SessionApplication,
  showedResult: boolean,
): Promise<number> {
  application.leave()
  const running = await application.running().catch(() => [...application.jobs])
  if (running.length === 0) job.err.write('\nInterrupted. Nothing of it runs in the session.\n')
  else if (job.shutdownOnInterrupt) {
    job.err.write(`\nInterrupted: cancelling ${running.map(({ jobId }) => jobId).join(', ')}.\n`)
    await Promise.all(running.map((each) => each.cancel()))
    await Promise.all(running.map((each) => each.ended()))
  } else {
    const end = showedResult
      ? `\nNobody fetches the rows of its SELECT any more, so that job ends within ${formatDuration(job.configuration.get(CLIENT_HEARTBEAT_TIMEOUT))} (client.heartbeat.timeout).`
      : ''
    job.err.write(
      `\nInterrupted. What was submitted goes on in the session, statements after it are not run: ${running.map(({ jobId }) => jobId).join(', ')}${end}\n` +
        `  to see it:  weft list ${connection.switches}\n  to end it:  weft cancel ${connection.switches} <JobID>\n`,
    )
  }
  return 1
}
