import { expect } from 'chai'
import { functionCoordinators } from '#api/host/coordinators.js'
import type { JobId, OperatorId } from '#core/ids/ids.js'
import type { Source } from '#runtime/operators/process/connectors.js'
import type { FunctionDefinition } from '#runtime/operators/process/definition.js'

const OPERATOR = 'a' as OperatorId

describe("the enumerator of a program's source", () => {
  it('gets back what it hands out for a subtask that was started again meanwhile', async () => {
    const answers: ((split: string | null) => void)[] = []
    const back: string[] = []
    const source = {
      createEnumerator: () => ({
        start: () => undefined,
        nextSplit: () => new Promise<string | null>((resolve) => answers.push(resolve)),
        snapshotState: () => null,
        addSplitsBack: (splits: readonly string[], subtask: number) => void back.push(`${splits.join(' ')} of ${subtask}`),
      }),
    } as unknown as Source<unknown>
    const definitions = new Map([[OPERATOR, { kind: 'source', source } as unknown as FunctionDefinition]])
    const enumerator = await functionCoordinators(definitions).enumerator({ jobId: 'j' as JobId, operatorId: OPERATOR, parallelism: 1 })
    await enumerator?.start()
    const early = enumerator?.nextSplit(0)
    enumerator?.addSplitsBack([], 0)
    expect(await early).to.equal(null)
    answers[0]?.('split-1')
    await new Promise((resolve) => setImmediate(resolve))
    expect(back).to.deep.equal(['split-1 of 0'])
    const asked = enumerator?.nextSplit(0)
    answers[1]?.('split-2')
    expect(await asked).to.equal('split-2')
    // One of before has nothing to give to the one that began from a snapshot.
    const late = enumerator?.nextSplit(0)
    enumerator?.addSplitsBack([], 0)
    await enumerator?.start('state')
    answers[2]?.('split-3')
    expect(await late).to.equal(null)
    expect(back).to.deep.equal(['split-1 of 0'])
  })
})
