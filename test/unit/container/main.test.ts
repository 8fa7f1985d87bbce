import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { SECRET_ALIAS } from '#core/cluster/application-descriptor.js'
import { entryPoint } from '#core/cluster/entry-points.js'
import { WORKER_DESCRIPTOR_VARIABLE, type WorkerDescriptor } from '#core/cluster/worker-descriptor.js'
import { localFileSystem } from '#core/fs/local-file-system.js'
import { writeLeader } from '#core/ha/leader-file.js'
import { resourceId } from '#core/ids/ids.js'
import { writeCredentials } from '#hadoop/security/credentials.js'
import { runCountingJob } from './counting-job.js'
import { allocateAll, ScriptedMaster } from './scripted-master.js'

describe('a TaskManager process', function () {
  this.timeout(30_000)
  let folder: string
  let children: ChildProcess[] = []
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'weft-container-'))
  })
  afterEach(async () => {
    for (const child of children) child.kill('SIGKILL')
    children = []
    await rm(folder, { recursive: true })
  })

  async function start(descriptor: Partial<WorkerDescriptor> | undefined, secret: Buffer) {
    const tokens = join(folder, 'tokens')
    await writeFile(tokens, writeCredentials({ tokens: new Map(), secrets: new Map([[SECRET_ALIAS, secret]]) }))
    const whole = {
      version: 1,
      resourceId: 'container_1',
      slots: 1,
      processMemory: 0,
      configuration: {},
      user: 'test',
      workingDirectory: folder,
      ...descriptor,
    }
    const child = spawn(process.execPath, [fileURLToPath(entryPoint('container'))], {
      env: {
        PATH: process.env['PATH'],
        HADOOP_TOKEN_FILE_LOCATION: tokens,
        NM_HOST: '127.0.0.1',
        ...(descriptor === undefined ? {} : { [WORKER_DESCRIPTOR_VARIABLE]: Buffer.from(JSON.stringify(whole)).toString('base64') }),
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    children.push(child)
    let log = ''
    child.stderr?.on('data', (chunk: Buffer) => (log += chunk.toString()))
    const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
    return { ended, log: () => log }
  }

  it('finds the next master by the leader file, works for it, and ends when it is told', async () => {
    const leaderFile = `file://${folder}/leader`
    const first = new ScriptedMaster()
    first.epoch = 1
    const port = await first.listen()
    const expected = first.expect('container_1')
    const { ended, log } = await start(
      { resourceId: resourceId('container_1'), master: { kind: 'address', host: '127.0.0.1', port, epoch: 1, leaderFile } },
      first.secret,
    )
    expect((await expected).host).to.equal('127.0.0.1')
    await first.close()
    const second = new ScriptedMaster()
    second.epoch = 2
    second.secret = first.secret
    const again = second.expect('container_1')
    await writeLeader(localFileSystem, leaderFile, { epoch: 2, host: '127.0.0.1', port: await second.listen() })
    const worker = await again
    await allocateAll(worker)
    await runCountingJob(second, [{ worker, slotIndex: 0 }], [{ worker, slotIndex: 0 }])
    await worker.gateway.shutdown({ reason: 'the job is done' })
    expect(await ended).to.equal(0)
    await second.close()
    expect(log()).to.contain('epoch 2').and.to.contain('the job is done')
    expect(log()).to.not.contain(first.secret.toString('hex')).and.not.contain(first.secret.toString('base64'))
  })

  it('ends with status 1 and says why: no master within the time', async () => {
    const configuration = { 'taskmanager.registration.timeout': '300 ms' }
    const { ended, log } = await start(
      { configuration, master: { kind: 'address', host: '127.0.0.1', port: 1, epoch: 1 } },
      Buffer.alloc(32),
    )
    expect(await ended).to.equal(1)
    expect(log()).to.contain('could not register').and.to.contain('taskmanager.registration.timeout').and.to.contain('127.0.0.1:1')
  })

  it('ends with status 1 and says why: refused', async () => {
    const master = new ScriptedMaster()
    const { ended, log } = await start(
      { master: { kind: 'address', host: '127.0.0.1', port: await master.listen(), epoch: 1 } },
      master.secret,
    )
    expect(await ended).to.equal(1)
    expect(log()).to.contain('refused TaskManager container_1: unknown worker container_1')
    await master.close()
  })

  it('ends with status 1 and says why: not started by a JobManager', async () => {
    const { ended, log } = await start(undefined, Buffer.alloc(32))
    expect(await ended).to.equal(1)
    expect(log()).to.contain(`${WORKER_DESCRIPTOR_VARIABLE} is not set`)
  })
})
