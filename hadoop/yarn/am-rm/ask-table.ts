/**
 * The table of asks, as the ResourceManager and we both keep it: per priority the number of containers still outstanding. The RM takes
 * granted containers off its own copy, so a row is sent only when it changes for another reason; sending a stale number asks for more.
 * Pure bookkeeping.
 *
 * Invariant: asked - granted = sum of outstanding.
 */
import type { InferInput } from '../../proto/message.js'
import type { ResourceRequest } from '../../proto/yarn-records.js'
import type { AllocatedContainer, Ask } from './events.js'
import { placesOf, resourceRequests } from './records.js'

interface Row {
  ask: Ask
  outstanding: number
  /** Must be sent with the next heartbeat. */
  dirty: boolean
  /** Hosts and racks that the RM has a row for. */
  places: Set<string>
}

export class AskTable {
  readonly #rows = new Map<number, Row>()
  /** Grants that whoever sets the asks may not have seen yet. */
  #unseen: { readonly sequence: number; readonly priority: number }[] = []
  #sequence = 0
  #asked = 0
  #granted = 0
  /** After a refused request of several rows, rows go one by one, so that the bad one is found. */
  #oneByOne = false

  get asked(): number {
    return this.#asked
  }
  get granted(): number {
    return this.#granted
  }
  /** Number of the last container granted. */
  get sequence(): number {
    return this.#sequence
  }
  get outstanding(): number {
    let sum = 0
    for (const row of this.#rows.values()) sum += row.outstanding
    return sum
  }
  get anyDirty(): boolean {
    for (const row of this.#rows.values()) if (row.dirty) return true
    return false
  }

  /**
   * Replaces the whole table. `seen`: number of the last grant that the numbers take into account; later ones are taken off.
   * Absent: everything granted so far is accounted for.
   */
  set(asks: readonly Ask[], seen: number = this.#sequence): void {
    this.#unseen = this.#unseen.filter((grant) => grant.sequence > seen)
    const wanted = new Map(asks.map((ask) => [ask.priority, ask]))
    for (const [priority, row] of this.#rows) if (!wanted.has(priority)) this.#update(row, { ...row.ask, count: 0 }, 0)
    for (const [priority, ask] of wanted) {
      const onTheWay = this.#unseen.filter((grant) => grant.priority === priority).length
      const outstanding = Math.max(0, ask.count - onTheWay)
      const row = this.#rows.get(priority)
      if (row !== undefined) this.#update(row, ask, outstanding)
      else if (outstanding > 0) {
        this.#rows.set(priority, { ask, outstanding, dirty: true, places: new Set() })
        this.#asked += outstanding
      }
    }
  }

  #update(row: Row, ask: Ask, outstanding: number): void {
    if (outstanding !== row.outstanding || (outstanding > 0 && !sameShape(ask, row.ask))) row.dirty = true
    this.#asked += outstanding - row.outstanding
    row.ask = ask
    row.outstanding = outstanding
  }

  /** What to send now, and for which priorities. */
  takeDirty(): { requests: InferInput<typeof ResourceRequest>[]; priorities: number[] } {
    const requests: InferInput<typeof ResourceRequest>[] = []
    const priorities: number[] = []
    for (const [priority, row] of this.#rows) {
      if (!row.dirty || (this.#oneByOne && priorities.length > 0)) continue
      requests.push(...resourceRequests(row.ask, row.outstanding, row.places))
      priorities.push(priority)
      row.dirty = false
      row.places = new Set(placesOf(row.ask))
    }
    return { requests, priorities }
  }

  /**
   * The RM executed a request with these rows. Containers in the same answer had been allocated before that, so the numbers just sent
   * were too high by them: such rows go again.
   */
  confirmed(priorities: readonly number[], grantedInAnswer: ReadonlySet<number>): void {
    for (const priority of priorities) {
      const row = this.#rows.get(priority)
      if (row === undefined) continue
      if (grantedInAnswer.has(priority)) row.dirty = true
      else if (row.outstanding === 0 && !row.dirty) this.#rows.delete(priority)
    }
    if (!this.anyDirty) this.#oneByOne = false
  }

  /** The RM refused a request with these rows. @returns the rows taken out; none when they must first be told apart */
  refused(priorities: readonly number[]): Ask[] {
    if (priorities.length > 1) {
      this.#oneByOne = true
      this.resend(priorities)
      return []
    }
    const row = this.#rows.get(priorities[0] ?? Number.NaN)
    if (row === undefined) return []
    this.#rows.delete(row.ask.priority)
    this.#asked -= row.outstanding
    return [{ ...row.ask, count: row.outstanding }]
  }

  /** A request with these rows was refused for another part of it. */
  resend(priorities: readonly number[]): void {
    for (const priority of priorities) {
      const row = this.#rows.get(priority)
      if (row !== undefined) row.dirty = true
    }
  }

  /** Takes a container that was allocated: true when it was wanted, false when it is to be released. */
  accept(container: AllocatedContainer): boolean {
    const row = this.#rows.get(container.priority)
    if (row === undefined || row.outstanding === 0) return false
    if (container.memoryMb < row.ask.memoryMb) {
      // Granted for the former shape of this row. The RM took it off the number that is meant for the new one.
      row.dirty = true
      return false
    }
    row.outstanding--
    this.#granted++
    this.#sequence++
    this.#unseen.push({ sequence: this.#sequence, priority: container.priority })
    return true
  }

  /** A restarted RM knows nothing of it: everything outstanding is to be sent. */
  forgotten(): void {
    for (const [priority, row] of this.#rows) {
      row.places = new Set()
      row.dirty = row.outstanding > 0
      if (row.outstanding === 0) this.#rows.delete(priority)
    }
  }
}

function sameShape(a: Ask, b: Ask): boolean {
  return (
    a.memoryMb === b.memoryMb &&
    a.vcores === b.vcores &&
    (a.nodeLabel ?? '') === (b.nodeLabel ?? '') &&
    placesOf(a).join() === placesOf(b).join()
  )
}
