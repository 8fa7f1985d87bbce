import { expect } from 'chai'
import { describe, it } from 'mocha'
import { completeStatement } from '#client/gateway/complete-statement.js'
import { wordsThatFit } from '#client/sql-client/completion.js'
import { Configuration } from '#core/config/configuration.js'
import { virtualEnvironment } from '#core/time/virtual-environment.js'
import { parseScript } from '#sql/parser/parse-statement.js'
import { SourceText } from '#sql/parser/source-text.js'
import { SqlSession } from '#sql/session/sql-session.js'

describe('completion at the cursor', () => {
  const { random, clock } = virtualEnvironment()
  const session = new SqlSession({ configuration: Configuration.empty, random, clock })
  const source = new SourceText(
    '',
    "CREATE TABLE bids (auction BIGINT, bidder BIGINT, price INT) WITH ('connector' = 'datagen'); CREATE VIEW best AS SELECT auction AS id FROM bids",
  )
  for (const statement of parseScript(source)) session.execute(statement, source)
  /** `|` is the cursor. */
  const complete = (text: string): string[] => {
    const position = text.indexOf('|')
    const statement = text.replace('|', '')
    return wordsThatFit(statement.slice(0, position), completeStatement(statement, position, session.catalog))[0]
  }

  it('knows tables and views, by any part of their path', () => {
    expect(complete('SELECT * FROM b|')).to.include.members(['bids', 'best'])
    expect(complete('SELECT * FROM |')).to.include.members(['bids', 'best'])
    expect(complete('SELECT * FROM default_database.b|').sort()).to.deep.equal(['default_database.best', 'default_database.bids'])
  })

  it('knows columns of the tables of a statement, also of those behind the cursor', () => {
    expect(complete('SELECT au| FROM bids')).to.include('auction')
    expect(complete('SELECT au| FROM best')).to.not.include('auction')
    expect(complete('SELECT x.| FROM bids AS x')).to.deep.equal(['x.auction', 'x.bidder', 'x.price'])
    expect(complete('SELECT best.i| FROM bids JOIN `best` ON TRUE')).to.deep.equal(['best.id'])
    expect(complete('SELECT y.a| FROM bids AS x')).to.deep.equal([])
  })

  it('knows words, and keys behind SET', () => {
    expect(complete('SELE|')).to.deep.equal(['SELECT'])
    expect(complete("SET 'sql-client.exec|")).to.deep.equal([
      'sql-client.execution.max-table-result.rows',
      'sql-client.execution.result-mode',
    ])
    expect(wordsThatFit("SET 'sql-client.e", ['sql-client.execution.result-mode'])[1]).to.equal('sql-client.e')
  })
})
