import { expect } from 'chai'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { cancelWithSavepoint, checkpoint, checkType, required, savepoint, stop } from '#client/cli/savepoints.js'

const JOB = 'd'.repeat(32)
const TRIGGER = 'e'.repeat(32)

/** A master with these jobs; what it was asked to do, and the answers to the question what became of it. */
class ScriptedMaster {
  readonly asked: string[] = []
  answers: unknown[] = []
  jobs = [{ jid: JOB, name: 'counts', state: 'RUNNING' }]
  readonly #server: Server

  constructor() {
    this.#server = createServer((request, response) => {
      const url = new URL(request.url ?? '/', 'http://master')
      const say = (body: unknown, status = 200) => response.writeHead(status).end(JSON.stringify(body))
      if (url.pathname === '/jobs/overview') return void say({ jobs: this.jobs })
      const body = Buffer.from(url.searchParams.get('request') ?? '', 'base64url').toString('utf8')
      this.asked.push(`${request.method} ${url.pathname}${body === '' ? '' : ` ${body}`}`)
      if (request.method === 'PUT') return void say({ 'request-id': TRIGGER }, 202)
      const answer = this.answers.shift()
      say(answer, answer === undefined ? 404 : 200)
    })
  }

  async listen(): Promise<string> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  close(): void {
    this.#server.closeAllConnections()
    this.#server.close()
  }
}

const IN_PROGRESS = { status: { id: 'IN_PROGRESS' }, operation: null }
const completed = (operation: unknown) => ({ status: { id: 'COMPLETED' }, operation })

describe('weft savepoint, stop and checkpoint', () => {
  let master: ScriptedMaster
  let options: Parameters<typeof savepoint>[0]
  beforeEach(async () => {
    master = new ScriptedMaster()
    const jobManager = await master.listen()
    options = {
      job: JOB,
      jobManager,
      applicationId: undefined,
      properties: [],
      installation: '/nowhere',
      detached: false,
      directory: undefined,
    }
  })
  afterEach(() => master.close())

  async function said(action: () => Promise<number>): Promise<string[]> {
    const { write } = process.stdout
    let text = ''
    process.stdout.write = ((chunk: string) => (text += chunk) !== '') as typeof process.stdout.write
    try {
      expect(await action()).to.equal(0)
    } finally {
      process.stdout.write = write
    }
    return text.trimEnd().split('\n')
  }
  const refused = async (action: () => Promise<number>) => {
    try {
      await said(action)
    } catch (error) {
      return (error as Error).message
    }
    throw new Error('nothing was refused')
  }

  it('say what Flink’s command says', async () => {
    master.answers = [IN_PROGRESS, completed({ location: 'file:///sp/savepoint-1' })]
    expect(await said(() => savepoint({ ...options, directory: 'hdfs://nn/ä' }))).to.deep.equal([
      `Triggering savepoint for job ${JOB}.`,
      'Waiting for response...',
      'Savepoint completed. Path: file:///sp/savepoint-1',
      'You can resume your program from this savepoint with the run command.',
    ])
    expect(master.asked).to.deep.equal([
      `PUT /jobs/${JOB}/savepoints {"target-directory":"hdfs://nn/ä","cancel-job":false}`,
      `GET /jobs/${JOB}/savepoints/${TRIGGER}`,
      `GET /jobs/${JOB}/savepoints/${TRIGGER}`,
    ])
    master.answers = [completed({ location: 'file:///sp/savepoint-2' })]
    expect(await said(() => stop({ ...options, drain: true }))).to.deep.equal([
      `Draining job "${JOB}" with a CANONICAL savepoint.`,
      `Triggering stop-with-savepoint for job ${JOB}.`,
      'Waiting for response...',
      'Savepoint completed. Path: file:///sp/savepoint-2',
    ])
    expect(master.asked.slice(3)).to.deep.equal([
      `PUT /jobs/${JOB}/stop {"targetDirectory":null,"drain":true}`,
      `GET /jobs/${JOB}/savepoints/${TRIGGER}`,
    ])
    master.answers = [completed({ checkpointId: 100 })]
    expect(await said(() => checkpoint({ ...options, full: true }))).to.deep.equal([
      `Triggering checkpoint for job ${JOB}.`,
      'Waiting for response...',
      `Checkpoint 100 for job ${JOB} completed.`,
      'You can resume your program from this checkpoint with the run command.',
    ])
    master.answers = [completed({ location: 'file:///sp/savepoint-3' })]
    expect((await said(() => cancelWithSavepoint(options))).at(-1)).to.equal(
      `Cancelled job ${JOB}. Savepoint stored in file:///sp/savepoint-3.`,
    )
  })

  it('return at once when detached', async () => {
    expect((await said(() => savepoint({ ...options, detached: true }))).slice(-1)).to.deep.equal([
      `Successfully trigger manual savepoint, triggerId: ${TRIGGER}`,
    ])
  })

  it('find the only running job of an application, and refuse to guess', async () => {
    master.jobs = [
      { jid: 'a'.repeat(32), name: 'done', state: 'FINISHED' },
      { jid: JOB, name: 'counts', state: 'RUNNING' },
    ]
    expect(await said(() => savepoint({ ...options, job: 'application_1_1', detached: true }))).to.include(
      `Triggering savepoint in detached mode for job ${JOB}.`,
    )
    master.jobs = master.jobs.map((job) => ({ ...job, state: 'RUNNING' }))
    expect(await refused(() => savepoint({ ...options, job: 'application_1_1' }))).to.equal(
      `application_1_1 runs several jobs, name one by its id: ${'a'.repeat(32)} (done), ${JOB} (counts)`,
    )
    expect(await refused(() => savepoint({ ...options, job: 'f'.repeat(32) }))).to.match(/^No job f{32} runs at 127/)
    expect(await refused(() => savepoint({ ...options, job: 'counts' }))).to.match(/'counts' is neither an application id/)
  })

  it('tell why the master could not, without its stack', async () => {
    const trace = 'SAVEPOINT_NO_DIRECTORY: No directory.\n    at x (file:///y.js:1:2)\nCaused by: FS_FAILED: gone\n    at z'
    master.answers = [completed({ 'failure-cause': { class: 'SAVEPOINT_NO_DIRECTORY', 'stack-trace': trace } })]
    expect(await refused(() => savepoint(options))).to.equal('The savepoint failed: No directory.\nCaused by: gone')
  })

  it('want a job, and know the formats', () => {
    expect(() => required(undefined)).to.throw(/Missing JobID/)
    expect(() => checkType('parquet')).to.throw(/Unknown savepoint format 'parquet'/)
    checkType('NATIVE')
  })
})
