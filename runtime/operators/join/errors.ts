import { defineError } from '#core/errors/define-error.js'

export const SubqueryNotSingle = defineError('SUBQUERY_NOT_SINGLE', {
  recovery: 'fail-job',
  message: ({ operator }: { operator: string }) =>
    `a sub-query as a value returned more than one row\n  found by ${operator}\n` +
    '  Use an aggregate (MAX, for one) or LIMIT 1 in it, or join with it instead.',
})
