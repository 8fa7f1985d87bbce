/**
 * What checkpoints cost an operator: rows it handles with and without changes being tracked, the pause at a barrier with 1 GiB of state,
 * how fast a snapshot is read, and what an increment holds.
 */
import { BIGINT, notNull } from '#core/types/logical-type.js'
import { schema } from '#core/types/schema.js'
import { Batch } from '#runtime/columnar/batch.js'
import { encodeBatch } from '#runtime/columnar/wire.js'
import type { Operator } from '#runtime/operators/operator.js'
import { ChangedRows } from '#runtime/state/changed-rows.js'
import type { KeyedSnapshot } from '#runtime/state/snapshot.js'
import { median, valueOf, type Figure } from '../measure.js'
import { BATCH_ROWS, bidBatches, BIDS, randomNumbers, rig } from '../micro/bids.js'

const KEYS = 1_000_000
const ROUNDS = 7
const ROUND_ROWS = 1_500_000
const JOIN_ROWS = 7_000_000
const ROWS = schema(['key', BIGINT], ['value', BIGINT])
const COUNT = notNull(BIGINT)
const PAUSE_MS = 20
/** Bytes of an increment: at most so many times its share of a full snapshot. */
const PROPORTION = 1.5

type Tell = (figure: Figure) => void

/** Rows with keys as `keyOf` gives them. */
function batches(count: number, keyOf: (row: number) => number): Batch[] {
  return Array.from({ length: count }, (_, b) => {
    const keys = BigInt64Array.from({ length: BATCH_ROWS }, (_, row) => BigInt(keyOf(b * BATCH_ROWS + row)))
    const values = BigInt64Array.from({ length: BATCH_ROWS }, (_, row) => BigInt(row))
    const columns = [keys, values].map((lanes) => ({ kind: 'int64' as const, type: BIGINT, nulls: undefined, values: lanes }))
    return new Batch(ROWS, columns, BATCH_ROWS)
  })
}

async function aggregation(): Promise<Operator> {
  const { operator } = await rig(
    {
      op: 'group-aggregate',
      keys: [0],
      calls: [
        { function: 'COUNT', args: [], distinct: false, type: COUNT },
        { function: 'SUM', args: [1], distinct: false, type: BIGINT },
      ],
      retractInput: false,
      output: 'changelog',
    },
    [ROWS],
    schema(['key', BIGINT], ['n', COUNT], ['s', BIGINT]),
  )
  for (const batch of batches(Math.ceil(KEYS / BATCH_ROWS), (row) => row)) void operator.processBatch(batch, 0)
  return operator
}

let checkpoints = 0

function begin(operator: Operator, full: boolean): { keyed: KeyedSnapshot; pause: number; id: number } {
  const id = ++checkpoints
  const start = performance.now()
  const keyed = operator.snapshotState?.({ checkpointId: id, full })?.keyed
  const pause = performance.now() - start
  if (keyed === undefined) throw new Error('no keyed state')
  return { keyed, pause, id }
}

interface Read {
  rows: number
  bytes: number
  readonly seconds: number
  /** Longest step, ms. */
  longest: number
}

/** Reads and encodes all of it, as a segment would be made. */
function read(keyed: KeyedSnapshot): Read {
  let [rows, bytes, longest] = [0, 0, 0]
  const start = performance.now()
  for (let from = start; ;) {
    const piece = keyed.next()
    if (piece === undefined) break
    rows += piece.ids.length
    bytes += encodeBatch(piece.batch).length + 6 * piece.ids.length + 4 * piece.removed.length
    const now = performance.now()
    longest = Math.max(longest, now - from)
    from = now
  }
  return { rows, bytes, seconds: (performance.now() - start) / 1000, longest }
}

function complete(operator: Operator, id: number): void {
  operator.checkpointComplete?.(id)
}

/** CPU ns per row of a round. */
function round(operator: Operator, rows: readonly Batch[], between?: () => void): number {
  const cpu = process.cpuUsage()
  for (let done = 0, i = 0; done < ROUND_ROWS; done += BATCH_ROWS, i++) {
    void operator.processBatch(rows[i % rows.length] as Batch, 0)
    between?.()
  }
  const { user, system } = process.cpuUsage(cpu)
  return ((user + system) * 1000) / ROUND_ROWS
}

