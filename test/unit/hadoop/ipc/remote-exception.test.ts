import { expect } from 'chai'
import { CallTimedOut, ConnectionLost, ServerUnreachable } from '#hadoop/ipc/errors.js'
import { InvalidToken, NotRegistered, RemoteException, isRemoteException, remoteException } from '#hadoop/ipc/remote-exception.js'
import { backoff, isTransient, retryDecision } from '#hadoop/ipc/retry.js'

const from = (className: string, message = 'm') => remoteException({ className, message, server: 'rm:8030', call: 'allocate' })

describe('a remote exception', () => {
  it('keeps its Java class, shows the first line and keeps the rest for the log', () => {
    const error = from(
      'java.io.IOException',
      'java.io.IOException: disk full\nsecond line\n\tat org.apache.hadoop.X.y(X.java:12)\n\tat z(Z.java)',
    )
    expect(RemoteException.is(error)).to.equal(true)
    expect(error.message).to.equal('rm:8030 answered allocate with IOException: disk full')
    expect(error.details).to.include({ className: 'java.io.IOException', reason: 'disk full', server: 'rm:8030' })
    expect(error.details.trace).to.match(/^second line\n\tat org/)
    expect(isRemoteException(error)).to.equal(true)
  })

  it('shows its class when it has no message', () => {
    expect(from('java.lang.NullPointerException', '\n\tat a.b.C(D.java:1)').message).to.match(/NullPointerException/)
  })

  it('is recognised by its class, nested ones too', () => {
    expect(InvalidToken.is(from('org.apache.hadoop.security.token.SecretManager$InvalidToken'))).to.equal(true)
    expect(NotRegistered.is(from('org.apache.hadoop.yarn.exceptions.ApplicationMasterNotRegisteredException'))).to.equal(true)
    expect(isRemoteException(new ServerUnreachable({ server: 's', reason: 'r' }))).to.equal(false)
  })
})

describe('the retry policy', () => {
  const lost = new ConnectionLost({ server: 's', reason: 'r' })
  const late = new CallTimedOut({ server: 's', call: 'c', timeoutMs: 1 })
  it('decides by the class of the failure and of the call', () => {
    const decisions = [
      new ServerUnreachable({ server: 's', reason: 'r' }),
      from('org.apache.hadoop.ipc.StandbyException'),
      lost,
      late,
      from('org.apache.hadoop.ipc.RetriableException'),
      from('org.apache.hadoop.security.token.SecretManager$InvalidToken'),
      from('java.io.IOException'),
      new Error('bug'),
    ].map((error) => [retryDecision(error, 'idempotent'), retryDecision(error, 'at-most-once'), isTransient(error)])
    expect(decisions).to.deep.equal([
      ['failover', 'failover', true],
      ['failover', 'failover', true],
      ['failover', 'give-up', true],
      ['failover', 'give-up', true],
      ['retry-here', 'retry-here', true],
      ['give-up', 'give-up', false],
      ['give-up', 'give-up', false],
      ['give-up', 'give-up', false],
    ])
  })

  it('backs off to a maximum', () => {
    const policy = { initialMs: 100, maximumMs: 1_000 }
    expect([0, 1, 2, 3, 4, 100].map((attempt) => backoff(policy, attempt, 1))).to.deep.equal([100, 200, 400, 800, 1000, 1000])
    expect(backoff(policy, 1, 0)).to.equal(100)
  })
})
