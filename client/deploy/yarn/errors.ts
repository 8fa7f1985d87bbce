import { defineError } from '#core/errors/define-error.js'

export const UnknownQueue = defineError('YARN_UNKNOWN_QUEUE', {
  recovery: 'none',
  message: (d: { queue: string; known: string; nearest: string | null }) =>
    `There is no YARN queue '${d.queue}'.` +
    (d.nearest === null ? '' : ` Did you mean '${d.nearest}'?`) +
    ` Queues are ${d.known}. Choose one with -D yarn.application.queue=<queue>.`,
})
export const QueueNotUsable = defineError('YARN_QUEUE_NOT_USABLE', {
  recovery: 'none',
  message: (d: { queue: string; reason: string }) => `The YARN queue '${d.queue}' takes no application: ${d.reason}.`,
})
export const ContainerTooLarge = defineError('YARN_CONTAINER_TOO_LARGE', {
  recovery: 'none',
  message: (d: { what: string; option: string; asked: string; limit: string; from: string }) =>
    `${d.what} asks for ${d.asked} (option ${d.option}), and the largest container that YARN gives is ${d.limit} (${d.from}). ` +
    `Lower ${d.option}, or have the cluster's limit raised.`,
})
export const ContainerTooSmall = defineError('YARN_CONTAINER_TOO_SMALL', {
  recovery: 'none',
  message: (d: { what: string; option: string; asked: string; needed: string }) =>
    `${d.what} asks for ${d.asked} (option ${d.option}), and needs ${d.needed} at least. Raise ${d.option}.`,
})
export const SubmissionOptionInvalid = defineError('YARN_SUBMISSION_OPTION_INVALID', {
  recovery: 'none',
  message: (d: { option: string; value: string; reason: string }) => `Option ${d.option} has the value '${d.value}': ${d.reason}.`,
})
export const ShipFileMissing = defineError('YARN_SHIP_FILE_MISSING', {
  recovery: 'none',
  message: (d: { option: string; path: string; reason: string }) => `${d.path} (option ${d.option}) cannot be shipped: ${d.reason}.`,
})
export const RuntimeArchiveMissing = defineError('YARN_RUNTIME_ARCHIVE_MISSING', {
  recovery: 'none',
  message: (d: { path: string; reason: string }) =>
    `The runtime archive ${d.path} cannot be read: ${d.reason}. It belongs to the installation; in a checkout 'make build' makes it.`,
})
/** The ResourceManager took the submission (202) and refused the application afterwards. */
export const ApplicationRefused = defineError('YARN_APPLICATION_REFUSED', {
  recovery: 'none',
  message: (d: { applicationId: string; state: string; diagnostics: string }) =>
    `YARN refused the application ${d.applicationId} (${d.state}): ${d.diagnostics}`,
})
export const ApplicationNotAccepted = defineError('YARN_APPLICATION_NOT_ACCEPTED', {
  recovery: 'none',
  message: (d: { applicationId: string; state: string; seconds: number }) =>
    `YARN has not accepted ${d.applicationId} within ${d.seconds} s; its state is ${d.state}. It may start yet: 'weft cancel ${d.applicationId}' ends it.`,
})
export const UnknownApplication = defineError('YARN_UNKNOWN_APPLICATION', {
  recovery: 'none',
  message: (d: { applicationId: string; resourceManager: string }) =>
    `The ResourceManager ${d.resourceManager} does not know ${d.applicationId}. 'weft list' shows the running applications.`,
})
export const ApplicationNotOurs = defineError('YARN_APPLICATION_NOT_PERMITTED', {
  recovery: 'none',
  message: (d: { applicationId: string; user: string; reason: string }) => `User ${d.user} may not end ${d.applicationId}: ${d.reason}`,
})
