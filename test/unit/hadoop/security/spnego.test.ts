import { expect } from 'chai'
import { spnego, type KerberosPackage } from '#hadoop/security/spnego.js'

const OID = 6
const packaged = (step: () => Promise<string>): { package: KerberosPackage; asked: unknown[] } => {
  const asked: unknown[] = []
  return {
    asked,
    package: {
      GSS_MECH_OID_SPNEGO: OID,
      initializeClient: (service, options) => {
        asked.push([service, options])
        return Promise.resolve({ step: (challenge) => (asked.push(challenge), step()) })
      },
    },
  }
}
const binding = { negotiateToken: (service: string) => Promise.resolve(`own ${service}`) }

describe('SPNEGO', () => {
  it('with the default ticket cache: by the package, loaded once', async () => {
    const { package: kerberos, asked } = packaged(() => Promise.resolve('YII='))
    let loads = 0
    const token = spnego({}, binding, () => (loads++, Promise.resolve(kerberos)))
    expect([await token('HTTP@rm'), await token('HTTP@nn')]).to.deep.equal(['YII=', 'YII='])
    expect(asked).to.deep.equal([['HTTP@rm', { mechOID: OID }], '', ['HTTP@nn', { mechOID: OID }], ''])
    expect(loads).to.equal(1)
  })

  it('by the binding where the package is missing, and where it fails: the binding’s error says why', async () => {
    expect(await spnego({}, binding, () => Promise.resolve(undefined))('HTTP@rm')).to.equal('own HTTP@rm')
    const { package: kerberos } = packaged(() => Promise.reject(new Error('Unspecified GSS failure')))
    expect(await spnego({}, binding, () => Promise.resolve(kerberos))('HTTP@rm')).to.equal('own HTTP@rm')
    const failing = { negotiateToken: () => Promise.reject(new Error('no ticket: kinit alice')) }
    const outcome = await spnego({}, failing, () => Promise.resolve(kerberos))('HTTP@rm').catch((error: Error) => error.message)
    expect(outcome).to.equal('no ticket: kinit alice')
  })

  it('of a keytab, a principal or another cache: by the binding, the package cannot be given them', async () => {
    const refuse = () => Promise.reject(new Error('not to be loaded'))
    for (const settings of [{ keytab: '/k', principal: 'a' }, { principal: 'alice' }, { ticketCache: 'FILE:/c' }]) {
      expect(await spnego(settings, binding, refuse)('HTTP@rm')).to.equal('own HTTP@rm')
    }
  })
})
