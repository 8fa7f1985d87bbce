import { expect } from 'chai'
import { secretValues, withoutSecretValues, withSecretValues } from '#core/config/secret-values.js'

describe('secret values of a configuration', () => {
  const values = { 'parallelism.default': '2', 'security.ssl.rest.key-password': 'hush', 'metrics.reporter.dd.apikey': 'hush2' }

  it('are parted from the rest and joined again', () => {
    expect(withoutSecretValues(values)).to.deep.equal({ 'parallelism.default': '2' })
    expect(withSecretValues(withoutSecretValues(values), secretValues(values))).to.deep.equal(values)
  })
  it('need no place where there are none', () => {
    expect(secretValues({ 'parallelism.default': '2' })).to.equal(undefined)
    expect(withSecretValues({ a: 'b' }, undefined)).to.deep.equal({ a: 'b' })
  })
  it('that are damaged are refused without showing them', () => {
    for (const bytes of ['{"a":', '[]', '{"a":1}', 'hush'])
      expect(() => withSecretValues({}, Buffer.from(bytes)))
        .to.throw(/holds no values/)
        .and.not.match(/hush/)
  })
})
