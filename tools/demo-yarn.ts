/**
 * `make demo-yarn`: examples/flight-delays.sql unchanged on a two-node pseudo-distributed Hadoop, input and output in HDFS, two
 * TaskManagers. Starts the cluster, submits, checks what YARN says afterwards, compares the output with that of a local run, and
 * stops the cluster. Exit status 1 when anything is not as it should be.
 */
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { projectRoot, readText, startPseudoHadoop, upload } from './pseudo-hadoop.js'

const USER = 'alice'
const CLEANED_UP_WITHIN_MS = 5_000
const data = join(projectRoot, 'examples/data')

function weft(
  args: readonly string[],
  options: { cwd: string; environment?: Readonly<Record<string, string>>; quiet?: boolean },
): Promise<{ status: number; stderr: string }> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [join(projectRoot, 'bin/weft.mjs'), ...args], {
      cwd: options.cwd,
      env: { ...process.env, ...options.environment },
      stdio: ['ignore', options.quiet === true ? 'ignore' : 'inherit', 'pipe'],
    })
    let stderr = ''
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString('utf8')
      if (options.quiet !== true) process.stderr.write(chunk)
    })
    child.on('close', (status) => resolve({ status: status ?? 1, stderr }))
  })
}

const problems: string[] = []
const check = (holds: boolean, otherwise: string): void => {
  if (!holds) problems.push(otherwise)
}

/** The same script in one process, in a folder of its own. */
async function localOutput(): Promise<string[]> {
  const folder = join(projectRoot, 'build/demo-local')
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(join(folder, 'examples/data'), { recursive: true })
  for (const input of ['flights', 'airports']) symlinkSync(join(data, input), join(folder, 'examples/data', input))
  const { status, stderr } = await weft(['run', join(projectRoot, 'examples/flight-delays.sql')], { cwd: folder, quiet: true })
  if (status !== 0) throw new Error(`the local run failed:\n${stderr}`)
  const output = join(folder, 'examples/data/weekly-delays')
  return readdirSync(output)
    .filter((name) => !name.startsWith('.') && !name.startsWith('_'))
    .flatMap((name) => readFileSync(join(output, name), 'utf8').trimEnd().split('\n'))
    .sort()
}

/** Processes of the runtime archive that still run. */
function leftProcesses(): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim()
        return /runtime\/(am|container)\.mjs/.test(command) && readFileSync(`/proc/${pid}/environ`, 'utf8').includes(hadoop.folder)
          ? [`${pid} ${command}`]
          : []
      } catch {
        return [] // it has ended meanwhile
      }
    })
}

// One container per node and heartbeat, so that two TaskManagers of this small job land on both nodes.
const hadoop = startPseudoHadoop('demo-hadoop', [
  '--nodes',
  '2',
  '--set',
  'yarn.scheduler.capacity.per-node-heartbeat.maximum-container-assignments=1',
])
try {
  const hdfs = hadoop.fileSystem(USER)
  const home = `${hadoop.defaultFs}/user/${USER}`
  await upload(hdfs, [
    ...readdirSync(join(data, 'flights')).map((name) => ({
      from: `file://${data}/flights/${name}`,
      to: `${home}/examples/data/flights/${name}`,
    })),
    { from: `file://${data}/airports/airports.csv`, to: `${home}/examples/data/airports/airports.csv` },
  ])
  const run = await weft(
    ['run', '-t', 'yarn-application', '-p', '2', '-D', `fs.default-scheme=${hadoop.defaultFs}`, 'examples/flight-delays.sql'],
    {
      cwd: projectRoot,
      environment: { ...hadoop.environment, HADOOP_USER_NAME: USER },
    },
  )
  const ended = Date.now()
  check(run.status === 0, `weft run ended with status ${run.status}`)
  const applicationId = /application_\d+_\d+/.exec(run.stderr)?.[0]
  if (applicationId === undefined) throw new Error('weft run printed no application id')

  for (;;) {
    const { app } = (await hadoop.cluster(`apps/${applicationId}`)) as { app: { state: string; runningContainers: number } }
    const processes = leftProcesses()
    const gone = app.state === 'FINISHED' && app.runningContainers <= 0 && processes.length === 0
    if (gone) break
    if (Date.now() - ended > CLEANED_UP_WITHIN_MS) {
      check(
        false,
        `${CLEANED_UP_WITHIN_MS} ms after the end: state ${app.state}, ${app.runningContainers} containers, processes: ${processes.join('; ') || 'none'}`,
      )
      break
    }
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  const staging = await hdfs.status(`${home}/.weft/applications/${applicationId}`)
  check(staging === undefined, `the staging folder is still there: ${staging?.path ?? ''}`)

  const nodes = ['nm1', 'nm2'].filter((node) => {
    const logs = join(hadoop.folder, node, 'containers', applicationId)
    return existsSync(logs) && readdirSync(logs).some((name) => !name.endsWith('_000001'))
  })
  check(nodes.length === 2, `TaskManagers ran on ${nodes.join(', ') || 'no node'}, not on both`)

  const files = (await hdfs.list(`${home}/examples/data/weekly-delays`)).filter((file) => !file.directory)
  const lines = (await Promise.all(files.map((file) => readText(hdfs, file.path)))).flatMap((text) => text.trimEnd().split('\n')).sort()
  const local = await localOutput()
  check(
    lines.length > 1000 && lines.join('\n') === local.join('\n'),
    `the output in HDFS (${lines.length} rows) is not that of the local run (${local.length} rows)`,
  )

  const { app } = (await hadoop.cluster(`apps/${applicationId}`)) as { app: { state: string; finalStatus: string; diagnostics: string } }
  check(app.state === 'FINISHED' && app.finalStatus === 'SUCCEEDED', `YARN says ${app.state} / ${app.finalStatus}: ${app.diagnostics}`)
  if (problems.length === 0) {
    process.stdout.write(
      `${applicationId}: ${lines.length} rows, equal to the local run's; TaskManagers on ${nodes.join(' and ')}; nothing left behind\n`,
    )
    process.stdout.write(`${app.state} / ${app.finalStatus}\n`)
  }
} finally {
  hadoop.stop()
}
for (const problem of problems) process.stderr.write(`demo-yarn: ${problem}\n`)
process.exitCode = problems.length === 0 ? 0 : 1
