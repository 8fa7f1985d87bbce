/**
 * What Hadoop's web servers say when they refuse. Mostly `{"RemoteException":{exception, message, javaClassName}}`; some answers
 * are plain text with a JSON content type, some are HTML or XML, so nothing is parsed blindly.
 */
import * as z from '#core/zod.js'
import type { WeftError } from '#core/errors/define-error.js'
import { remoteException } from '../ipc/remote-exception.js'
import { impersonationRefused } from '../security/errors.js'
import { HadoopHttpFailed, shownUrl } from './errors.js'

const RemoteExceptionSchema = z.object({
  RemoteException: z.object({
    exception: z.string().max(1_000),
    message: z.string().nullish(),
    javaClassName: z.string().max(1_000).nullish(),
  }),
})

export interface RemoteExceptionBody {
  readonly className: string
  readonly message: string
}

const MAX_TEXT = 2_000

/** Undefined when the body is something else. */
export function parseRemoteException(body: string): RemoteExceptionBody | undefined {
  let parsed: unknown
  try {
    parsed = JSON.parse(body)
  } catch {
    return undefined
  }
  const result = RemoteExceptionSchema.safeParse(parsed)
  if (!result.success) return undefined
  const { exception, message, javaClassName } = result.data.RemoteException
  // The ResourceManager's web layer puts the class of a wrapped exception in front.
  return { className: javaClassName ?? exception, message: (message ?? exception).replace(/^(?:java\.[\w.]+(?:Exception|Error): )+/, '') }
}

/** A body that is no RemoteException in one line: text as it is, HTML or XML without its tags. */
export function describeBody(body: string): string {
  const text = /^\s*</.test(body) ? body.replace(/<(style|script|head)\b[\s\S]*?<\/\1>/gi, ' ').replace(/<[^>]*>/g, ' ') : body
  const line = text.replace(/\s+/g, ' ').trim()
  return line.length > MAX_TEXT ? `${line.slice(0, MAX_TEXT)}…` : line
}

/** The typed error for an answer that is no success. `call`: what was asked, for people (`GETFILESTATUS /a/b`). */
export function errorOfAnswer(answer: { method: string; url: string; status: number; body: string; call: string }): WeftError {
  const { method, url, status, body, call } = answer
  const remote = parseRemoteException(body)
  const refused = impersonationRefused(new URL(url).origin, remote?.message ?? (status === 403 ? describeBody(body) : ''))
  if (refused !== undefined) return refused
  if (remote !== undefined) return remoteException({ ...remote, server: new URL(url).origin, call })
  return new HadoopHttpFailed({ url: shownUrl(url), method, status, text: describeBody(body) })
}
