/** The master's REST API through the ResourceManager's web proxy: the way that is open from outside the cluster. GET and PUT only. */
import { isYarnHttps } from '#hadoop/conf/addresses.js'
import { HadoopUnreachable } from '#hadoop/rest/errors.js'
import { describeBody } from '#hadoop/rest/remote-exception.js'
import { axiosTransport, cookiesOf, type RestResponse, type RestTransport } from '#hadoop/rest/rest-transport.js'
import { tlsOptions } from '#hadoop/rest/tls.js'
import { MasterRefused, MasterUnreachable, type JsonTransport } from '../../cluster/master-client.js'
import type { YarnCluster } from './yarn-cluster.js'

/** `http://rm:8088/proxy/application_…/`: also what people open in a browser. */
export function proxyBaseUrl(cluster: YarnCluster, applicationId: string): string {
  const separate = cluster.hadoop.get('yarn.web-proxy.address')
  const base =
    separate === undefined ? cluster.resourceManager.activeUrl : `${isYarnHttps(cluster.hadoop) ? 'https' : 'http'}://${separate}`
  return `${base}/proxy/${applicationId}/`
}

/** For MasterClient. Follows the ResourceManager over a failover, as the base URL is asked for with each request. */
export function proxyTransport(
  cluster: YarnCluster,
  applicationId: string,
  transport: RestTransport = axiosTransport(cluster.clientTimeoutMs, tlsOptions(cluster.hadoop)),
): JsonTransport {
  const { authenticator } = cluster
  async function exchange(method: 'GET' | 'PUT', target: URL): Promise<RestResponse> {
    for (let repeated = false; ; repeated = true) {
      const url = new URL(target)
      const credentials = await authenticator.credentialsFor(target)
      for (const [name, value] of Object.entries(credentials.query)) url.searchParams.set(name, value)
      const answer = await transport({
        method,
        url: url.href,
        headers: { Accept: 'application/json', 'X-XSRF-HEADER': 'weft', ...credentials.headers },
      })
      // A cookie of Kerberos that ran out: once more, with a new handshake.
      if (answer.status === 401 && !repeated && (await authenticator.rejected(target))) continue
      if (answer.status < 400) authenticator.accepted(target, cookiesOf(answer))
      return answer
    }
  }
  return {
    async request(method, path) {
      const url = new URL(path.replace(/^\//, ''), proxyBaseUrl(cluster, applicationId))
      const shown = url.href
      let answer
      try {
        answer = await exchange(method, url)
      } catch (error) {
        if (!HadoopUnreachable.is(error)) throw error
        throw new MasterUnreachable({ url: shown, reason: error.details.reason }, { cause: error })
      }
      const { status, body } = answer
      const json = parseJson(body)
      // The proxy's own pages: the master is not up yet, or no longer (then it redirects to the application's page).
      if (json === undefined || status >= 500 || (status >= 300 && status < 400)) {
        throw new MasterUnreachable({
          url: shown,
          reason: `HTTP ${status}${body === '' ? '' : `: ${firstError(json) ?? describeBody(body).slice(0, 300)}`}`,
        })
      }
      if (status >= 400) throw new MasterRefused({ url: shown, status, reason: firstError(json) ?? describeBody(body).slice(0, 300) })
      return json
    },
  }
}

function parseJson(body: string): unknown {
  try {
    return JSON.parse(body) as unknown
  } catch {
    return undefined
  }
}

function firstError(json: unknown): string | undefined {
  const errors = (json as { errors?: unknown } | null | undefined)?.errors
  return Array.isArray(errors) ? errors.map(String).join('\n') : undefined
}
