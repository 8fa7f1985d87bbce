import { defineError } from '#core/errors/define-error.js'

export const MalformedMessage = defineError('HADOOP_MALFORMED_MESSAGE', {
  recovery: 'none',
  message: (c: { message: string; problem: string }) => `cannot read or write ${c.message}: ${c.problem}`,
})
