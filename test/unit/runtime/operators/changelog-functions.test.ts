import { operatorTest } from '../../../operators/harness.js'

const KINDS = ['INSERT', 'UPDATE_BEFORE', 'UPDATE_AFTER', 'DELETE'].map((code, kind) => ({ code, kind }))

describe('TO_CHANGELOG and FROM_CHANGELOG', () => {
  it('the kind of a row becomes a column; kinds without a code are left out', () =>
    operatorTest({ op: 'to-changelog', codes: ['I', null, 'U', ''] }, 'k STRING, v INT', 'op STRING, k STRING, v INT')
      .input(
        `+I a 1
      -U a 1
      +U a 2
      watermark 5
      -D a 2
      +I NULL NULL`,
      )
      .output(
        `+I I a 1
      +I U a 2
      watermark 5
      +I '' a 2
      +I I NULL NULL`,
      ))

  it('a column becomes the kind of its row', () =>
    operatorTest({ op: 'from-changelog', column: 1, kinds: KINDS }, 'k STRING, op STRING, v INT', 'k STRING, v INT')
      .input(
        `+I a INSERT 1
      +I a UPDATE_BEFORE 1
      +I a UPDATE_AFTER 2
      +I a DELETE 2`,
      )
      .output(
        `+I a 1
      -U a 1
      +U a 2
      -D a 2`,
      ))

  it('fails at a code that nothing is said of, and at NULL', async () => {
    const test = operatorTest({ op: 'from-changelog', column: 1, kinds: KINDS }, 'k STRING, op STRING', 'k STRING')
    await test.input('+I a insert').fails('INVALID_OP_CODE', /Received invalid op code 'insert' in column 'op'/)
    await test.input('+I a NULL').fails('INVALID_OP_CODE', /Received NULL op code/)
  })
})
