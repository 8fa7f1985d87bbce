import { expect } from 'chai'
import { describe, it } from 'mocha'
import { WeftError } from '#core/errors/define-error.js'
import { parseScript } from '#sql/parser/parse-statement.js'
import { SourceText } from '#sql/parser/source-text.js'
import { STATEMENTS, WRONG } from './sql-corpus.js'

function outcome(text: string): string {
  try {
    return `${parseScript(new SourceText('', text)).length}`
  } catch (error) {
    if (!(error instanceof WeftError)) throw error
    return `${error.code}\n${error.message}`
  }
}

function frozen(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return true
  return Object.isFrozen(value) && Object.values(value).every(frozen)
}

describe('the statements of Flink’s dialect', () => {
  it('are 97', () => {
    expect(STATEMENTS).to.have.length(97)
  })

  for (const [name, text] of STATEMENTS) {
    it(`${name}: read to frozen nodes`, () => {
      expect(outcome(text)).to.equal('1')
      expect(frozen(parseScript(new SourceText('', text)))).to.equal(true)
    })
  }

  for (const text of WRONG) {
    it(`${text}: an error with its place`, () => {
      expect(outcome(text)).to.match(/^SQL_SYNTAX\nSQL syntax error: .+\nat line \d+, column \d+:\n {4}.+\n +\^$/)
    })
  }

  it('survive being cut anywhere: every prefix is read or refused, nothing else is thrown', () => {
    for (const [, text] of STATEMENTS) for (let end = 0; end < text.length; end += 31) outcome(text.slice(0, end))
  })
})
