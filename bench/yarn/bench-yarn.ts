/**
 * `make bench-yarn`: what a submission costs on a pseudo-distributed Hadoop at the stock 1 s NodeManager heartbeat, as medians of 5.
 * Baseline in the same run: Hadoop's distributed shell with the same number of containers (an application master and one more).
 *
 * The job is bench/yarn/first-output.sql at parallelism 1. Times run from the start of the command. Cold: the runtime archive is not in
 * HDFS, so it is uploaded and localized anew; warm: it is there and the NodeManagers have it.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { availableParallelism, totalmem } from 'node:os'
import { join } from 'node:path'
import { projectRoot, startPseudoHadoop, upload, type PseudoHadoop } from '#tools/pseudo-hadoop.js'

const RUNS = 5
const USER = 'alice'
const IDLE_SECONDS = 8

interface Submission {
  readonly running: number
  readonly firstOutput: number
  readonly end: number
  readonly clientCpu: number
}

const seconds = (since: number): number => (performance.now() - since) / 1000
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? (sorted[middle] ?? NaN) : ((sorted[middle - 1] ?? NaN) + (sorted[middle] ?? NaN)) / 2
}

/** The command under bash's `time`, which tells the CPU seconds of the process and its children. */
function timed(
  command: readonly string[],
  environment: Readonly<Record<string, string>>,
): { child: ChildProcess; done: Promise<{ text: string; status: number; cpu: number }>; onText(listener: (text: string) => void): void } {
  const child = spawn('bash', ['-c', 'TIMEFORMAT="cpu %U %S"; time "$@"', 'bash', ...command], {
    cwd: projectRoot,
    env: { ...process.env, ...environment, HADOOP_USER_NAME: USER },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let text = ''
  const listeners: ((text: string) => void)[] = []
  const take = (chunk: Buffer): void => {
    text += chunk.toString('utf8')
    for (const listener of listeners) listener(text)
  }
  child.stdout.on('data', take)
  child.stderr.on('data', take)
  const done = new Promise<{ text: string; status: number; cpu: number }>((resolve) => {
    child.on('close', (status) => {
      const [, user = '0', system = '0'] = /cpu ([\d.]+) ([\d.]+)/.exec(text) ?? []
      resolve({ text, status: status ?? 1, cpu: Number(user) + Number(system) })
    })
  })
  return { child, done, onText: (listener) => void listeners.push(listener) }
}

const weft = (hadoop: PseudoHadoop, ...args: string[]): string[] => [
  process.execPath,
  join(projectRoot, 'bin/weft.mjs'),
  ...args,
  '-D',
  `fs.default-scheme=${hadoop.defaultFs}`,
]

async function submitOnce(hadoop: PseudoHadoop): Promise<Submission> {
  const hdfs = hadoop.fileSystem(USER)
  const output = `${hadoop.defaultFs}/user/${USER}/bench/out`
  await hdfs.delete(output)
  const start = performance.now()
  const command = timed(weft(hadoop, 'run', '-t', 'yarn-application', '-p', '1', 'bench/yarn/first-output.sql'), hadoop.environment)
  let running = NaN
  let firstOutput = NaN
  let ended = false
  command.onText((text) => {
    // A progress line of a vertex whose only subtask runs, or has run already.
    if (Number.isNaN(running) && /^ +(RUNNING|FINISHED) +1\/1 /m.test(text)) running = seconds(start)
  })
  const watch = (async () => {
    while (!ended) {
      const files = await hdfs.list(output).catch(() => [])
      if (files.some((file) => !file.directory && !/\/[._][^/]*$/.test(file.path))) {
        firstOutput = seconds(start)
        return
      }
      await pause(20)
    }
  })()
  const { status, text, cpu } = await command.done
  const end = seconds(start)
  await pause(50)
  ended = true
  await watch
  if (status !== 0) throw new Error(`weft run failed:\n${text}`)
  if (Number.isNaN(firstOutput)) firstOutput = end
  return { running, firstOutput, end, clientCpu: cpu }
}

async function submissions(hadoop: PseudoHadoop, cold: boolean): Promise<Submission[]> {
  const hdfs = hadoop.fileSystem(USER)
  const all: Submission[] = []
  for (let run = 0; run < RUNS; run++) {
    if (cold) await hdfs.delete(`${hadoop.defaultFs}/user/${USER}/.weft/runtime`)
    all.push(await submitOnce(hadoop))
    await pause(1500)
  }
  return all
}

async function distributedShell(hadoop: PseudoHadoop): Promise<number[]> {
  const jars = join(hadoop.environment['HADOOP_HOME'] ?? '', 'jars')
  const jar = join(jars, readdirSync(jars).find((name) => name.startsWith('hadoop-yarn-applications-distributedshell-')) ?? '')
  const times: number[] = []
  for (let run = 0; run < RUNS; run++) {
    const start = performance.now()
    const command = timed(
      [
        'bash',
        'test/hadoop/cluster.sh',
        'java',
        'org.apache.hadoop.yarn.applications.distributedshell.Client',
        '-jar',
        jar,
        '-shell_command',
        'hostname',
        '-num_containers',
        '1',
        '-container_memory',
        '256',
        '-master_memory',
        '256',
      ],
      { ...hadoop.environment, HADOOP_PSEUDO_LOGLEVEL: 'INFO' },
    )
    const { status, text } = await command.done
    if (status !== 0) throw new Error(`distributed shell failed:\n${text.slice(-2000)}`)
    times.push(seconds(start))
    await pause(1500)
  }
  return times
}

/** Resident set of a process in MiB. */
function residentMiB(pid: string): number {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024
}

function processes(pattern: RegExp, marker: string): string[] {
  return readdirSync('/proc').filter((name) => {
    if (!/^\d+$/.test(name)) return false
    try {
      return (
        pattern.test(readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ')) &&
        !/^bash\0/.test(readFileSync(`/proc/${name}/cmdline`, 'utf8')) &&
        readFileSync(`/proc/${name}/environ`, 'utf8').includes(marker)
      )
    } catch {
      return false
    }
  })
}

async function idleMemory(hadoop: PseudoHadoop): Promise<{ client: number; am: number; tm: number; grantedMb: number }> {
  const command = timed(weft(hadoop, 'run', '-t', 'yarn-application', '-p', '1', 'bench/yarn/idle.sql'), hadoop.environment)
  const applicationId = await new Promise<string>((resolve, reject) => {
    let id: string | undefined
    command.onText((text) => {
      id ??= /application_\d+_\d+/.exec(text)?.[0]
      if (id !== undefined && /^ +RUNNING +1\/1 /m.test(text)) resolve(id)
    })
    void command.done.then(({ text }) => reject(new Error(`the idle job ended:\n${text}`)))
  })
  await pause(IDLE_SECONDS * 1000)
  const one = (pattern: RegExp): number => Math.max(0, ...processes(pattern, hadoop.folder).map(residentMiB))
  const { app } = (await hadoop.cluster(`apps/${applicationId}`)) as { app: { allocatedMB: number } }
  const memory = {
    client: one(/bin\/weft\.mjs run/),
    am: one(/runtime\/am\.mjs/),
    tm: one(/runtime\/container\.mjs/),
    grantedMb: app.allocatedMB,
  }
  await timed(weft(hadoop, 'cancel', applicationId), hadoop.environment).done
  await command.done
  return memory
}

const archive = readdirSync(join(projectRoot, 'build')).find((name) => /^weft-runtime-.*\.tar\.gz$/.test(name)) ?? ''
const archiveMb = statSync(join(projectRoot, 'build', archive)).size / 1e6
const hadoop = startPseudoHadoop('bench-hadoop', ['--nodes', '2', '--heartbeat-ms', '1000'])
try {
  const data = join(projectRoot, 'examples/data/flights/part-0.json')
  await upload(hadoop.fileSystem(USER), [{ from: `file://${data}`, to: `${hadoop.defaultFs}/user/${USER}/bench/in/part-0.json` }])
  const shell = await distributedShell(hadoop)
  const cold = await submissions(hadoop, true)
  await submitOnce(hadoop) // both NodeManagers may not have localized the archive yet
  const warm = await submissions(hadoop, false)
  const memory = await idleMemory(hadoop)
  const of = (runs: readonly Submission[], field: keyof Submission): number => Number(median(runs.map((run) => run[field])).toFixed(2))
  const result = {
    machine: `${availableParallelism()} cores, ${Math.round(totalmem() / 2 ** 30)} GiB, client Node ${process.version}`,
    runs: RUNS,
    distributedShellSeconds: Number(median(shell).toFixed(2)),
    warm: {
      running: of(warm, 'running'),
      firstOutput: of(warm, 'firstOutput'),
      commandEnd: of(warm, 'end'),
      clientCpuSeconds: of(warm, 'clientCpu'),
    },
    cold: {
      running: of(cold, 'running'),
      firstOutput: of(cold, 'firstOutput'),
      commandEnd: of(cold, 'end'),
      clientCpuSeconds: of(cold, 'clientCpu'),
    },
    warmToDistributedShell: Number((median(warm.map((run) => run.end)) / median(shell)).toFixed(2)),
    archiveMB: Number(archiveMb.toFixed(1)),
    idleResidentMiB: { client: Math.round(memory.client), am: Math.round(memory.am), tm: Math.round(memory.tm) },
    grantedMB: memory.grantedMb,
  }
  process.stdout.write(`all warm: ${JSON.stringify(warm)}\nall cold: ${JSON.stringify(cold)}\nall shell: ${JSON.stringify(shell)}\n`)
  writeFileSync(join(projectRoot, 'build/bench-yarn.json'), JSON.stringify(result, undefined, 2))
  process.stdout.write(`${JSON.stringify(result, undefined, 2)}\n`)
} finally {
  hadoop.stop()
}
