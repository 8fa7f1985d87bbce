/**
 * Failures of Hadoop's REST interfaces other than a Java exception (ipc/remote-exception.ts knows those). URLs in messages are
 * shown without their query: it may hold a token.
 */
import { defineError } from '#core/errors/define-error.js'

/** An answer that is neither a success nor a Java exception: a proxy's page, plain text, a wrong port. */
export const HadoopHttpFailed = defineError('HADOOP_HTTP_FAILED', {
  recovery: 'none',
  message: (d: { url: string; method: string; status: number; text: string }) =>
    `${d.method} ${d.url} answered HTTP ${d.status}${d.text === '' ? '' : `: ${d.text}`}`,
})

/** No answer, or only a part of one. */
export const HadoopUnreachable = defineError('HADOOP_UNREACHABLE', {
  recovery: 'retry-here',
  message: (d: { url: string; reason: string }) => `${d.url} does not answer: ${d.reason}`,
})

/** None of the ResourceManagers serves. `tried`: each address with what came of it. */
export const ResourceManagerUnreachable = defineError('YARN_RM_UNREACHABLE', {
  recovery: 'retry-here',
  message: (d: { tried: string }) =>
    `No ResourceManager answers: ${d.tried}. Is the cluster running, and do HADOOP_CONF_DIR and its yarn-site.xml belong to it?`,
})

/** The answer came, and is not what this interface gives. */
export const HadoopAnswerUnreadable = defineError('HADOOP_ANSWER_UNREADABLE', {
  recovery: 'none',
  message: (d: { url: string; reason: string }) => `${d.url} gave an answer that Weft cannot read: ${d.reason}`,
})

export const HadoopAuthenticationFailed = defineError('HADOOP_AUTHENTICATION_FAILED', {
  recovery: 'none',
  message: (d: { url: string; reason: string }) => `${d.url} refused the authentication: ${d.reason}`,
})

/** Where a URL points to, for people: without query and user info. */
export function shownUrl(url: string | URL): string {
  const parsed = typeof url === 'string' && !URL.canParse(url) ? undefined : new URL(url)
  return parsed === undefined ? String(url).replace(/\?.*$/s, '') : `${parsed.protocol}//${parsed.host}${parsed.pathname}`
}

/** Node's text for a network error, with the port and without its call's name. */
export function networkReason(error: unknown): string {
  const { code, message, errors } = error as NodeJS.ErrnoException & { errors?: unknown[] }
  // connect() to a name with several addresses fails with one error for each.
  if (errors !== undefined && errors.length > 0) return networkReason(errors[0])
  switch (code) {
    case 'ECONNREFUSED':
      return 'connection refused (nothing listens there)'
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return 'the host name is not known'
    case 'ECONNRESET':
    case 'EPIPE':
      return 'the connection broke'
    case 'ETIMEDOUT':
    case 'ECONNABORTED':
      return message === undefined || message === '' ? 'timed out' : message
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return 'the host cannot be reached'
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
    case 'UNABLE_TO_GET_ISSUER_CERT':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
      return `its certificate is not trusted (${message}). The cluster's trust store is named by ssl.client.truststore.location in ssl-client.xml, beside core-site.xml`
    default:
      return message ?? String(error)
  }
}
