import { expect } from 'chai'
import { describe, it } from 'mocha'
import { completeStatement } from '#client/gateway/complete-statement.js'
import { knownRows, Operation, type Result } from '#client/gateway/operation.js'
import { jsonCell } from '#client/gateway/result-page.js'
import { BIGINT, BOOLEAN, decimal, DOUBLE, INT, STRING, timestamp, timestampLtz } from '#core/types/logical-type.js'
import { systemEnvironment } from '#core/time/environment.js'
import { Catalog } from '#sql/catalog/catalog.js'

const RESULT: Result = {
  description: { columns: [{ name: 'a', type: INT }], isQuery: true, jobId: 'ab', kind: 'SUCCESS_WITH_CONTENT', timeZone: 'UTC' },
  rows: knownRows([{ kind: 0, cells: ['1'] }]),
}
const uri = (token: number) => `/${token}`

describe('cells as JSON', () => {
  it('keep the digits of numbers, and are texts where JSON has no number', () => {
    expect(jsonCell('9007199254740993', BIGINT, 'UTC')).to.equal('9007199254740993')
    expect(jsonCell('1.0E20', DOUBLE, 'UTC')).to.equal('1.0E20')
    expect(['NaN', '-Infinity'].map((text) => jsonCell(text, DOUBLE, 'UTC'))).to.deep.equal(['"NaN"', '"-Infinity"'])
    expect(['3.100', '6.000', '100'].map((text) => jsonCell(text, decimal(10, 3), 'UTC'))).to.deep.equal(['3.1', '6', '100'])
    expect(jsonCell('TRUE', BOOLEAN, 'UTC')).to.equal('true')
    expect(jsonCell('a"b', STRING, 'UTC')).to.equal('"a\\"b"')
  })

  it('have times in ISO form, instants in UTC whatever the session’s zone is', () => {
    expect(jsonCell('2024-01-02 03:04:05.678', timestamp(3), 'UTC')).to.equal('"2024-01-02T03:04:05.678"')
    expect(jsonCell('2024-07-02 03:04:05.678', timestampLtz(3), 'Europe/Berlin')).to.equal('"2024-07-02T01:04:05.678Z"')
  })
})

describe('an operation', () => {
  it('waits for its turn, and is not ready before', async () => {
    let go: () => void = () => undefined
    const operation = new Operation('1', systemEnvironment, new Promise((resolve) => (go = resolve)), 0, () => Promise.resolve(RESULT))
    expect(JSON.parse(await operation.page(0, 'JSON', uri))).to.deep.equal({ resultType: 'NOT_READY', nextResultUri: '/0' })
    expect(operation.status).to.equal('PENDING')
    go()
    await operation.done
    expect(operation.status).to.equal('FINISHED')
    expect(JSON.parse(await operation.page(0, 'JSON', uri))).to.deep.include({ resultType: 'PAYLOAD', jobID: 'ab', nextResultUri: '/1' })
  })

  it('that is cancelled before its turn is not run, and says so', async () => {
    let ran = false
    let go: () => void = () => undefined
    const turn = new Promise<void>((resolve) => (go = resolve))
    const operation = new Operation('1', systemEnvironment, turn, 0, () => {
      ran = true
      return Promise.resolve(RESULT)
    })
    await operation.cancel()
    go()
    await operation.done
    expect(ran).to.equal(false)
    expect(operation.status).to.equal('CANCELED')
    expect(await operation.page(0, 'JSON', uri).catch((error: Error) => error.message)).to.match(/cancelled/)
  })

  it('leaves a query whose client closes it', async () => {
    let left = 0
    const rows = { ...RESULT.rows, leave: () => Promise.resolve(void left++) }
    const operation = new Operation('1', systemEnvironment, Promise.resolve(), 0, () => Promise.resolve({ ...RESULT, rows }))
    await operation.done
    await operation.close()
    expect([left, operation.status]).to.deep.equal([1, 'CLOSED'])
  })

  it('keeps a failure for every later question', async () => {
    const operation = new Operation('1', systemEnvironment, Promise.resolve(), 0, () => Promise.reject(new Error('no')))
    await operation.done
    for (const token of [0, 1]) expect(await operation.page(token, 'JSON', uri).catch((error: Error) => error.message)).to.equal('no')
    expect(operation.status).to.equal('ERROR')
  })
})

describe('completion', () => {
  const catalog = new Catalog()
  const at = { catalog: 'default_catalog', database: 'default_database' }
  for (const name of ['orders', 'unb']) {
    catalog.put({ ...at, kind: 'view', name, temporary: false, columns: [], text: '', comment: null, within: at } as never)
  }
  it('offers tables where a table stands, and words that begin alike', () => {
    expect(completeStatement('SELECT * FROM u', 15, catalog)).to.include.members(['UNNEST', 'default_catalog.default_database.unb'])
    expect(completeStatement('SELECT * FROM ', 14, catalog)).to.deep.equal([
      'default_catalog.default_database.orders',
      'default_catalog.default_database.unb',
    ])
    expect(completeStatement('SEL', 3, catalog)).to.deep.equal(['SELECT'])
    expect(completeStatement('SELECT * FROM default_database.o', 32, catalog)).to.deep.equal(['default_catalog.default_database.orders'])
  })
})
