import { expect } from 'chai'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describeFailure } from '#client/cli/failure.js'
import { dynamicProperties, readConfigurationFile } from '#client/cli/settings.js'
import { defineError } from '#core/errors/define-error.js'

describe('settings', () => {
  let folder: string
  before(() => (folder = mkdtempSync(join(tmpdir(), 'weft-test-'))))
  after(() => rmSync(folder, { recursive: true }))
  const file = (text: string): string => {
    const path = join(folder, 'config.yaml')
    writeFileSync(path, text)
    return path
  }

  it('flattens nested and dotted keys', () => {
    const read = readConfigurationFile(file('taskmanager:\n  numberOfTaskSlots: 3\nparallelism.default: 2\nyarn:\n  ship-files: [a, b]\n'))
    expect(read.toRecord()).to.deep.equal({ 'taskmanager.numberOfTaskSlots': '3', 'parallelism.default': '2', 'yarn.ship-files': 'a;b' })
  })

  it('names file and key of a mistake', () => {
    expect(() => readConfigurationFile(file('taskmanager:\n  numberOfTaskSlot: 3\n'))).to.throw(
      /'taskmanager.numberOfTaskSlot' \(.*config.yaml\). Did you mean 'taskmanager.numberOfTaskSlots'\?/,
    )
    expect(() => readConfigurationFile(file('- a\n- b'))).to.throw(/config.yaml/)
    expect(() => readConfigurationFile(file('a: [b'))).to.throw(/config.yaml/)
  })

  it('wants key=value after -D', () => {
    expect(dynamicProperties(['web.history=1', 'pipeline.name=a=b'])).to.deep.equal({ 'web.history': '1', 'pipeline.name': 'a=b' })
    expect(() => dynamicProperties(['web.history'])).to.throw("-D takes key=value, not 'web.history'")
    expect(() => dynamicProperties(['rest.bind-prt=1'])).to.throw("Did you mean 'rest.bind-port'?")
  })
})

describe('describeFailure', () => {
  const Broken = defineError('TEST_CLI_BROKEN', { recovery: 'none', message: (d: { what: string }) => `${d.what} is broken` })

  it('tells the cause once', () => {
    const cause = new Error('no hinge')
    expect(describeFailure(new Broken({ what: 'The lid' }, { cause }), false)).to.equal('The lid is broken\nCaused by: no hinge')
    expect(describeFailure(new Broken({ what: 'no hinge: the lid' }, { cause }), false)).to.equal('no hinge: the lid is broken')
  })
})
