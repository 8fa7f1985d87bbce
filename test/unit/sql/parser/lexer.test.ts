import { expect } from 'chai'
import { describe, it } from 'mocha'
import { tokenize } from '#sql/parser/lexer.js'
import { SourceText } from '#sql/parser/source-text.js'

const tokens = (text: string): string[] => tokenize(new SourceText('', text)).map((token) => `${token.kind}:${token.text}`)
const failure = (text: string): string => {
  try {
    tokenize(new SourceText('', text))
    return 'none'
  } catch (error) {
    return (error as Error).message.split('\n')[0] ?? ''
  }
}

describe('tokenize', () => {
  it('takes words, quoted identifiers, strings and numbers apart', () => {
    expect(tokens("a_1 `b``c d` 'it''s' 12 1.5 .5 1e-3")).to.deep.equal([
      'word:a_1',
      'quoted:b`c d',
      "string:it's",
      'number:12',
      'number:1.5',
      'number:.5',
      'number:1e-3',
      'end:',
    ])
  })

  it('reads unicode escapes and binary strings', () => {
    expect(tokens("U&'\\0041\\\\\\+01F600' X'0aFf'")).to.deep.equal(['string:A\\😀', 'binary:0aFf', 'end:'])
  })

  it('reads two-character symbols as one, and != as <>', () => {
    expect(
      tokenize(new SourceText('', 'a<>b<=c!=d=>e||f'))
        .filter((t) => t.kind === 'symbol')
        .map((t) => t.upper),
    ).to.deep.equal(['<>', '<=', '<>', '=>', '||'])
  })

  it('drops comments, also those with quotes and semicolons in them, and keeps the borders of hints', () => {
    expect(tokens("a -- it's;\n/* ; ' */ b /*+ H */ c")).to.deep.equal([
      'word:a',
      'word:b',
      'symbol:/*+',
      'word:H',
      'symbol:*/',
      'word:c',
      'end:',
    ])
  })

  it('knows letters beyond ASCII', () => {
    expect(tokens('größe 面积')).to.deep.equal(['word:größe', 'word:面积', 'end:'])
  })

  it('counts lines and columns from one', () => {
    const [, second] = tokenize(new SourceText('', 'a\n  b'))
    expect([second?.at.line, second?.at.column]).to.deep.equal([2, 3])
  })

  it('says where something has no end', () => {
    expect(failure("SELECT 'abc")).to.equal("SQL syntax error: the string that begins here has no closing '.")
    expect(failure('SELECT `abc')).to.equal('SQL syntax error: the quoted identifier that begins here has no closing `.')
    expect(failure('SELECT /* abc')).to.equal('SQL syntax error: the comment that begins here has no end (*/).')
  })

  it('refuses what is neither number nor identifier, double quotes, and stray characters', () => {
    expect(failure('SELECT 1a')).to.match(/'1a' is neither a number nor an identifier/)
    expect(failure('SELECT "a"')).to.match(/double quotes have no meaning/)
    expect(failure('SELECT a ~ b')).to.match(/the character '~' begins nothing/)
    expect(failure("X'0'")).to.match(/pairs of hexadecimal digits/)
    expect(failure('a'.repeat(1001))).to.match(/at most 1000 characters; this one has 1001/)
    expect(failure("U&'\\00'")).to.match(/four hexadecimal digits/)
  })
})

describe('SourceText.excerpt', () => {
  it('puts the caret under the column, tabs and carriage returns notwithstanding', () => {
    const source = new SourceText('', 'SELECT\r\n\ta, b\r\nFROM t')
    expect(source.excerpt(source.position(11))).to.equal('     a, b\n       ^')
  })

  it('cuts a long line around the caret', () => {
    const source = new SourceText('', `SELECT ${'x'.repeat(300)}, y`)
    const [line = '', caret = ''] = source.excerpt(source.position(200)).split('\n')
    expect(line.length).to.be.below(140)
    expect(line.charAt(caret.length - 1)).to.equal('x')
    expect(line).to.match(/^ {4}… x+/)
  })
})
