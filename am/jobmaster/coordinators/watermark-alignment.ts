/**
 * Groups of sources that keep together in event time: none runs further ahead of the slowest than its drift. What is known is where each
 * subtask said it is (Flink's SourceCoordinator and its WatermarkAggregator, FLIP-182).
 */
import type { OperatorId } from '#core/ids/ids.js'

export class WatermarkAlignment {
  readonly #groups = new Map<string, Map<string, number>>()

  /** `watermark` null: the subtask is idle or has ended. Beyond which watermark it has to wait; null: no limit. */
  report(group: string, operatorId: OperatorId, subtaskIndex: number, watermark: number | null, maxDriftMs: number): number | null {
    let members = this.#groups.get(group)
    if (members === undefined) this.#groups.set(group, (members = new Map<string, number>()))
    const member = `${operatorId} ${subtaskIndex}`
    if (watermark === null) members.delete(member)
    else members.set(member, watermark)
    if (members.size === 0) return null
    return Math.min(...members.values()) + maxDriftMs
  }

  /** A subtask starts again: until it reports, nobody waits for where it was. */
  forget(operatorId: OperatorId, subtaskIndex: number): void {
    for (const members of this.#groups.values()) members.delete(`${operatorId} ${subtaskIndex}`)
  }

  forgetAll(): void {
    this.#groups.clear()
  }
}
