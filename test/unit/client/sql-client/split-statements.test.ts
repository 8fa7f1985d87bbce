import { expect } from 'chai'
import fc from 'fast-check'
import { describe, it } from 'mocha'
import { onOneLine, splitStatements, stringsOf } from '#client/sql-client/split-statements.js'

const texts = (text: string) => splitStatements(text).statements.map((statement) => statement.text)

describe('statements of a text', () => {
  it('end at semicolons outside of strings, quoted names and comments', () => {
    const text = "SELECT 'a;''b'; -- c;\n/* d; */ SELECT `e;f` /*+ g */ ; ; SELECT 1 -- rest"
    const { statements, rest, restStart } = splitStatements(text)
    expect(statements.map((statement) => statement.text)).to.deep.equal(["SELECT 'a;''b'", 'SELECT `e;f` /*+ g */'])
    expect(statements.map(({ start }) => text.slice(start, start + 6))).to.deep.equal(['SELECT', 'SELECT'])
    expect(rest).to.equal('SELECT 1 -- rest')
    expect(text.slice(restStart)).to.equal(rest)
  })

  it('wait for the end of a string or comment', () => {
    for (const open of ["SELECT 'a;", 'SELECT `a;', 'SELECT 1 /* ;']) {
      expect(texts(open)).to.deep.equal([])
      expect(splitStatements(open).rest).to.equal(open)
    }
    expect(splitStatements('-- nothing;\n  /* or; */ ').rest).to.equal('')
  })

  it('keep a statement set together, and the parts of BEGIN STATEMENT SET apart', () => {
    const set = 'EXECUTE STATEMENT SET BEGIN INSERT INTO a SELECT 1; INSERT INTO b SELECT 2; END'
    expect(texts(`${set}; SELECT 3;`)).to.deep.equal([set, 'SELECT 3'])
    expect(texts(`EXPLAIN STATEMENT SET\nBEGIN INSERT INTO a SELECT 1; END;`)).to.have.length(1)
    expect(texts('EXECUTE STATEMENT SET BEGIN INSERT INTO a SELECT 1;')).to.deep.equal([])
    expect(texts('BEGIN STATEMENT SET; INSERT INTO a SELECT 1; END;')).to.deep.equal([
      'BEGIN STATEMENT SET',
      'INSERT INTO a SELECT 1',
      'END',
    ])
  })

  it('lose nothing but blanks, comments and semicolons', () => {
    const part = fc.constantFrom('a', "'x;y'", '`q;`', ' ', '\n', '-- c;\n', '/* ; */', '(', '1')
    fc.assert(
      fc.property(fc.array(fc.array(part, { maxLength: 6 }), { maxLength: 5 }), (statements) => {
        const text = statements.map((parts) => parts.join(' ')).join(';')
        const split = splitStatements(`${text};`)
        expect(split.rest).to.equal('')
        for (const statement of split.statements)
          expect(text.slice(statement.start)).to.satisfy((s: string) => s.startsWith(statement.text))
        const bare = (s: string) => s.replaceAll(/--[^\n]*(\n|$)|\/\*.*?\*\//g, '').replaceAll(/\s+/g, '')
        const all = statements.map((parts) => parts.filter((p) => !/^(--|\/\*)/.test(p)).join('')).join('')
        expect(split.statements.map((statement) => bare(statement.text)).join('')).to.equal(bare(all))
      }),
    )
  })

  it('go on one line for the history, without comments', () => {
    expect(onOneLine("SELECT 1, -- one\n  '--' /* two\nlines */ FROM t;")).to.equal("SELECT 1, '--' FROM t;")
    expect(onOneLine("SELECT 'a\nb';")).to.equal(undefined)
    expect(stringsOf("a 'b''c' -- 'd'\n `'e'` 'f'")).to.deep.equal(["b''c", 'f'])
  })
})
