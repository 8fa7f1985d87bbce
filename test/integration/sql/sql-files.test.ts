import { expect } from 'chai'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { EmbeddedCluster } from '../../support/embedded-cluster.js'
import { projectRoot } from '../../support/project-root.js'
import { parseSqlFile, type SqlCase } from '../../support/sql-file.js'
import { modesOf, SqlRunner } from '../../support/sql-runner.js'

const FILES = join(projectRoot, 'test/sql')

describe('SQL files', () => {
  let folder: string
  let cluster: EmbeddedCluster
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'weft-test-'))
    cluster = await EmbeddedCluster.start(folder)
  })
  after(async () => {
    await cluster.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  for (const name of readdirSync(FILES).filter((each) => each.endsWith('.slt'))) {
    describe(name, () => {
      let runner: SqlRunner
      before(() => (runner = new SqlRunner(cluster, join(folder, name))))
      for (const each of parseSqlFile(name, readFileSync(join(FILES, name), 'utf8'))) {
        if (each.kind === 'file') before(() => runner.file(each.words.join(' '), each.body + '\n'))
        else it(each.title, () => check(runner, each))
      }
    })
  }
})

async function check(runner: SqlRunner, { kind, words, body, expected, ...rest }: SqlCase): Promise<void> {
  if (kind === 'types') return void expect(runner.types(body)).to.deep.equal(expected)
  if (kind === 'changelog')
    return void expect((await runner.run(body, { runtimeMode: 'STREAMING', parallelism: 1 })).changes).to.deep.equal(expected)
  for (const mode of modesOf({ kind, words, body, expected, ...rest })) {
    const where = `${mode.runtimeMode}, parallelism ${mode.parallelism}`
    if (kind === 'error') {
      const failure = await runner.failure(body, mode)
      expect(failure, `${where}: no failure`).not.to.equal(undefined)
      for (const line of expected) expect(failure, where).to.contain(line)
      continue
    }
    const { rows } = await runner.run(body, mode)
    if (kind === 'query' && words.includes('ordered')) expect(rows, where).to.deep.equal(expected)
    else if (kind === 'query') expect([...rows].sort(), where).to.deep.equal([...expected].sort())
  }
}
