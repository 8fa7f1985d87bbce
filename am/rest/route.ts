/** What a row of the table of endpoints is. */
import type { MasterView } from './master-view.js'
import type { Parameters } from './parameters.js'

export interface RestRequest {
  readonly path: Parameters
  readonly query: Parameters
  /** Empty: none came. */
  readonly body: string
}

/** What a user needs to be admitted for, where the master knows who asks: to see the application, or to change it (YARN's VIEW_APP and MODIFY_APP). */
export type Right = 'VIEW' | 'MODIFY'

export interface Route {
  readonly method: 'GET' | 'PUT' | 'PATCH' | 'POST' | 'DELETE'
  readonly path: string
  /** By what it does, not by its method: a GET that takes something away changes the application. */
  readonly right: Right
  /** Of a good answer; 200 unless said. */
  readonly status?: number
  handle(master: MasterView, request: RestRequest): unknown
}
