/** Bodies of the REST API that a session's clients read. */

/** GET /session: only a session's master has it. */
export interface SessionDetails {
  /** Also that of its entry in /applications. */
  id: string
  name: string
  /** Who started it; nobody else may submit. */
  user: string
  /** URI of the submission directory (core/cluster/session-submission.ts). */
  'submission-directory': string
  /** File system of paths without a scheme. */
  'default-scheme': string | null
  'start-time': number
}

/** PUT /session/jobs/:jobid */
export interface JobSubmitted {
  jobid: string
}

/** GET /jobs/:jobid/execution-result: Flink's shape; causes come as text. */
export interface ExecutionResult {
  status: { id: 'IN_PROGRESS' | 'COMPLETED' }
  'job-execution-result': {
    id: string
    'application-status': 'SUCCEEDED' | 'FAILED' | 'CANCELED'
    'net-runtime': number
    'accumulator-results': Record<string, never>
    /** `message`: lines for people, cause first (ours). */
    'failure-cause'?: { class: string; 'stack-trace': string; message: string }
  } | null
}
