/** Work that emits more than one turn of the mailbox should: a window of millions of keys, say. */

/** Steps of one turn. A step emits about a batch. */
const STEPS = 16

/** Runs the work step by step, the first ones at once. Promise: it goes on in later turns (OperatorContext.nextTurn). */
export function inTurns(work: Iterator<void, void>, nextTurn: () => Promise<void>): void | Promise<void> {
  if (!isDone(work)) return laterTurns(work, nextTurn)
}

async function laterTurns(work: Iterator<void, void>, nextTurn: () => Promise<void>): Promise<void> {
  do await nextTurn()
  while (!isDone(work))
}

function isDone(work: Iterator<void, void>): boolean {
  for (let step = 0; step < STEPS; step++) if (work.next().done === true) return true
  return false
}
