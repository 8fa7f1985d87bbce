/**
 * Declared RPC gateways: a name, and for each method the schema of request and response. Both ends use the declaration; what
 * comes in is checked against it before a handler sees it.
 */
import type * as z from '../zod.js'

export interface CallDeclaration<Request = unknown, Response = unknown> {
  readonly request: z.ZodType<Request>
  readonly response: z.ZodType<Response>
}

export type CallDeclarations = Readonly<Record<string, CallDeclaration<never, unknown> | CallDeclaration<unknown, unknown>>>

export interface GatewayDeclaration<C extends CallDeclarations = CallDeclarations> {
  readonly name: string
  readonly calls: C
}

export function call<Request, Response>(request: z.ZodType<Request>, response: z.ZodType<Response>): CallDeclaration<Request, Response> {
  return { request, response }
}

export function gateway<const C extends Readonly<Record<string, CallDeclaration<any, any>>>>(
  name: string,
  calls: C,
): GatewayDeclaration<C> {
  return { name, calls }
}

type RequestOf<D> = D extends CallDeclaration<infer Request, unknown> ? Request : never
type ResponseOf<D> = D extends { readonly response: z.ZodType<infer Response> } ? Response : never

/** The remote side as its caller sees it. A rejected promise carries the remote error, revived with its code. */
export type Gateway<G> =
  G extends GatewayDeclaration<infer C> ? { readonly [M in keyof C]: (request: RequestOf<C[M]>) => Promise<ResponseOf<C[M]>> } : never

/** What an endpoint must implement. */
export type GatewayHandlers<G> =
  G extends GatewayDeclaration<infer C>
    ? { readonly [M in keyof C]: (request: RequestOf<C[M]>, caller: RpcCaller) => Promise<ResponseOf<C[M]>> | ResponseOf<C[M]> }
    : never

/** The connection a call came by: an endpoint may call back by it. */
export interface RpcCaller {
  readonly peer: string
  gateway<G extends GatewayDeclaration<any>>(declaration: G, endpoint: string, epoch?: number): Gateway<G>
  onClose(listener: (reason?: Error) => void): void
  close(): void
}
