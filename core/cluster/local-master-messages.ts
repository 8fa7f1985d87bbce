/** What a client and the JobManager in a thread of its process say to each other, by the thread's port. */
import type { ApplicationDescriptor } from './application-descriptor.js'

export type ClientToLocalMaster =
  /** First, once. */
  | { readonly type: 'application'; readonly application: ApplicationDescriptor }
  /** A request of the REST API: `path` with its query. */
  | { readonly type: 'request'; readonly id: number; readonly method: 'GET' | 'PUT'; readonly path: string }

export type LocalMasterToClient =
  /** To a `request`: REST's status and JSON. */
  | { readonly type: 'answer'; readonly id: number; readonly status: number; readonly json: string }
  /** REST listens; only where it was asked for. */
  | { readonly type: 'rest'; readonly port: number }
  /** Last. */
  | { readonly type: 'ended'; readonly exitCode: number }
