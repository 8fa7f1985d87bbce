import { expect } from 'chai'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expectedWeeklyDelays, expectedWorstStates, normalizeWeeklyDelay } from '../../support/flight-delays.js'
import { projectRoot } from '../../support/project-root.js'
import { runWeft } from '../../support/weft-command.js'

describe('examples/flight-delays.sql, embedded', () => {
  let folder: string
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'weft-test-'))
    mkdirSync(join(folder, 'examples/data'), { recursive: true })
    expect(existsSync(join(projectRoot, 'examples/data/.ready')), 'run dist/tools/prepare-example-data.js first').to.equal(true)
    for (const input of ['flights', 'airports'])
      symlinkSync(join(projectRoot, 'examples/data', input), join(folder, 'examples/data', input))
  })
  after(() => rmSync(folder, { recursive: true, force: true }))

  for (const parallelism of ['1', '2', '3']) {
    it(`gives the independently computed result with parallelism ${parallelism}`, async () => {
      rmSync(join(folder, 'examples/data/weekly-delays'), { recursive: true, force: true })
      const { status, stdout, stderr } = await runWeft(['run', '-p', parallelism, join(projectRoot, 'examples/flight-delays.sql')], {
        cwd: folder,
      })
      expect(status, stderr).to.equal(0)
      const output = join(folder, 'examples/data/weekly-delays')
      const names = readdirSync(output)
      expect(names.filter((name) => name.startsWith('.') || name.startsWith('_'))).to.deep.equal([])
      const lines = names.flatMap((name) => readFileSync(join(output, name), 'utf8').trimEnd().split('\n')).map(normalizeWeeklyDelay)
      expect(lines.sort()).to.deep.equal(expectedWeeklyDelays())

      const result = stdout.slice(stdout.indexOf('Result:'))
      const table = [...result.matchAll(/^\| +([A-Z]{2}) \| +(.*) \|$/gm)].map(([, state = '', rest = '']) => [
        state,
        ...rest.split(/ *\| */),
      ])
      expect(table).to.deep.equal(expectedWorstStates())
      expect(stderr).to.match(/Job with JobID [0-9a-f]{32} has finished\.\nJob Runtime: \d+ ms/)
    })
  }
})
