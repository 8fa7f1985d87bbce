/** What a row of the table of endpoints is. */
import type { MasterView } from './master-view.js'
import type { Parameters } from './parameters.js'

export interface RestRequest {
  readonly path: Parameters
  readonly query: Parameters
  /** Empty: none came. */
  readonly body: string
}

export interface Route {
  readonly method: 'GET' | 'PUT' | 'PATCH' | 'POST' | 'DELETE'
  readonly path: string
  /** Of a good answer; 200 unless said. */
  readonly status?: number
  handle(master: MasterView, request: RestRequest): unknown
}
