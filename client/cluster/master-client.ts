/**
 * What a client asks a running master: the REST API of core/rest over a transport (a local port, or YARN's web proxy).
 * GET and PUT only, as the proxy lets nothing else through.
 */
import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { defineError } from '#core/errors/define-error.js'
import type { OperationStatus, TriggerResponse } from '#core/rest/checkpoint-responses.js'
import type { JobState } from '#core/graph/states.js'
import type { ExecutionResult, JobSubmitted, SessionDetails } from '#core/rest/session-responses.js'
import type { RescaleAccepted, RescaleSummary, ResourceRequirementsAnswer, ResourceRequirementsBody } from '#core/rest/rescale-responses.js'
import type { ApplicationDetails, CollectedRows, JobDetails, JobExceptions, JobsOverview } from '#core/rest/responses.js'

export const MasterUnreachable = defineError('CLIENT_MASTER_UNREACHABLE', {
  recovery: 'retry-here',
  message: (d: { url: string; reason: string }) => `The JobManager at ${d.url} does not answer: ${d.reason}`,
})
export const MasterRefused = defineError('CLIENT_MASTER_REFUSED', {
  recovery: 'none',
  message: (d: { url: string; status: number; reason: string }) => `The JobManager refused ${d.url} (HTTP ${d.status}): ${d.reason}`,
})

export interface JsonTransport {
  /** Parsed body of a 2xx answer. @throws CLIENT_MASTER_UNREACHABLE, CLIENT_MASTER_REFUSED */
  request(method: 'GET' | 'PUT', path: string): Promise<unknown>
}

const MAX_ANSWER_BYTES = 64 * 1024 * 1024

