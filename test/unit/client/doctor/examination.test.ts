import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { neededGlibc } from '#client/doctor/checks.js'
import { examine, findingLines, type Check } from '#client/doctor/examination.js'

const good = (name: string, needs: readonly string[] = []): Check => ({ name, needs, run: () => Promise.resolve('fine') })
const bad = (name: string, needs: readonly string[] = []): Check => ({ name, needs, run: () => Promise.reject(new Error('broken')) })

describe('an examination', () => {
  it('goes on after a failure with what does not need it, and leaves the rest, also what needs what was left', async () => {
    const seen: string[] = []
    const findings = await examine(
      [
        good('a'),
        bad('b', ['a']),
        good('c', ['b']),
        good('d', ['c']),
        { name: 'e', needs: ['a'], run: () => Promise.resolve({ concern: 'soon over' }) },
        good('f', ['e']),
      ],
      (error) => (error as Error).message,
      ({ name }) => seen.push(name),
    )
    expect(findings.map(({ outcome }) => outcome)).to.deep.equal(['good', 'bad', 'skipped', 'skipped', 'concern', 'good'])
    expect(findings[2]?.text).to.equal('not looked at without: b')
    expect(seen).to.deep.equal(['a', 'b', 'c', 'd', 'e', 'f'])
  })
  it('is told in columns, long texts below each other', () => {
    expect(findingLines({ name: 'login', outcome: 'bad', text: 'no ticket\nkinit' }, 8)).to.equal(
      'FAIL login     no ticket\n               kinit',
    )
  })
  it('knows the newest glibc that a binary needs, also where it is cut in two', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'weft-doctor-'))
    try {
      const file = join(folder, 'node')
      const bytes = Buffer.alloc((1 << 20) + 100)
      bytes.write('GLIBC_2.9', 10)
      bytes.write('GLIBC_2.28', (1 << 20) - 5)
      bytes.write('GLIBC_2.17', (1 << 20) + 50)
      writeFileSync(file, bytes)
      expect(await neededGlibc(file)).to.equal('2.28')
      writeFileSync(file, 'nothing')
      expect(await neededGlibc(file)).to.equal(undefined)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})
