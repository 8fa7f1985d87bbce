import { expect } from 'chai'
import fc from 'fast-check'
import { WeftError } from '#core/errors/define-error.js'
import { isRemoteException } from '#hadoop/ipc/remote-exception.js'
import { HadoopHttpFailed, networkReason, shownUrl } from '#hadoop/rest/errors.js'
import { describeBody, errorOfAnswer, parseRemoteException } from '#hadoop/rest/remote-exception.js'

const errorOf = (status: number, body: string) =>
  errorOfAnswer({ method: 'GET', url: 'http://nn:9870/webhdfs/v1/a?op=OPEN&delegation=SECRET', status, body, call: 'OPEN /a' })

describe('answers that refuse', () => {
  it('become errors that keep the Java class name, without the stack', () => {
    const message = 'File /a does not exist.\n\tat org.apache.hadoop.Foo.bar(Foo.java:1)\n\tat x.Y.z(Y.java:2)'
    const error = errorOf(
      404,
      JSON.stringify({ RemoteException: { exception: 'FileNotFoundException', javaClassName: 'java.io.FileNotFoundException', message } }),
    )
    expect(isRemoteException(error) && error.details).to.include({
      className: 'java.io.FileNotFoundException',
      reason: 'File /a does not exist.',
      server: 'http://nn:9870',
    })
    expect(error.message).not.to.include('Foo.java')
  })

  it('lose the wrapper that the ResourceManager puts in front of the message', () => {
    const body = {
      RemoteException: {
        exception: 'NotFoundException',
        message: 'java.lang.Exception: app with id: application_1_1 not found',
        javaClassName: 'org.apache.hadoop.yarn.webapp.NotFoundException',
      },
    }
    expect(parseRemoteException(JSON.stringify(body))?.message).to.equal('app with id: application_1_1 not found')
  })

  it('do without a class name or a message', () => {
    expect(parseRemoteException('{"RemoteException":{"exception":"OddException"}}')).to.deep.equal({
      className: 'OddException',
      message: 'OddException',
    })
  })

  it('may be plain text with a JSON type, HTML or XML: told in one line', () => {
    expect(errorOf(403, 'App submission via REST\nis disabled.').message).to.equal(
      'GET http://nn:9870/webhdfs/v1/a answered HTTP 403: App submission via REST is disabled.',
    )
    expect(
      describeBody('<html><head><title>x</title><style>b{}</style></head><body><h2>HTTP ERROR 404</h2><p>Not Found</p></body></html>'),
    ).to.equal('HTTP ERROR 404 Not Found')
    expect(errorOf(500, '').message).to.match(/HTTP 500$/)
  })

  it('never fail to be described, whatever they hold, and never show a query', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ maxLength: 200 }), fc.json()), fc.integer({ min: 300, max: 599 }), (body, status) => {
        const error = errorOf(status, body)
        expect(error).to.be.instanceOf(WeftError)
        expect(error.message).not.to.include('SECRET')
        expect(HadoopHttpFailed.is(error) || isRemoteException(error)).to.equal(true)
      }),
    )
  })

  it('show URLs without query and user info', () => {
    expect(shownUrl('http://u:p@h:1/a?delegation=x')).to.equal('http://h:1/a')
    expect(shownUrl('not a url?x=y')).to.equal('not a url')
  })

  it('name a network failure in words', () => {
    const failure = (code: string) => Object.assign(new Error('raw'), { code })
    expect(networkReason(failure('ECONNREFUSED'))).to.include('connection refused')
    expect(networkReason(failure('ENOTFOUND'))).to.include('host name is not known')
    expect(networkReason(Object.assign(new Error(''), { errors: [failure('ECONNREFUSED')] }))).to.include('connection refused')
    expect(networkReason(new Error('odd'))).to.equal('odd')
  })
})