/** `headers` are sent with each request (`Cookie` of a proxy, say). */
export function httpTransport(baseUrl: string, timeoutMs: number, headers: Readonly<Record<string, string>> = {}): JsonTransport {
  return {
    request: (method, path) =>
      new Promise((resolve, reject) => {
        const url = new URL(path.replace(/^\//, ''), baseUrl.endsWith('/') ? baseUrl : `${baseUrl}/`)
        const unreachable = (reason: string) => reject(new MasterUnreachable({ url: url.href, reason }))
        const sent = (url.protocol === 'https:' ? httpsRequest : httpRequest)(
          url,
          { method, headers: { accept: 'application/json', ...headers } },
          (response) => {
            const chunks: Buffer[] = []
            let size = 0
            response.on('data', (chunk: Buffer) => {
              size += chunk.length
              if (size > MAX_ANSWER_BYTES) response.destroy(new Error(`an answer of more than ${MAX_ANSWER_BYTES} bytes`))
              else chunks.push(chunk)
            })
            response.on('error', (error) => unreachable(error.message))
            response.on('end', () => {
              const text = Buffer.concat(chunks).toString('utf8')
              const status = response.statusCode ?? 0
              if (status >= 500 || status === 0) return unreachable(`HTTP ${status}: ${firstError(text)}`)
              if (status >= 300) return reject(new MasterRefused({ url: url.href, status, reason: firstError(text) }))
              try {
                resolve(JSON.parse(text))
              } catch {
                unreachable(`an answer that is no JSON: ${text.slice(0, 100)}`)
              }
            })
          },
        )
        sent.setTimeout(timeoutMs, () => sent.destroy(new Error(`no answer within ${timeoutMs} ms`)))
        sent.on('error', (error) => unreachable(error.message))
        sent.end()
      }),
  }
}

function firstError(text: string): string {
  try {
    const body = JSON.parse(text) as { errors?: unknown[] }
    if (Array.isArray(body.errors)) return body.errors.map(String).join('\n')
  } catch {
    // Not ours: a proxy's page, say.
  }
  return text.slice(0, 300)
}

export class MasterClient {
  readonly #transport: JsonTransport

  constructor(transport: JsonTransport) {
    this.#transport = transport
  }

  /** Ids of the master's applications; in application mode there is one, whose id is that of its first job. */
  async applicationIds(): Promise<string[]> {
    const { applications } = (await this.#transport.request('GET', 'applications/overview')) as {
      applications: Pick<ApplicationDetails, 'id'>[]
    }
    return applications.map(({ id }) => id)
  }

  async application(id: string): Promise<ApplicationDetails> {
    return (await this.#transport.request('GET', `applications/${id}`)) as ApplicationDetails
  }

  /** The client has seen the end: the master need not wait for it any longer. */
  async acknowledge(id: string): Promise<void> {
    await this.#transport.request('PUT', `applications/${id}/acknowledge`)
  }

  async cancel(id: string): Promise<void> {
    await this.#transport.request('PUT', `applications/${id}/cancel`)
  }

  async jobs(): Promise<JobsOverview> {
    return (await this.#transport.request('GET', 'jobs/overview')) as JobsOverview
  }

  async job(jobId: string): Promise<JobDetails> {
    return (await this.#transport.request('GET', `jobs/${jobId}`)) as JobDetails
  }

  async jobStatus(jobId: string): Promise<{ status: JobState }> {
    return (await this.#transport.request('GET', `jobs/${jobId}/status`)) as { status: JobState }
  }

  async executionResult(jobId: string): Promise<ExecutionResult> {
    return (await this.#transport.request('GET', `jobs/${jobId}/execution-result`)) as ExecutionResult
  }

  async cancelJob(jobId: string): Promise<void> {
    await this.#transport.request('PUT', `jobs/${jobId}/cancel`)
  }

  /** @throws CLIENT_MASTER_REFUSED 404 where the master is no session */
  async session(): Promise<SessionDetails> {
    return (await this.#transport.request('GET', 'session')) as SessionDetails
  }

  /** The job lies in the submission directory. */
  async submit(jobId: string): Promise<JobSubmitted> {
    return (await this.#transport.request('PUT', `session/jobs/${jobId}`)) as JobSubmitted
  }

  async exceptions(jobId: string): Promise<JobExceptions> {
    return (await this.#transport.request('GET', `jobs/${jobId}/exceptions`)) as JobExceptions
  }

  async resourceRequirements(jobId: string): Promise<ResourceRequirementsAnswer> {
    return (await this.#transport.request('GET', `jobs/${jobId}/resource-requirements`)) as ResourceRequirementsAnswer
  }

  async rescale(jobId: string, requirements: ResourceRequirementsBody): Promise<RescaleAccepted> {
    const request = Buffer.from(JSON.stringify(requirements)).toString('base64url')
    return (await this.#transport.request('PUT', `jobs/${jobId}/resource-requirements?request=${request}`)) as RescaleAccepted
  }

  async rescaleDetails(jobId: string, uuid: string): Promise<RescaleSummary> {
    return (await this.#transport.request('GET', `jobs/${jobId}/rescales/details/${uuid}`)) as RescaleSummary
  }

  async collect(jobId: string, token: number): Promise<CollectedRows> {
    return (await this.#transport.request('GET', `jobs/${jobId}/collect?token=${token}`)) as CollectedRows
  }

  /** `path`: what is triggered, `jobs/<id>/savepoints` say; `body` as Flink's POST takes it. The id to ask with for its outcome. */
  async trigger(path: string, body: Readonly<Record<string, unknown>>): Promise<string> {
    // YARN's proxy lets no POST through and spoils bodies.
    const request = Buffer.from(JSON.stringify(body)).toString('base64url')
    return ((await this.#transport.request('PUT', `${path}?request=${request}`)) as TriggerResponse)['request-id']
  }

  async outcome(path: string, triggerId: string): Promise<OperationStatus<Readonly<Record<string, unknown>>>> {
    return (await this.#transport.request('GET', `${path}/${triggerId}`)) as OperationStatus<Readonly<Record<string, unknown>>>
  }
}
