/**
 * What Hadoop's web servers say when they refuse. Mostly `{"RemoteException":{exception, message, javaClassName}}`; some answers
 * are plain text with a JSON content type, some are HTML or XML, so nothing is parsed blindly.
 */
import * as z from 'zod'
import { HadoopHttpFailed, HadoopRemoteException, shownUrl } from './errors.js'

const RemoteExceptionSchema = z.object({
  RemoteException: z.object({
    exception: z.string().max(1_000),
    message: z.string().nullish(),
    javaClassName: z.string().max(1_000).nullish(),
  }),
})

export interface RemoteException {
  /** Class name without its package. */
  readonly exception: string
  readonly javaClassName: string
  /** Without the Java stack that some servers append. */
  readonly message: string
}

const MAX_TEXT = 2_000

/** Undefined when the body is something else. */
export function parseRemoteException(body: string): RemoteException | undefined {
  let parsed: unknown
  try {
    parsed = JSON.parse(body)
  } catch {
    return undefined
  }
  const result = RemoteExceptionSchema.safeParse(parsed)
  if (!result.success) return undefined
  const { exception, message, javaClassName } = result.data.RemoteException
  return { exception, javaClassName: javaClassName ?? exception, message: withoutStack(message ?? exception) }
}

/** A body that is no RemoteException in one line: text as it is, HTML or XML without its tags. */
export function describeBody(body: string): string {
  const text = /^\s*</.test(body) ? body.replace(/<(style|script|head)\b[\s\S]*?<\/\1>/gi, ' ').replace(/<[^>]*>/g, ' ') : body
  const line = text.replace(/\s+/g, ' ').trim()
  return line.length > MAX_TEXT ? `${line.slice(0, MAX_TEXT)}…` : line
}

/** The typed error for an answer that is not a success. @returns HADOOP_REMOTE_EXCEPTION or HADOOP_HTTP_FAILED */
export function errorOfAnswer(method: string, url: string, status: number, body: string): InstanceType<typeof HadoopRemoteException> | InstanceType<typeof HadoopHttpFailed> {
  const remote = parseRemoteException(body)
  const shown = shownUrl(url)
  if (remote !== undefined) return new HadoopRemoteException({ url: shown, method, status, javaClassName: remote.javaClassName, message: remote.message })
  return new HadoopHttpFailed({ url: shown, method, status, text: describeBody(body) })
}

/** `FileNotFoundException` of `java.io.FileNotFoundException`. */
export function simpleClassName(javaClassName: string): string {
  return javaClassName.slice(Math.max(javaClassName.lastIndexOf('.'), javaClassName.lastIndexOf('$')) + 1)
}

function withoutStack(message: string): string {
  const end = message.search(/\r?\n\s*at [\w$.]+\(/)
  const text = (end < 0 ? message : message.slice(0, end)).trim()
  return text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text
}
