/** What a user can do wrong with a session, and what can go wrong with it. */
import { defineError } from '#core/errors/define-error.js'

const START = "'weft yarn-session -d' starts one, 'weft list' shows those that run"

export const SessionNotNamed = defineError('SESSION_NOT_NAMED', {
  recovery: 'none',
  message: () => `No session is named that is to take the job: -t yarn-session needs -Dyarn.application.id=application_…. ${START}.`,
})
export const SessionAddressMissing = defineError('SESSION_ADDRESS_MISSING', {
  recovery: 'none',
  message: () =>
    'No session is named that is to take the job: -t remote needs -m host:port (or rest.address and rest.port), the address that the session printed.',
})
export const AddressInvalid = defineError('SESSION_ADDRESS_INVALID', {
  recovery: 'none',
  message: (d: { address: string }) => `'${d.address}' is no address of a JobManager: it reads host:port.`,
})
export const TargetMismatch = defineError('SESSION_TARGET_MISMATCH', {
  recovery: 'none',
  message: (d: { given: string; target: string; wanted: string }) =>
    `${d.given} names the session that is to take the job, which is target '${d.wanted}', and the target is '${d.target}'. Use -t ${d.wanted}, or leave ${d.given} out.`,
})
export const SwitchRefused = defineError('SESSION_SWITCH_REFUSED', {
  recovery: 'none',
  message: (d: { given: string; reason: string }) => `${d.given} is refused: ${d.reason}.`,
})
export const SessionEnded = defineError('SESSION_ENDED', {
  recovery: 'none',
  message: (d: { session: string; state: string }) => `${d.session} takes no jobs: it has ended (${d.state}). ${START}.`,
})
export const SessionNotStarted = defineError('SESSION_NOT_STARTED', {
  recovery: 'retry-here',
  message: (d: { session: string; state: string }) =>
    `${d.session} takes no jobs yet: its state is ${d.state}. 'weft status ${d.session}' tells what it waits for.`,
})
export const NotASession = defineError('SESSION_IS_NONE', {
  recovery: 'none',
  message: (d: { session: string; reason: string }) => `${d.session} is no session. ${d.reason}. ${START}.`,
})
export const SessionUnreachable = defineError('SESSION_UNREACHABLE', {
  recovery: 'retry-here',
  message: (d: { session: string; reason: string; next: string }) =>
    `The JobManager of ${d.session} does not answer: ${d.reason}. ${d.next}`,
})
export const SessionOfAnother = defineError('SESSION_NOT_PERMITTED', {
  recovery: 'none',
  message: (d: { session: string; owner: string; user: string }) =>
    `${d.session} was started by user ${d.owner}, who alone may submit jobs to it; this is user ${d.user}. Start a session of your own: weft yarn-session -d`,
})
export const SessionElsewhere = defineError('SESSION_ON_ANOTHER_MACHINE', {
  recovery: 'none',
  message: (d: { session: string; directory: string }) =>
    `${d.session} takes jobs from ${d.directory}, which does not exist here: it runs on another machine. Run the command there.`,
})
export const JobRefused = defineError('SESSION_JOB_REFUSED', {
  recovery: 'none',
  message: (d: { session: string; reason: string }) => `${d.session} does not take the job: ${d.reason}`,
})
export const RemoteJobFailed = defineError('SESSION_JOB_FAILED', { recovery: 'none', message: (d: { failure: string }) => d.failure })
export const RemoteJobCanceled = defineError('SESSION_JOB_CANCELED', {
  recovery: 'none',
  message: (d: { job: string; jobId: string }) => `Job '${d.job}' (${d.jobId}) was cancelled`,
})
export const RemoteJobLost = defineError('SESSION_JOB_LOST', {
  recovery: 'none',
  message: (d: { jobId: string; session: string; reason: string }) =>
    `What became of job ${d.jobId} is not known: ${d.reason} (${d.session})`,
})
export const StatementFailed = defineError('SESSION_STATEMENT_FAILED', {
  recovery: 'none',
  message: (d: { number: number; place: string; text: string }) => `Statement ${d.number}${d.place} failed: ${shorten(d.text)}`,
})
export const DetachedSelect = defineError('SESSION_DETACHED_SELECT', {
  recovery: 'none',
  message: () =>
    'A SELECT has nobody to show its result to when the client does not stay. Write it to a table (INSERT INTO), or run attached (without -d)',
})
const SHOWN_CHARACTERS = 100

function shorten(text: string): string {
  const line = text.trim().replaceAll(/\s+/g, ' ')
  return line.length <= SHOWN_CHARACTERS ? line : `${line.slice(0, SHOWN_CHARACTERS - 1)}…`
}
