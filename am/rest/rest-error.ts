/** Refusals of the REST API, with Flink's texts and status codes. */
import { defineError } from '#core/errors/define-error.js'

export const RestRefused = defineError('REST_REFUSED', {
  recovery: 'none',
  message: (d: { status: number; message: string }) => d.message,
})

export function notFound(message: string): Error {
  return new RestRefused({ status: 404, message })
}

export function badParameter(kind: 'path' | 'query', name: string, value: string): Error {
  return new RestRefused({
    status: 400,
    message: `Bad request, could not parse parameters: Cannot resolve ${kind} parameter (${name}) from value "${value}".`,
  })
}
