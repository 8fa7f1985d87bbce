import { assert } from 'chai'
import { Configuration } from '#core/config/configuration.js'
import type { FunctionFiles } from '#core/cluster/function-files.js'
import { virtualEnvironment } from '#core/time/virtual-environment.js'
import { Batch } from '#runtime/columnar/batch.js'
import { readValue } from '#runtime/columnar/value.js'
import { createOperator } from '#runtime/operators/factory.js'
import { compileScript } from '#sql/session/compile-script.js'
import { loadFunctionModules } from '#sql/validate/function-modules.js'

const TEXT = `
export const twice = { parameters: ['INT'], returns: 'INT', eval: (n) => n === null ? -1 : 2 * n }
export const length = { parameters: ['STRING NOT NULL'], returns: 'BIGINT NOT NULL', eval: (text) => text.length }
export const shifted = { parameters: ['DECIMAL(10, 2)', 'TIMESTAMP(3)'], returns: 'DECIMAL(12, 3)', eval: (d, t) => d + String(t % 10) }
export const failing = { parameters: ['INT'], returns: 'INT', eval: (n) => { throw new RangeError('no ' + n) } }
export const lying = { parameters: ['INT'], returns: 'INT', eval: () => 'text' }
export const late = { parameters: [], returns: 'INT', deterministic: false, eval: async () => 1 }
export const untyped = { eval: () => 1 }
export const odd = { parameters: ['MONEY'], returns: 'INT', eval: () => 1 }
export const plain = 7
`
const FILES: FunctionFiles = { 'f.js': { source: TEXT }, 'gone.js': { problem: 'gone.js cannot be read: ENOENT' } }

const names = ['twice', 'length', 'shifted', 'failing', 'lying', 'late', 'untyped', 'odd', 'plain', 'missing']
const CREATED = names.map((name) => `CREATE TEMPORARY FUNCTION u_${name} AS 'f.js#${name}' LANGUAGE JAVASCRIPT;`).join('\n')

/** The first row of a SELECT of constants. `deterministic` calls fold; columns of a table do not. */
async function first(sql: string): Promise<unknown[]> {
  const rows = await results(`SELECT ${sql} FROM (VALUES (1, 'ab', CAST(NULL AS INT), CAST(NULL AS STRING))) AS t(n, s, z, e)`)
  return rows[0] ?? []
}

async function results(select: string): Promise<unknown[][]> {
  const modules = await loadFunctionModules(FILES)
  const configuration = Configuration.of({ 'execution.runtime-mode': 'STREAMING' })
  const { statements } = compileScript({ text: CREATED + select, name: '', configuration, environment: virtualEnvironment(), modules })
  const effect = statements.at(-1)?.effect
  if (effect?.kind !== 'job') throw new Error('a job was expected')
  const operators = effect.jobGraph.vertices.flatMap((vertex) => vertex.operators)
  const rows: unknown[][] = []
  let batches: Batch[] = []
  for (const [i, { spec, outputSchema, from }] of operators.entries()) {
    if (spec.op === 'collect') continue
    const inputs = from === null && i === 0 ? [] : [(operators[i - 1] as (typeof operators)[number]).outputSchema]
    const operator = createOperator(spec, inputs, outputSchema)
    const out: Batch[] = []
    const output = { collect: (batch: Batch) => void out.push(batch), emitWatermark: () => undefined }
    const environment = virtualEnvironment()
    const context = { configuration, environment, inputSchemas: inputs, outputSchema, subtaskIndex: 0, parallelism: 1, operatorName: '' }
    await operator.open?.(context as never, output as never)
    if ('poll' in operator) while ((await operator.poll()) !== 'end');
    else for (const batch of batches) await operator.processBatch(batch, 0)
    batches = out
  }
  for (const batch of batches)
    for (let r = 0; r < batch.length; r++) rows.push(batch.columns.map((column) => readValue(column, batch.position(r))))
  return rows
}

async function failure(action: Promise<unknown>): Promise<string> {
  try {
    await action
  } catch (error) {
    return (error as Error).message
  }
  throw new Error('nothing failed')
}

