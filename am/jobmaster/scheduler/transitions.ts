/** Every legal step from one scheduler state to another; anything else is a broken invariant. */
import type { SchedulerStateName } from './state.js'

export const TRANSITIONS: Readonly<Record<SchedulerStateName, readonly SchedulerStateName[]>> = {
  Created: ['WaitingForResources', 'Finished'],
  WaitingForResources: ['Executing', 'Restarting', 'Failing', 'Canceling'],
  Executing: ['Restarting', 'Failing', 'Canceling', 'Finished'],
  Restarting: ['Executing', 'Failing', 'Canceling'],
  Failing: ['Finished'],
  Canceling: ['Finished'],
  Finished: [],
}

export function assertTransition(from: SchedulerStateName, to: SchedulerStateName): void {
  if (from !== to && !TRANSITIONS[from].includes(to)) throw new Error(`the scheduler may not go from ${from} to ${to}`)
}
