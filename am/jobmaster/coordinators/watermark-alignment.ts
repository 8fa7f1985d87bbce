/**
 * Groups of sources that keep together in event time: where each subtask said it is, and how far the slowest of a group has come. How long
 * anybody waits is decided in the tasks (Flink's WatermarkAggregator, FLIP-182).
 */
export class WatermarkAlignment {
  readonly #groups = new Map<string, Map<string, number>>()

  /** `watermark` null: the member holds back nobody. The group's lowest watermark; null: it has no members. */
  report(group: string, member: string, watermark: number | null): number | null {
    let members = this.#groups.get(group)
    if (members === undefined) this.#groups.set(group, (members = new Map<string, number>()))
    if (watermark === null) members.delete(member)
    else members.set(member, watermark)
    if (members.size === 0) return null
    let least = Infinity
    for (const other of members.values()) least = Math.min(least, other)
    return least
  }

  /** Subtasks start again: until they report, nobody waits for where they were. */
  reset(): void {
    this.#groups.clear()
  }
}