describe('user functions', () => {
  it('are called with the row’s values, and with NULL unless the parameter says NOT NULL', async () => {
    assert.deepEqual(await first('u_twice(n), u_twice(z), u_length(s), u_length(e), U_TWICE(n + 1)'), [2, -1, 2n, null, 4])
  })

  it('take decimals as text and times as milliseconds, and give what they declare', async () => {
    assert.deepEqual(await first("u_shifted(CAST(n AS DECIMAL(10, 2)), TIMESTAMP '1970-01-01 00:00:00.007')"), [1007n])
  })

  it('stand in conditions, and are named in the plan as they were called', async () => {
    assert.deepEqual(await results("SELECT s FROM (VALUES ('a'), ('bc')) AS t(s) WHERE u_length(s) > 1"), [['bc']])
  })

  it('travel with the operators that call them, and with no others', async () => {
    const modules = await loadFunctionModules(FILES)
    const text = `${CREATED} SELECT u_twice(n) FROM (VALUES (1), (2)) AS t(n)`
    const { statements } = compileScript({ text, name: '', configuration: Configuration.empty, environment: virtualEnvironment(), modules })
    const effect = statements.at(-1)?.effect
    if (effect?.kind !== 'job') throw new Error('a job was expected')
    const operators = effect.jobGraph.vertices.flatMap((vertex) => vertex.operators)
    assert.deepEqual(
      operators.map(({ spec, modules: sent }) => [spec.op, sent?.length ?? 0]),
      [
        ['values', 0],
        ['calc', 1],
        ['collect', 0],
      ],
    )
    assert.match(operators[1]?.name ?? '', /u_twice\(n\)/)
  })

  it('that throw or return something else fail with their name, the expression and the row', async () => {
    const thrown = await failure(first('u_failing(n)'))
    assert.match(thrown, /Function u_failing \(f\.js#failing\) failed: RangeError: no 1/)
    assert.match(thrown, /for the row \(.*n = 1/)
    assert.match(await failure(first('u_lying(n)')), /Function u_lying \(f\.js#lying\) declares INT and returned 'text' \(string\)/)
    assert.match(await failure(first('u_late()')), /returned a promise: functions answer at once/)
  })

  it('are refused at their place when the call or the module is wrong', async () => {
    assert.match(
      await failure(first("u_twice('a')")),
      /Invalid function call: u_twice\(VARCHAR\(\d+\)\)\. Expected signatures are: u_twice\(INT\)\./,
    )
    assert.match(await failure(first('u_twice(1, 2)')), /Expected signatures are: u_twice\(INT\)/)
    assert.match(await failure(first('u_untyped()')), /'untyped' of f\.js: 'parameters' is no list of SQL types/)
    assert.match(await failure(first('u_odd(n)')), /'MONEY' is no type that Weft knows/)
    assert.match(await failure(first('u_plain()')), /'plain' of f\.js: it is no object with 'parameters', 'returns' and 'eval'/)
    assert.match(await failure(first('u_missing()')), /f\.js has no export 'missing', but .*twice/)
    assert.match(await failure(results("CREATE FUNCTION g AS 'gone.js#g' LANGUAGE JAVASCRIPT; SELECT g(1)")), /gone\.js cannot be read/)
    assert.match(await failure(results("CREATE FUNCTION g AS 'f.ts#g' LANGUAGE JAVASCRIPT; SELECT 1")), /'f\.ts#g' is TypeScript/)
    assert.match(await failure(first('u_twce(n)')), /Did you mean U?u?_twice\?/i)
  })

  it('give way to SQL’s own, unless they are temporary system functions', async () => {
    const sql = (kind: string) =>
      `CREATE ${kind} FUNCTION sign AS 'f.js#twice' LANGUAGE JAVASCRIPT; SELECT sign(n) FROM (VALUES (3)) AS t(n)`
    assert.deepEqual(await results(sql('TEMPORARY')), [[1]])
    assert.deepEqual(await results(sql('TEMPORARY SYSTEM')), [[6]])
  })
})
