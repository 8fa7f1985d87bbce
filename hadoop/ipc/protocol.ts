/** A Hadoop protocol declared once: its Java name, version, and calls. A client is made from the declaration, without generated code. */
import type { InferInput, Infer, Message } from '../proto/message.js'

/** `idempotent`: may be repeated after a lost answer, also at another server. */
export type RetryClass = 'idempotent' | 'at-most-once'

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- a bound, not a value
type AnyMessage = Message<any, any>

export interface CallDeclaration<Request extends AnyMessage = AnyMessage, Response extends AnyMessage = AnyMessage> {
  readonly request: Request
  readonly response: Response
  readonly retry: RetryClass
}

export function call<Request extends AnyMessage, Response extends AnyMessage>(
  request: Request,
  response: Response,
  options: { readonly retry: RetryClass },
): CallDeclaration<Request, Response> {
  return { request, response, retry: options.retry }
}

export interface ProtocolDeclaration<Calls extends Readonly<Record<string, CallDeclaration>> = Readonly<Record<string, CallDeclaration>>> {
  /** Java interface, as `declaringClassProtocolName` and in the connection context. */
  readonly name: string
  readonly version: number
  readonly calls: Calls
}

export function protocol<Calls extends Readonly<Record<string, CallDeclaration>>>(
  name: string,
  version: number,
  calls: Calls,
): ProtocolDeclaration<Calls> {
  return { name, version, calls }
}

export interface CallOptions {
  /** For this call, sending and answering; the client's default if absent. */
  readonly timeoutMs?: number
}

/** Typed methods of a protocol. */
export type Client<P extends ProtocolDeclaration> = {
  readonly [M in keyof P['calls']]: (
    request: InferInput<P['calls'][M]['request']>,
    options?: CallOptions,
  ) => Promise<Infer<P['calls'][M]['response']>>
}

/** Sends one encoded request of a protocol and gives the encoded answer. */
export type Invoke = (method: string, declaration: CallDeclaration, request: Uint8Array, options: CallOptions) => Promise<Uint8Array>

export function clientOf<P extends ProtocolDeclaration>(declaration: P, invoke: Invoke): Client<P> {
  const methods: Record<string, (request: unknown, options?: CallOptions) => Promise<unknown>> = {}
  for (const [method, one] of Object.entries(declaration.calls)) {
    methods[method] = async (request, options = {}) => one.response.decode(await invoke(method, one, one.request.encode(request), options))
  }
  return methods as unknown as Client<P>
}
