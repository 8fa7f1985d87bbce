import { expect } from 'chai'
import { describe, it } from 'mocha'
import { ResultView } from '#client/sql-client/result-view.js'

const row = (kind: number, ...cells: (string | null)[]) => ({ kind, cells })
const size = { columns: 60, lines: 9 }
/** Rows of the table on the screen. */
const shown = (view: ResultView) =>
  view
    .draw(size)
    .slice(4, -2)
    .map((line) => line.replaceAll(/[| ]+/g, ' ').trim())
    .filter((line) => line !== '')

describe('the whole-screen view of a result', () => {
  it('shows what changes add up to', () => {
    const view = new ResultView('TABLE', ['a', 'n'], 100, 30)
    view.add([row(0, 'x', '1'), row(0, 'y', null), row(1, 'x', '1'), row(2, 'x', '2'), row(3, 'y', null)])
    expect(view.draw(size)).to.deep.equal([
      'SQL Query Result (Table)',
      '+---+---+',
      '| a | n |',
      '+---+---+',
      '| x | 2 |',
      '',
      '',
      'rows 1 to 1 of 1, 5 changes so far, running',
      'Q quit   up, down   N next page   P previous page   G first ',
    ])
    view.end('finished')
    expect(view.draw(size).at(-2)).to.contain('finished')
  })

  it('shows changes, stays at the newest, and goes where keys send it', () => {
    const view = new ResultView('CHANGELOG', ['a'], 100, 30)
    view.add(Array.from({ length: 10 }, (_, i) => row(i === 9 ? 3 : 0, String(i))))
    expect(shown(view)).to.deep.equal(['+I 7', '+I 8', '-D 9'])
    view.key('g', size)
    view.add([row(0, '10')])
    expect(shown(view)).to.deep.equal(['+I 0', '+I 1', '+I 2'])
    view.key('n', size)
    view.key('down', size)
    expect(shown(view)).to.deep.equal(['+I 4', '+I 5', '+I 6'])
    view.key('p', size)
    view.key('up', size)
    expect(shown(view)).to.deep.equal(['+I 0', '+I 1', '+I 2'])
    view.key('l', size)
    view.add([row(0, '11')])
    expect(shown(view)).to.deep.equal(['-D 9', '+I 10', '+I 11'])
    expect(view.key('q', size)).to.equal(false)
  })

  it('keeps the newest rows when there are too many', () => {
    const view = new ResultView('TABLE', ['a'], 2, 30)
    view.add(['a', 'a', 'b', 'c'].map((a) => row(0, a)))
    expect(shown(view)).to.deep.equal(['b', 'c'])
    view.add([row(3, 'a'), row(3, 'b')])
    expect(shown(view)).to.deep.equal(['c'])
  })
})
