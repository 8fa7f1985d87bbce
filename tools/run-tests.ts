/**
 * Runs the suites one after the other and prints, as its last line, `N passed, N failed`; before it all failures again, since the end of
 * a log is what is looked at. A suite that cannot run counts as failed.
 */
import { execFileSync, spawn } from 'node:child_process'

/** A suite that hangs is ended and has failed. */
const SUITES = [
  { config: 'test/unit/.mocharc.json', timeoutMinutes: 6 },
  { config: 'test/sim/.mocharc.json', timeoutMinutes: 4 },
  { config: 'test/integration/.mocharc.json', timeoutMinutes: 18 },
]

interface Totals {
  passed: number
  failed: number
  /** What mocha tells of the failed ones. */
  failures: string
}

function runSuite(config: string, timeoutMinutes: number): Promise<Totals> {
  return new Promise((resolve) => {
    process.stdout.write(`\n== mocha --config ${config}\n`)
    const child = spawn('node_modules/.bin/mocha', ['--config', config], { stdio: ['ignore', 'pipe', 'inherit'] })
    let text = ''
    child.stdout.on('data', (chunk: Buffer) => {
      process.stdout.write(chunk)
      text = (text + chunk.toString('utf8')).slice(-200_000)
    })
    const timer = setTimeout(() => {
      process.stdout.write(`\n${config}: not done after ${timeoutMinutes} minutes\n`)
      child.kill('SIGKILL')
    }, timeoutMinutes * 60_000)
    child.on('close', (code) => {
      clearTimeout(timer)
      const count = (word: string): number => Number(new RegExp(`^\\s+(\\d+) ${word}`, 'm').exec(text)?.[1] ?? 0)
      const totals = { passed: count('passing'), failed: count('failing'), failures: /^\s+\d+ failing\n[^]*/m.exec(text)?.[0] ?? '' }
      const ran = totals.passed + totals.failed > 0
      if (!ran || (code !== 0 && totals.failed === 0)) {
        process.stdout.write(`${config}: mocha ended with status ${code} and ${totals.passed} tests passed\n`)
        totals.failed++
      }
      const pending = count('pending')
      if (pending > 0) {
        process.stdout.write(`${config}: ${pending} tests were skipped; nothing may be\n`)
        totals.failed += pending
      }
      resolve(totals)
    })
  })
}

// Hadoop's jars come once, before anything is timed out (90 MB on a new machine).
execFileSync('bash', ['test/hadoop/fetch.sh'], { stdio: ['ignore', 'ignore', 'inherit'] })

const sum: Totals = { passed: 0, failed: 0, failures: '' }
for (const { config, timeoutMinutes } of SUITES) {
  const { passed, failed, failures } = await runSuite(config, timeoutMinutes)
  sum.passed += passed
  sum.failed += failed
  if (failed > 0) sum.failures += `\n== ${config}: ${failed} failed\n${failures}`
}
process.stdout.write(`${sum.failures}\n${sum.passed} passed, ${sum.failed} failed\n`)
process.exitCode = sum.failed === 0 ? 0 : 1
