import { expect } from 'chai'
import fc from 'fast-check'
import {
  applicationOfContainer,
  formatApplicationAttemptId,
  formatApplicationId,
  formatContainerId,
  parseApplicationAttemptId,
  parseApplicationId,
  parseContainerId,
} from '#hadoop/yarn/identifiers.js'

const attempt = (application: number, id: number, clusterTimestamp = 1795421644448n) => ({
  applicationId: { id: application, clusterTimestamp },
  attemptId: id,
})

describe('YARN identifiers', () => {
  it('have the texts of Java', () => {
    expect(formatApplicationId({ id: 1, clusterTimestamp: 1795421644448n })).to.equal('application_1795421644448_0001')
    expect(formatApplicationAttemptId(attempt(12345, 2))).to.equal('appattempt_1795421644448_12345_000002')
    expect(formatContainerId({ appAttemptId: attempt(1, 1), id: 2n })).to.equal('container_1795421644448_0001_01_000002')
  })

  it('carry the epoch of a restarted ResourceManager (test vector)', () => {
    const id = { appAttemptId: attempt(1, 1), id: 2199023255554n }
    expect(formatContainerId(id)).to.equal('container_e02_1795421644448_0001_01_000002')
    expect(parseContainerId('container_e02_1795421644448_0001_01_000002')).to.deep.equal(id)
    expect(applicationOfContainer('container_e02_1795421644448_0001_01_000002')).to.equal('application_1795421644448_0001')
  })

  it('come back from their texts', () => {
    const int = fc.integer({ min: 0, max: 2 ** 31 - 1 })
    const timestamp = fc.bigInt({ min: 0n, max: 2n ** 63n - 1n })
    fc.assert(
      fc.property(int, int, timestamp, fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }), (application, id, clusterTimestamp, container) => {
        const record = attempt(application, id, clusterTimestamp)
        expect(parseApplicationId(formatApplicationId(record.applicationId))).to.deep.equal(record.applicationId)
        expect(parseApplicationAttemptId(formatApplicationAttemptId(record))).to.deep.equal(record)
        const whole = { appAttemptId: record, id: container }
        expect(parseContainerId(formatContainerId(whole))).to.deep.equal(whole)
      }),
    )
  })

  it('are refused when malformed or too large', () => {
    for (const text of [
      '',
      'container_1_1_1',
      'container_e_1_1_1_1',
      'application_1_1',
      'container_1_1_1_1_1',
      ' container_1_0001_01_000001',
      'container_1_99999999999_01_000001',
      `container_1_0001_01_${2 ** 41}`,
    ]) {
      expect(() => parseContainerId(text), text)
        .to.throw()
        .with.property('code', 'YARN_MALFORMED_IDENTIFIER')
    }
    expect(() => parseApplicationId('application_x_0001')).to.throw(/'application_x_0001' is not a YARN application id/)
  })
})
