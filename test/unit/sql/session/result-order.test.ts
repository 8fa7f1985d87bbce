import { expect } from 'chai'
import { Configuration } from '#core/config/configuration.js'
import { compileScript } from '#sql/session/compile-script.js'

const PEOPLE = `CREATE TABLE people (name STRING, age INT, born DATE, weight DOUBLE) WITH ('connector' = 'filesystem', 'path' = 'people', 'format' = 'csv');`

function select(sql: string, mode = 'STREAMING') {
  const effect = compileScript({
    text: `${PEOPLE} ${sql};`,
    name: '',
    configuration: Configuration.of({ 'execution.runtime-mode': mode }),
  }).statements.at(-1)?.effect
  if (effect?.kind !== 'job') throw new Error('not a job')
  const collect = effect.jobGraph.vertices.flatMap(({ operators }) => operators).find(({ spec }) => spec.op === 'collect')
  return { columns: effect.columns, order: effect.order, collected: collect?.outputSchema.fields.map(({ name }) => name) }
}

describe('the order of a streaming result', () => {
  it('is that of the outermost ORDER BY with LIMIT', () => {
    expect(select('SELECT name, age, weight FROM people ORDER BY weight DESC, name NULLS LAST, 2 LIMIT 3')).to.deep.equal({
      columns: ['name', 'age', 'weight'],
      collected: ['name', 'age', 'weight'],
      order: [
        { column: 2, ascending: false, nullsFirst: false, compare: 'double' },
        { column: 0, ascending: true, nullsFirst: false, compare: 'text' },
        { column: 1, ascending: true, nullsFirst: true, compare: 'number' },
      ],
    })
  })

  it('brings along what is not selected', () => {
    const { columns, collected, order } = select('SELECT name FROM people ORDER BY age + 1, born DESC LIMIT 3')
    expect(columns).to.deep.equal(['name'])
    expect(collected).to.have.length(3)
    expect(order?.map(({ column, compare }) => [column, compare])).to.deep.equal([
      [1, 'number'],
      [2, 'text'],
    ])
  })

  it('is none without an outermost ORDER BY, nor in batch mode, where rows come in order', () => {
    expect(select('SELECT name FROM people LIMIT 3')).to.deep.equal({ columns: ['name'], collected: ['name'], order: undefined })
    expect(select('SELECT name, COUNT(*) AS n FROM (SELECT * FROM people ORDER BY age LIMIT 3) AS p GROUP BY name').order).to.equal(
      undefined,
    )
    expect(select('SELECT name FROM people ORDER BY age LIMIT 3', 'BATCH')).to.deep.equal({
      columns: ['name'],
      collected: ['name'],
      order: undefined,
    })
  })
})
