/**
 * Golden text files: cases of a name, a statement and what is expected of it.
 *
 *     ### name
 *     SELECT 1
 *     ----
 *     expected text
 *
 * With UPDATE_GOLDEN=1 the expectations are written anew; read the difference before it is committed.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { expect } from 'chai'
import { describe, it } from 'mocha'

/** `name`: of a file in golden/. `least`: number of cases below which the file is not the one that was meant. */
export function goldenTests(name: string, least: number, run: (input: string) => string): void {
  // Compiled tests run from dist; the texts stay where they are written.
  const file = new URL(new URL(`golden/${name}`, import.meta.url).href.replace('/dist/test/', '/test/'))
  const text = readFileSync(file, 'utf8')
  const [head, ...blocks] = text.split(/^### /m)
  const cases = blocks.map((block) => {
    const [title = '', ...rest] = block.split('\n')
    const [input = '', expected = ''] = rest.join('\n').split(/^----\n/m)
    return { title, input: input.trim(), expected: expected.trim() }
  })
  const update = process.env['UPDATE_GOLDEN'] === '1'
  describe(file.pathname.split('/').at(-1) ?? '', () => {
    it(`holds at least ${least} cases, each with its own name`, () => {
      expect(cases.length).to.be.at.least(least)
      expect(new Set(cases.map(({ title }) => title)).size).to.equal(cases.length)
    })
    for (const { title, input, expected } of cases)
      it(title, () => {
        if (!update) expect(run(input)).to.equal(expected)
      })
  })
  if (update) writeFileSync(file, head + cases.map(({ title, input }) => `### ${title}\n${input}\n----\n${run(input)}\n`).join('\n'))
}
