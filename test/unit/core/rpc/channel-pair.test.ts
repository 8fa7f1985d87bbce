import { expect } from 'chai'
import { channelPair } from '#core/rpc/channel-pair.js'

const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

describe('a channel within a thread', () => {
  it('brings copies, in order, in a later turn, to a listener that comes late, too', async () => {
    const [here, there] = channelPair('a', 'b')
    expect([here.peer, there.peer]).to.deep.equal(['b', 'a'])
    const message = { list: [1] }
    here.send(message)
    here.send('second')
    message.list.push(2)
    await turn()
    const seen: unknown[] = []
    there.onMessage((each) => seen.push(each))
    expect(seen).to.deep.equal([])
    await turn()
    expect(seen).to.deep.equal([{ list: [1] }, 'second'])
    there.onMessage((each) => there.send([each]))
    here.onMessage((each) => seen.push(each))
    here.send('third')
    await turn()
    await turn()
    expect(seen.at(-1)).to.deep.equal(['third'])
  })

  it('closes both ends once, the far one after what was sent before', async () => {
    const [here, there] = channelPair('a', 'b')
    const seen: unknown[] = []
    here.onClose(() => seen.push('here'))
    there.onClose(() => seen.push('there'))
    there.onMessage((each) => seen.push(each))
    here.send('last')
    here.close()
    here.close()
    here.send('too late')
    await turn()
    await turn()
    await turn()
    there.close()
    expect(seen).to.deep.equal(['here', 'last', 'there'])
  })
})
