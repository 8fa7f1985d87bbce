/** What can be wrong with the graph of a program. */
import { defineError } from '#core/errors/define-error.js'

export const DuplicateUid = defineError('API_DUPLICATE_UID', {
  recovery: 'none',
  message: (d: { uid: string; first: string; second: string }) =>
    `The uid '${d.uid}' is given to two operators, '${d.first}' and '${d.second}': state is found by uid, so each has its own`,
})
export const ForwardParallelism = defineError('API_FORWARD_PARALLELISM', {
  recovery: 'none',
  message: (d: { from: string; fromParallelism: number; to: string; toParallelism: number }) =>
    `forward() from '${d.from}' (parallelism ${d.fromParallelism}) to '${d.to}' (parallelism ${d.toParallelism}): ` +
    `both must have the same parallelism; use rebalance() or rescale()`,
})
export const UnboundedInBatch = defineError('API_UNBOUNDED_IN_BATCH', {
  recovery: 'none',
  message: (d: { source: string }) =>
    `execution.runtime-mode is BATCH, but source '${d.source}' is unbounded: BATCH runs bounded sources only. Use STREAMING or AUTOMATIC`,
})
export const UnknownKeyField = defineError('API_UNKNOWN_KEY_FIELD', {
  recovery: 'none',
  message: (d: { field: string; operator: string; fields: string }) =>
    `keyBy before '${d.operator}' names the field '${d.field}', which its elements do not have; declared are ${d.fields}`,
})
export const KeyFieldNotUsable = defineError('API_KEY_FIELD_NOT_USABLE', {
  recovery: 'none',
  message: (d: { field: string; operator: string; type: string }) =>
    `keyBy before '${d.operator}' names the field '${d.field}', which is of type ${d.type}: use a key selector function`,
})
export const TableTypeMismatch = defineError('API_TABLE_TYPE_MISMATCH', {
  recovery: 'none',
  message: (d: { sink: string; expected: string; found: string }) =>
    `The elements that go into '${d.sink}' are declared as ${d.found}, its table as ${d.expected}: ` +
    `map them to that type, map(…, type), or declare it with returns(type)`,
})
export const ProgramTooLarge = defineError('API_PROGRAM_TOO_LARGE', {
  recovery: 'none',
  message: (d: { name: string; bytes: number; limit: number }) =>
    `The program ${d.name} is ${d.bytes} bytes large with all that it imports; at most ${d.limit} can be given to a TaskManager`,
})
export const ExecuteMissing = defineError('API_EXECUTE_MISSING', {
  recovery: 'none',
  message: (d: { program: string; operators: number }) =>
    `${d.program} built a pipeline of ${d.operators} operator(s) and ended without running it: call 'await env.execute()' at its end`,
})