async function tracking(tell: Tell): Promise<Operator> {
  const random = randomNumbers(20260101)
  const rows = batches(1500, () => random(KEYS))
  const [off, on] = [await aggregation(), await aggregation()]
  const first = begin(on, true)
  read(first.keyed)
  complete(on, first.id)
  const costs: { off: number[]; on: number[]; during: number[] } = { off: [], on: [], during: [] }
  for (let i = 0; i <= ROUNDS; i++) {
    const plain = round(off, rows)
    const tracked = round(on, rows)
    const { keyed, id } = begin(on, true)
    let reading = true
    // 2 pieces after each batch: read in a third of the round.
    const during = round(on, rows, () => {
      for (let piece = 0; reading && piece < 2; piece++) reading = keyed.next() !== undefined
    })
    read(keyed)
    complete(on, id)
    if (i === 0) continue
    costs.off.push(plain)
    costs.on.push(tracked)
    costs.during.push(during)
  }
  const [plain, tracked, during] = [median(costs.off), median(costs.on), median(costs.during)]
  tell(valueOf(`snapshots: a row into ${KEYS / 1e6} M groups, no checkpoint yet`, 'ns', plain))
  tell(valueOf('snapshots: a row, changes tracked', 'ns', tracked))
  tell(valueOf('snapshots: a row while a full snapshot is read, reading included', 'ns', during))
  return on
}

/** The report of changes alone: ids of whole batches, at random among all keys. */
function touching(tell: Tell): void {
  const table = {
    descriptor: { name: 'rows', schema: ROWS, version: 1 },
    liveBits: () => new Int32Array(Math.ceil(KEYS / 32)).fill(-1),
    read: () => [],
  }
  const random = randomNumbers(11)
  const ids = Array.from({ length: 1000 }, () => Int32Array.from({ length: BATCH_ROWS }, () => random(KEYS)))
  const cost = (changes: ChangedRows): number => {
    const start = performance.now()
    for (const some of ids) changes.touch(some, BATCH_ROWS, KEYS)
    return ((performance.now() - start) * 1e6) / (ids.length * BATCH_ROWS)
  }
  const [off, on] = [new ChangedRows(table), new ChangedRows(table)]
  on.end(on.snapshot(1, true, 128))
  const costs = Array.from({ length: ROUNDS + 1 }, () => [cost(off), cost(on)] as const).slice(1)
  tell(valueOf('snapshots: touch() of random rows, no checkpoint yet', 'ns', median(costs.map(([plain]) => plain))))
  tell(valueOf('snapshots: touch(), changes tracked', 'ns', median(costs.map(([, tracked]) => tracked))))
}

function increments(operator: Operator, tell: Tell): void {
  const random = randomNumbers(7)
  const bytesOf = (full: boolean): Read => {
    const { keyed, id } = begin(operator, full)
    const result = read(keyed)
    complete(operator, id)
    return result
  }
  bytesOf(false)
  const whole = bytesOf(true)
  for (const share of [0.001, 0.01, 0.1, 0.5]) {
    const changed = Math.round(KEYS * share)
    const pick = new Set<number>()
    while (pick.size < changed) pick.add(random(KEYS))
    const keys = [...pick]
    for (const batch of batches(Math.ceil(changed / BATCH_ROWS), (row) => keys[row % keys.length] as number)) {
      void operator.processBatch(batch, 0)
    }
    const { bytes } = bytesOf(false)
    tell(valueOf(`snapshots: increment / its share, ${share * 100} % of rows changed`, 'times', bytes / whole.bytes / share, PROPORTION))
  }
}

async function pauses(tell: Tell): Promise<void> {
  const { operator } = await rig({ op: 'join', joinType: 'inner', leftKeys: [0], rightKeys: [0] }, [BIDS, BIDS], {
    fields: [...BIDS.fields, ...BIDS.fields],
  })
  const ring = bidBatches(64)
  const before = process.memoryUsage()
  for (let rows = 0, i = 0; rows < JOIN_ROWS; rows += BATCH_ROWS, i++) void operator.processBatch(ring[i % ring.length] as Batch, 0)
  const kept = ((process.memoryUsage().arrayBuffers - before.arrayBuffers) / 2 ** 30).toFixed(2)
  const taken = [true, false, true, false].map((full) => {
    const { keyed, pause, id } = begin(operator, full)
    const part = read(keyed)
    complete(operator, id)
    for (const batch of ring) void operator.processBatch(batch, 0)
    return { ...part, pause }
  })
  tell(
    valueOf(
      `snapshots, join of ${kept} GiB: pause at a barrier, longest of 4`,
      'ms',
      Math.max(...taken.map(({ pause }) => pause)),
      PAUSE_MS,
    ),
  )
  tell(valueOf('snapshots, join: longest step of reading', 'ms', Math.max(...taken.map(({ longest }) => longest))))
  tell(valueOf('snapshots, join: a row read and encoded', 'ns', median(taken.map(({ rows, seconds }) => (seconds * 1e9) / rows))))
}

export async function runStateSnapshots(wanted: string | undefined, tell: Tell): Promise<void> {
  if (wanted !== undefined && !'checkpoint-operator'.includes(wanted)) return
  touching(tell)
  increments(await tracking(tell), tell)
  await pauses(tell)
}
