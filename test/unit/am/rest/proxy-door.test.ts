import { createServer, request, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect } from 'chai'
import { admit, behindProxy, proxyUser, type DoorRules } from '#am/rest/proxy-door.js'

const RULES: DoorRules = { owner: 'alice', viewAcl: 'bob,carol staff', modifyAcl: 'dave' }
const PROXIES = new Set(['10.0.0.1'])
/** What somebody may; a number: why not. */
const ask = (user: string | undefined, address = '10.0.0.1', rules = RULES) => {
  const found = admit({ address, cookies: user === undefined ? '' : `a=b; proxy-user=${user}` }, PROXIES, rules)
  return 'right' in found ? found.right : found.status
}

describe('the door of a Kerberized application', () => {
  it('opens to the owner and those in the ACLs who come by the proxy, for seeing or for changing', () => {
    expect([ask('alice'), ask('dave'), ask('bob'), ask('carol')]).to.deep.equal(['MODIFY', 'MODIFY', 'VIEW', 'VIEW'])
    expect(ask('mallory', '10.0.0.1', { ...RULES, viewAcl: '*' })).to.equal('VIEW')
  })
  it('stays shut to everybody else, and a group is no user', () => {
    expect([ask('mallory'), ask('staff'), ask('Alice'), ask('alice2')]).to.deep.equal(Array(4).fill(403))
    expect(ask(undefined)).to.equal(401)
  })
  it('believes no cookie that does not come from the proxy, nor two', () => {
    expect(ask('alice', '10.0.0.2')).to.equal(403)
    expect(proxyUser('proxy-user=alice; proxy-user=mallory')).to.equal(undefined)
    expect([proxyUser('xproxy-user=alice'), proxyUser('proxy-user='), proxyUser('proxy-user="alice"')]).to.deep.equal([
      undefined,
      undefined,
      'alice',
    ])
    expect(proxyUser(`proxy-user=alice;${'x'.repeat(20_000)}`)).to.equal(undefined)
  })

  describe('over HTTP', () => {
    let server: Server
    let proxies: ReadonlySet<string> = new Set()
    let lookups = 0
    const clock = { time: 0, now: () => 0, monotonic: () => clock.time }
    before((done) => {
      const answer = behindProxy((_request, response, admission) => void response.end(JSON.stringify(admission)), {
        rules: RULES,
        clock,
        resolveProxies: () => {
          lookups++
          return Promise.resolve(proxies)
        },
      })
      server = createServer(answer).listen(0, '127.0.0.1', done)
    })
    after(() => server.close())
    const get = (cookie: string): Promise<string> =>
      new Promise((resolve, reject) => {
        request({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', headers: { cookie } }, (response) => {
          let text = ''
          response.on('data', (chunk: Buffer) => (text += chunk.toString()))
          response.on('end', () => resolve(`${response.statusCode} ${text}`))
        })
          .on('error', reject)
          .end()
      })

    it('refuses in words, and notices that the proxy has moved without asking the resolver each time', async () => {
      expect(await get('proxy-user=alice')).to.match(/^403 \{"errors":\["This endpoint answers YARN’s web proxy only/)
      expect(await get('proxy-user=alice')).to.match(/^403/)
      expect(lookups).to.equal(1)
      proxies = new Set(['127.0.0.1'])
      clock.time += 10_000
      expect(await get('proxy-user=alice')).to.equal('200 {"user":"alice","owner":"alice","right":"MODIFY"}')
      expect(await get('proxy-user=mallory')).to.equal('403 {"errors":["User mallory may not see the jobs of alice (yarn.view.acls)."]}')
      expect(lookups).to.equal(2)
    })
  })
})
