import { expect } from 'chai'
import fc from 'fast-check'
import { MaterializedRows } from '#client/cli/materialized-rows.js'
import { borderLine, displayWidth, headerLines, layoutFor, rowLine } from '#client/cli/result-table.js'

const row = (kind: number, ...cells: (string | null)[]) => ({ kind, cells })

describe('result table', () => {
  it('is Flink’s tableau', () => {
    const rows = [row(0, 'CA', '12'), row(2, 'TX', null)]
    const layout = layoutFor(['state', 'late'], rows, true, 30)
    expect([...headerLines(layout), ...rows.map((each) => rowLine(layout, each)), borderLine(layout)].join('\n')).to.equal(
      [
        '+----+-------+--------+', //
        '| op | state |   late |',
        '+----+-------+--------+',
        '| +I |    CA |     12 |',
        '| +U |    TX | <NULL> |',
        '+----+-------+--------+',
      ].join('\n'),
    )
  })

  it('cuts long values and keeps every line as wide as the border, whatever the text', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.string({ unit: 'grapheme' }), fc.string())), (cells) => {
        const rows = cells.map(([a, b]) => row(0, a, b))
        const layout = layoutFor(['a', 'b'], rows, false, 10)
        return rows.every((each) => displayWidth(rowLine(layout, each)) === displayWidth(borderLine(layout)))
      }),
    )
  })

  it('shows no control characters that would break the table', () => {
    const layout = layoutFor(['a'], [row(0, 'x\ny')], false, 30)
    expect(rowLine(layout, row(0, 'x\ny'))).to.equal('| x y |')
  })
})

describe('MaterializedRows', () => {
  it('is what a changelog adds up to', () => {
    const rows = new MaterializedRows()
    for (const each of [row(0, 'a', '1'), row(0, 'b', '1'), row(1, 'a', '1'), row(2, 'a', '2'), row(0, 'b', '1'), row(3, 'b', '1')])
      rows.apply(each)
    expect(rows.rows()).to.deep.equal([row(0, 'b', '1'), row(0, 'a', '2')])
    expect(rows.hasChanges).to.equal(true)
  })

  it('comes in the order of the query: numbers by value, NULLs where they belong, open ties as they came', () => {
    const rows = new MaterializedRows()
    const cells: (string | null)[][] = [
      ['10', 'x'],
      ['9', 'y'],
      [null, 'z'],
      ['-1', 'a'],
      ['9', 'b'],
      ['9.50', 'c'],
      ['123456789012345678901', 'd'],
      ['123456789012345678900', 'e'],
    ]
    for (const each of cells) rows.apply({ kind: 0, cells: each })
    const shown = (ascending: boolean, nullsFirst: boolean) =>
      rows
        .rows([{ column: 0, ascending, nullsFirst, compare: 'number' }])
        .map((each) => each.cells[1])
        .join('')
    expect(shown(true, true)).to.equal('zaybcxed')
    expect(shown(false, false)).to.equal('dexcybaz')
    expect(
      rows
        .rows([
          { column: 0, ascending: true, nullsFirst: false, compare: 'number' },
          { column: 1, ascending: true, nullsFirst: false, compare: 'text' },
        ])
        .map((each) => each.cells[1])
        .join(''),
    ).to.equal('abycxedz')
  })

  it('orders doubles with their exponents, texts by code point', () => {
    const ordered = (compare: 'double' | 'text', ...texts: string[]) => {
      const rows = new MaterializedRows()
      for (const text of texts) rows.apply(row(0, text))
      return rows.rows([{ column: 0, ascending: true, nullsFirst: true, compare }]).map((each) => each.cells[0])
    }
    expect(ordered('double', 'NaN', '1.0E10', '-Infinity', '9.5', 'Infinity', '-1.0E-5')).to.deep.equal([
      '-Infinity',
      '-1.0E-5',
      '9.5',
      '1.0E10',
      'Infinity',
      'NaN',
    ])
    expect(ordered('text', '\u{1F600}', '\uFB01', 'a', 'B', '')).to.deep.equal(['', 'B', 'a', '\uFB01', '\u{1F600}'])
  })

  it('equals a multiset of its rows', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.boolean(), fc.integer({ min: 0, max: 3 }))), (changes) => {
        const rows = new MaterializedRows()
        const counts = [0, 0, 0, 0]
        for (const [insert, value] of changes) {
          if (!insert && (counts[value] ?? 0) === 0) continue
          counts[value] = (counts[value] ?? 0) + (insert ? 1 : -1)
          rows.apply(row(insert ? 0 : 3, String(value)))
        }
        const found = [0, 0, 0, 0]
        for (const each of rows.rows()) found[Number(each.cells[0])] = (found[Number(each.cells[0])] ?? 0) + 1
        return found.join() === counts.join()
      }),
    )
  })
})
