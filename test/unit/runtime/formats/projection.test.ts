import { expect } from 'chai'
import { INT, STRING, type Value } from '#core/types/logical-type.js'
import { projectSchema, schema } from '#core/types/schema.js'
import { BatchBuilder } from '#runtime/columnar/batch-builder.js'
import { formatRuntime, rowsOf } from './decode-support.js'

const ABC = schema(['a', INT], ['b', STRING], ['c', INT])

async function read(
  format: string,
  of: typeof ABC,
  projection: readonly number[],
  text: string,
): Promise<{ length: number; rows: Value[][] }> {
  const builder = new BatchBuilder(projectSchema(of, projection))
  const decoder = (await formatRuntime(format)).createDecoder(of, {}, projection)
  decoder.feed(Buffer.from(text))
  decoder.finish()
  decoder.read(builder, 1024)
  const batch = builder.finish()
  return { length: batch.length, rows: rowsOf(batch) }
}

describe('formats that read some of the columns', () => {
  const csv = '1,x,10\n2,y,20\n'
  const json = '{"a":1,"b":"x","c":10}\n{"c":20,"a":2}\n'

  it('find csv fields by their position in the whole row, and put them in the order asked for', async () => {
    expect((await read('csv', ABC, [2, 0], csv)).rows).to.deep.equal([
      [10, 1],
      [20, 2],
    ])
    expect((await read('json', ABC, [2, 0], json)).rows).to.deep.equal([
      [10, 1],
      [20, 2],
    ])
  })

  it('do not mind bad values in other columns, but count the fields of the row', async () => {
    expect((await read('csv', ABC, [1], 'bad,x,\n')).rows).to.deep.equal([['x']])
    expect((await read('json', ABC, [1], '{"a":"bad","b":"x"}\n')).rows).to.deep.equal([['x']])
    let message = ''
    await read('csv', ABC, [1], '1,x\n').catch((error: Error) => (message = error.message))
    expect(message).to.equal('the row has 2 fields, the table has 3 columns')
  })

  it('count rows without any column', async () => {
    expect((await read('csv', ABC, [], csv)).length).to.equal(2)
    expect((await read('json', ABC, [], json)).length).to.equal(2)
    expect((await read('raw', schema(['line', STRING]), [], 'x\ny\nz')).length).to.equal(3)
  })
})
