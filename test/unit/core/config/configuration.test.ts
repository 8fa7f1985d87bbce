import { expect } from 'chai'
import { Configuration, InvalidOptionValue, UnknownOption } from '#core/config/configuration.js'
import { nearest } from '#core/config/nearest.js'
import { declaredOptions } from '#core/config/option.js'
import { HEARTBEAT_INTERVAL, TASK_SLOTS } from '#core/config/options/cluster.js'
import { BUFFER_TIMEOUT, RUNTIME_MODE } from '#core/config/options/execution.js'

function failure(action: () => unknown): unknown {
  try {
    action()
  } catch (error) {
    return error
  }
  return undefined
}

describe('Configuration', () => {
  it('gives defaults, and values in their types', () => {
    expect(Configuration.empty.get(HEARTBEAT_INTERVAL)).to.equal(10_000)
    expect(Configuration.of({ 'heartbeat.interval': '2 s' }).get(HEARTBEAT_INTERVAL)).to.equal(2000)
    expect(Configuration.of({ 'execution.runtime-mode': 'batch' }).get(RUNTIME_MODE)).to.equal('BATCH')
  })

  it('reads deprecated keys, the new one first', () => {
    expect(Configuration.of({ 'execution.buffer-timeout': '5 ms' }).get(BUFFER_TIMEOUT)).to.equal(5)
    expect(
      Configuration.of({ 'execution.buffer-timeout': '5 ms', 'execution.buffer-timeout.interval': '7 ms' }).get(BUFFER_TIMEOUT),
    ).to.equal(7)
  })

  it('names the nearest key to an unknown one', () => {
    const error = failure(() => Configuration.of({ 'paralelism.default': '2' }).validate('-D'))
    expect(UnknownOption.is(error)).to.equal(true)
    expect((error as Error).message).to.equal("Unknown configuration option 'paralelism.default' (-D). Did you mean 'parallelism.default'?")
  })

  it('refuses ill-typed values, naming the type', () => {
    const error = failure(() => Configuration.of({ 'taskmanager.numberOfTaskSlots': 'two' }).validate('conf/config.yaml'))
    expect(InvalidOptionValue.is(error)).to.equal(true)
    expect((error as Error).message).to.contain("'two', which is no Integer")
    expect(failure(() => Configuration.of({ 'taskmanager.numberOfTaskSlots': '0' }).get(TASK_SLOTS))).to.be.instanceOf(Error)
  })

  it('accepts the keys of Flink that have no effect here, and open families', () => {
    Configuration.of({
      'state.backend.rocksdb.memory.managed': 'true',
      'env.java.opts.all': '-Xmx1g',
      'containerized.master.env.LANG': 'C.UTF-8',
    }).validate('-D')
  })

  it('tells which keys have no effect', () => {
    const configuration = Configuration.of({
      'jobmanager.rpc.address': 'localhost',
      'parallelism.default': '2',
      'pekko.ask.timeout': '10 s',
    })
    configuration.validate('-D')
    expect(configuration.inertKeys()).to.deep.equal(['jobmanager.rpc.address', 'pekko.ask.timeout'])
  })

  it('masks secrets by the key’s name', () => {
    const shown = Configuration.of({ 'security.ssl.internal.keystore-password': 'hunter2', 'rest.port': '1' }).toMaskedEntries()
    expect(shown).to.deep.equal([
      { key: 'rest.port', value: '1' },
      { key: 'security.ssl.internal.keystore-password', value: '******' },
    ])
  })

  it('has a description for every option', () => {
    const options = declaredOptions()
    expect(options.length).to.be.greaterThan(70)
    for (const option of options) expect(option.description, option.key).to.have.length.greaterThan(10)
  })
})

describe('nearest', () => {
  it('finds typing mistakes and no more', () => {
    expect(nearest('slect', ['SELECT', 'INSERT'])).to.equal('SELECT')
    expect(nearest('dealy', ['delay', 'date'])).to.equal('delay')
    expect(nearest('zzz', ['delay', 'date'])).to.equal(undefined)
  })
})
