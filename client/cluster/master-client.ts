/**
 * What a client asks a running master: the REST API of core/rest over a transport: HTTP (http-transport.ts), YARN's web proxy, or
 * a port to the JobManager in a thread of this process. GET and PUT only, as the proxy lets nothing else through.
 */
import { defineError } from '#core/errors/define-error.js'
import type { OperationStatus, TriggerResponse } from '#core/rest/checkpoint-responses.js'
import type { JobState } from '#core/graph/states.js'
import type { ExecutionResult, JobSubmitted, SessionDetails } from '#core/rest/session-responses.js'
import type { RescaleAccepted, RescaleSummary, ResourceRequirementsAnswer, ResourceRequirementsBody } from '#core/rest/rescale-responses.js'
import type { TokensHeld } from '#core/rest/token-responses.js'
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

/** What a refusal or a failure says: Flink's error body, or whatever else came. */
export function errorText(answer: string): string {
  try {
    const body = JSON.parse(answer) as { errors?: unknown[] }
    if (Array.isArray(body.errors)) return body.errors.map(String).join('\n')
  } catch {
    // Not ours: a proxy's page, say.
  }
  return answer.slice(0, 300)
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

  /** @throws CLIENT_MASTER_REFUSED 404 where there is no Kerberos */
  async delegationTokens(): Promise<TokensHeld> {
    return (await this.#transport.request('GET', 'delegation-tokens')) as TokensHeld
  }

  /** `sealed`: for the key that `delegationTokens` tells. @throws CLIENT_MASTER_REFUSED with the reason */
  async pushDelegationTokens(sealed: Uint8Array): Promise<TokensHeld> {
    const request = Buffer.from(JSON.stringify({ sealed: Buffer.from(sealed).toString('base64url') })).toString('base64url')
    return (await this.#transport.request('PUT', `delegation-tokens?request=${request}`)) as TokensHeld
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
