import { execFileSync } from 'node:child_process'
import { expect } from 'chai'
import fc from 'fast-check'
import { readCredentials } from '#hadoop/security/credentials.js'
import { TokenKind, type Token } from '#hadoop/security/tokens.js'
import { containerLaunchContext, yarnUrl } from '#hadoop/yarn/launch-context.js'
import { environmentValue, launchCommand, variable } from '#hadoop/yarn/shell-text.js'

/** What a NodeManager does to commands and values before it writes its script (ContainerLaunch.expandEnvironment). */
function nodeManagerReplaces(text: string): string {
  return text
    .replaceAll('<LOG_DIR>', '/logs')
    .replaceAll('<CPS>', ':')
    .replaceAll('<ADD_OPENS>', '--add-opens=x')
    .replaceAll('{{', '$')
    .replaceAll('}}', '')
}

/** Runs launch scripts as a NodeManager writes them; each prints NUL-separated words. */
function runAll(scripts: readonly string[]): string[][] {
  const joined = scripts.map((script) => `( ${script}\n)\nprintf '\\001'`).join('\n')
  return execFileSync('bash', ['-s'], { input: joined, maxBuffer: 1 << 26 })
    .toString()
    .split('\x01')
    .slice(0, -1)
    .map((part) => part.split('\0').slice(0, -1))
}

const nasty = fc.string({
  unit: fc.constantFrom(
    '{',
    '}',
    '{{',
    '}}',
    '<LOG_DIR>',
    '<CPS>',
    '<ADD_OPENS>',
    '<',
    '>',
    '$',
    '$HOME',
    '$(id)',
    '`',
    '\\',
    '"',
    "'",
    '!',
    '*',
    '~',
    ' ',
    '\n',
    '\t',
    'a',
    'ä',
    '😀',
    '%',
    '#',
    '&',
    ';',
    '|',
    '-',
  ),
  maxLength: 25,
})

describe('text for a container', () => {
  const samples = fc.sample(nasty, { numRuns: 150, seed: 7 })

  it('arrives in a variable as it was, through the replacements and bash', () => {
    const scripts = samples.map((text) => `export K="${nodeManagerReplaces(environmentValue('K', text))}"\nprintf '%s\\0' "$K"`)
    expect(runAll(scripts)).to.deep.equal(samples.map((text) => [text]))
  }).timeout(20_000)

  it('arrives as an argument as it was, through two shells', () => {
    const words = samples.filter((text) => text !== '').slice(0, 50)
    const scripts = words.map((text) => {
      const command = launchCommand({ argv: ['printf', '%s\\0', text, 'end'] }).replace(/ 1><LOG_DIR>.*$/, '')
      return `exec /bin/bash -c "${nodeManagerReplaces(command)}"`
    })
    expect(runAll(scripts)).to.deep.equal(words.map((text) => [text, 'end']))
  }).timeout(20_000)

  it('refuses what cannot be passed at all', () => {
    expect(() => environmentValue('K', 'a\0b')).to.throw(/the value of K .*NUL/)
    expect(() => environmentValue('A-B', 'x')).to.throw(/'A-B'/)
    expect(() => launchCommand({ argv: ['node'], stdout: '../x' })).to.throw(/without folders/)
  })

  it('is one command that replaces the shell and is redirected', () => {
    expect(launchCommand({ argv: ['runtime/node', '--max-old-space-size=200', 'runtime/am.mjs'] })).to.equal(
      'exec runtime/node --max-old-space-size=200 runtime/am.mjs 1><LOG_DIR>/stdout 2><LOG_DIR>/stderr',
    )
  })
})

describe('a launch context', () => {
  it('holds files, environment, command, and credentials without the AMRM token', () => {
    const amRm: Token = { identifier: Buffer.from([1]), password: Buffer.from([2]), kind: TokenKind.amRm, service: '' }
    const context = containerLaunchContext({
      resources: [
        { link: 'runtime', uri: 'hdfs://nn:8020/a b/r.tar.gz', size: 5, timestamp: 1795421644448, type: 'ARCHIVE', visibility: 'PUBLIC' },
      ],
      environment: { TEXT: '$x' },
      expandedEnvironment: { HOME_DIR: `${variable('PWD')}/h` },
      command: { argv: ['runtime/node'] },
      credentials: {
        tokens: new Map([
          ['', amRm],
          ['hdfs', { ...amRm, kind: TokenKind.hdfsDelegation }],
        ]),
        secrets: new Map([['s', Buffer.from('v')]]),
      },
      viewAcl: '*',
    })
    expect(context.localResources).to.deep.equal([
      {
        key: 'runtime',
        value: {
          resource: { scheme: 'hdfs', host: 'nn', port: 8020, file: '/a b/r.tar.gz', userInfo: undefined },
          size: 5n,
          timestamp: 1795421644448n,
          type: 'ARCHIVE',
          visibility: 'PUBLIC',
        },
      },
    ])
    expect(context.environment).to.deep.equal([
      { key: 'HOME_DIR', value: '{{PWD}}/h' },
      { key: 'TEXT', value: '\\$x' },
    ])
    expect(context.applicationAcls).to.deep.equal([{ accessType: 'VIEW_APP', acl: '*' }])
    const credentials = readCredentials(context.tokens!)
    expect([[...credentials.tokens.keys()], [...credentials.secrets.keys()]]).to.deep.equal([['hdfs'], ['s']])
  })

  it('names files as YARN does: raw paths, port -1 where there is none', () => {
    expect(yarnUrl('hdfs://ns/user/ä%20/x')).to.include({ scheme: 'hdfs', host: 'ns', port: -1, file: '/user/ä%20/x' })
    expect(yarnUrl('file:///tmp/x')).to.include({ scheme: 'file', host: undefined, port: -1, file: '/tmp/x' })
    expect(() => yarnUrl('relative/path')).to.throw(/not an absolute URI/)
  })
})
