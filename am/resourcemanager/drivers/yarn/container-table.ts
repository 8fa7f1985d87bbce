/**
 * The containers of this application as the driver counts them. Pure: plain data and functions.
 *
 * What is asked for is always derived from *wanted* minus *held*, never from single events. The priority of a row says the number of
 * slots of its workers, and their size where it is not the usual: the same in every attempt, so containers of an earlier attempt tell it.
 */
import type { NodeAddress } from '#hadoop/yarn/identifiers.js'
import type { AllocatedContainer, Ask } from '#hadoop/yarn/am-rm/events.js'
import type { WorkersWanted } from '../../slotmanager/slot-manager.js'

export interface HeldContainer {
  readonly id: string
  readonly slots: number
  /** That it was asked for with, if not the usual; 0: it is. */
  readonly askedMb: number
  /** As granted. */
  readonly memoryMb: number
  readonly vcores: number
  readonly node: NodeAddress
  /** `host:port` of the NodeManager's web pages. */
  readonly nodeHttpAddress: string
  /** Given back; its end is awaited. */
  readonly released: boolean
  /** Lost or about to leave: it does not count towards those wanted. */
  readonly discounted: boolean
}

export interface ContainerTable {
  readonly held: ReadonlyMap<string, HeldContainer>
  readonly wanted: readonly WorkersWanted[]
  /** Of the last grant that `held` knows. */
  readonly sequence: number
}

/** Shape of a worker's container. */
export interface WorkerShape {
  readonly memoryMb: number
  vcores(slots: number): number
  readonly nodeLabel: string | undefined
}

export const NO_CONTAINERS: ContainerTable = { held: new Map(), wanted: [], sequence: 0 }

export function withContainers(
  table: ContainerTable,
  containers: readonly AllocatedContainer[],
  sequence = table.sequence,
): ContainerTable {
  const held = new Map(table.held)
  for (const { id, priority, node, nodeHttpAddress, memoryMb, vcores } of containers)
    held.set(id, {
      id,
      slots: slotsOf(priority),
      askedMb: memoryOf(priority),
      memoryMb,
      vcores,
      node,
      nodeHttpAddress,
      released: false,
      discounted: false,
    })
  return { ...table, held, sequence }
}

export function withReleased(table: ContainerTable, id: string): ContainerTable {
  const container = table.held.get(id)
  return container === undefined ? table : { ...table, held: new Map(table.held).set(id, { ...container, released: true }) }
}

export function withSize(table: ContainerTable, id: string, memoryMb: number): ContainerTable {
  const container = table.held.get(id)
  return container === undefined ? table : { ...table, held: new Map(table.held).set(id, { ...container, memoryMb }) }
}

export function withDiscounted(table: ContainerTable, id: string): ContainerTable {
  const container = table.held.get(id)
  return container === undefined ? table : { ...table, held: new Map(table.held).set(id, { ...container, discounted: true }) }
}

/** Those that are not given back yet on these nodes. */
export function containersOn(table: ContainerTable, { host, port }: NodeAddress): HeldContainer[] {
  return [...table.held.values()].filter(({ released, node }) => !released && node.host === host && node.port === port)
}

export function withoutContainer(table: ContainerTable, id: string): ContainerTable {
  const held = new Map(table.held)
  held.delete(id)
  return { ...table, held }
}

function counts({ released, discounted }: HeldContainer): boolean {
  return !released && !discounted
}

/** More than a TaskManager can have; a priority has 31 bits, so sizes up to a million MB fit beside them. */
const MAX_SLOTS = 2_048

/** `memoryMb` 0: the usual size. */
export function priorityOf(slots: number, memoryMb: number): number {
  return memoryMb * MAX_SLOTS + slots
}

export function slotsOf(priority: number): number {
  return priority % MAX_SLOTS
}

export function memoryOf(priority: number): number {
  return Math.floor(priority / MAX_SLOTS)
}

/** Containers still to be asked for, by number of slots and size. */
export function missing(table: ContainerTable): WorkersWanted[] {
  return table.wanted
    .map((wanted) => {
      const { slots, count, memoryMb = 0 } = wanted
      const held = [...table.held.values()].filter((each) => each.slots === slots && each.askedMb === memoryMb && counts(each)).length
      return { ...wanted, count: Math.max(0, count - held) }
    })
    .filter(({ count }) => count > 0)
}

/** The whole table of asks. */
export function asksOf(table: ContainerTable, shape: WorkerShape): Ask[] {
  return missing(table).map(({ slots, count, memoryMb = 0 }) => ({
    priority: priorityOf(slots, memoryMb),
    memoryMb: memoryMb === 0 ? shape.memoryMb : memoryMb,
    vcores: shape.vcores(slots),
    count,
    ...(shape.nodeLabel === undefined ? {} : { nodeLabel: shape.nodeLabel }),
  }))
}
