/** Bugs on purpose, each at a seam between real parts: what the oracle must find. None of them exists outside of the simulator. */
import type { FileSystem } from '#core/fs/file-system.js'
import type { Channel } from '#core/rpc/channel.js'
import type { CheckpointHost, Checkpoints, RestoredJob } from '#am/jobmaster/checkpoint/checkpoint-host.js'
import type { CoordinatorLoader } from '#am/jobmaster/coordinators/coordinator-loader.js'
import type { SlotListener, SlotProvider } from '#am/slots/slot-provider.js'
import type { Mutant } from './wiring.js'

/** `of` with some of its members changed; the others keep their `this`. */
function changed<T extends object>(of: T, changes: Partial<T>): T {
  return new Proxy(of, {
    get(target, name) {
      if (Object.hasOwn(changes, name)) return changes[name as keyof T]
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? (value as (...all: unknown[]) => unknown).bind(target) : value
    },
  })
}

const host = (changes: (host: CheckpointHost) => Partial<CheckpointHost>) => () => ({
  host: (of: CheckpointHost) => changed(of, changes(of)),
})
const checkpoints = (changes: (checkpoints: Checkpoints) => Partial<Checkpoints>) => () => ({
  checkpoints: (of: Checkpoints) => changed(of, changes(of)),
})
const slots = (changes: (slots: SlotProvider) => Partial<SlotProvider>) => () => ({ slots: (of: SlotProvider) => changed(of, changes(of)) })
const restored = (change: (restored: RestoredJob) => RestoredJob) =>
  checkpoints((of) => {
    const through = async (job: Promise<RestoredJob | undefined>) => {
      const found = await job
      return found === undefined ? undefined : change(found)
    }
    return { recover: (passOver) => through(of.recover(passOver)), restore: () => through(of.restore()) }
  })

interface Call {
  readonly t: string
  readonly id: number
  readonly m: string
  readonly a: Readonly<Record<string, unknown>>
}

/** A worker's connection on which some calls are answered and never arrive. */
function swallowing(channel: Channel, from: 'worker' | 'master', which: (call: Call) => boolean): Channel {
  const answer = (call: Call) => ({ t: 'ok', id: call.id, r: {} })
  const isSwallowed = (message: unknown): message is Call => (message as Call).t === 'call' && which(message as Call)
  let listener: ((message: unknown) => void) | undefined
  return changed(channel, {
    send: (message) => {
      if (from === 'worker' && isSwallowed(message)) listener?.(answer(message))
      else channel.send(message)
    },
    onMessage: (next) => {
      listener = next
      channel.onMessage((message) => {
        if (from === 'master' && isSwallowed(message)) channel.send(answer(message))
        else next(message)
      })
    },
  })
}

export const MUTANTS: readonly Mutant[] = [
  {
    name: 'zombie',
    breaks: 'a master that YARN cannot hear counts only its own expiry, not that of its node',
    wiring: () => ({ expiry: ({ master }) => ({ master: 10 * master, node: 10 * master }) }),
  },
  {
    name: 'splits-not-held',
    breaks: 'splits go out between the snapshot of the enumerator and that of the reader',
    wiring: host((of) => ({ snapshotEnumerators: (id) => of.snapshotEnumerators(id, []) })),
  },
  {
    name: 'splits-not-released',
    breaks: 'splits are held back for ever after a checkpoint',
    wiring: host(() => ({ releaseSplits: () => undefined })),
  },
  {
    name: 'nothing-committed',
    breaks: 'one complete checkpoint in three is not committed',
    wiring: host((of) => ({ commit: (id, committables) => (id % 3 === 0 ? Promise.resolve() : of.commit(id, committables)) })),
  },
  {
    name: 'given-up-is-complete',
    breaks: 'tasks are told that a checkpoint is complete which was given up',
    wiring: host((of) => ({ conclude: (attempts, id) => of.conclude(attempts, id, true) })),
  },
  {
    name: 'rest-forgotten',
    breaks: 'what finished tasks prepared behind the last checkpoint is not committed at the end',
    wiring: checkpoints(() => ({ uncommitted: () => [] })),
  },
  {
    name: 'decline-is-acknowledged',
    breaks: 'a subtask that declines a checkpoint counts as having acknowledged it, without state',
    wiring: checkpoints((of) => ({
      decline: (attemptId, id) =>
        of.acknowledge(
          attemptId,
          id,
          { operators: [] },
          {
            stateSize: 0,
            checkpointedSize: 0,
            syncDurationMs: 0,
            asyncDurationMs: 0,
            alignmentDurationMs: 0,
            startDelayMs: 0,
            processedBytes: 0,
            persistedBytes: 0,
            unaligned: false,
          },
        ),
    })),
  },
  {
    name: 'enumerators-begin-anew',
    breaks: 'a job that goes on from a checkpoint lists its files again',
    wiring: restored((job) => ({ ...job, enumerators: new Map() })),
  },
  {
    name: 'state-of-another-subtask',
    breaks: 'subtasks get the state of their mirror images',
    wiring: restored((job) => ({ ...job, tasks: new Map([...job.tasks].map(([vertex, tasks]) => [vertex, [...tasks].reverse()])) })),
  },
  {
    name: 'committables-not-restored',
    breaks: 'what a checkpoint holds is not committed again by who starts from it',
    wiring: restored((job) => ({ ...job, committables: [] })),
  },
  {
    name: 'nothing-given-up',
    breaks: 'committers do not remove what lies beyond the checkpoint that a job goes on from',
    wiring: () => ({
      coordinators: (of: CoordinatorLoader): CoordinatorLoader => ({
        enumerator: (spec, where) => of.enumerator(spec, where),
        committer: async (spec, where) => {
          const committer = await of.committer(spec, where)
          let begun = false
          return committer === undefined
            ? undefined
            : changed(committer, {
                start: async (from, subtasks) => {
                  if (!begun && from === undefined) await committer.start(from, subtasks)
                  else await committer.commit(from?.committables ?? [], false)
                  begun = true
                },
              })
        },
      }),
    }),
  },
  {
    name: 'lost-worker-not-told',
    breaks: 'jobs do not hear of one lost worker in two',
    wiring: slots((of) => ({
      declare: (jobId, count, listener, giveBack) => of.declare(jobId, count, deafToHalf(listener), giveBack),
    })),
  },
  {
    name: 'release-lost',
    breaks: 'the ResourceManager of YARN is not told what is given back',
    wiring: () => ({ amRm: (amRm) => changed(amRm, { release: () => undefined }) }),
  },
  {
    name: 'ends-not-written-down',
    breaks: 'a new master does not know which jobs have ended',
    wiring: () => ({ results: (store) => changed(store, { add: () => Promise.resolve() }) }),
  },
  {
    name: 'deaf-to-heartbeats',
    breaks: 'heartbeats do not count as signs of life',
    wiring: () => ({ resourceManagerHandlers: (handlers) => ({ ...handlers, heartbeat: () => ({}) }) }),
  },
  {
    name: 'end-not-told',
    breaks: 'the end of a task is not told again when it was not acknowledged: one in ten is lost',
    channel: (channel, _worker, kernel) => {
      const dice = kernel.random('end-not-told')
      return swallowing(channel, 'worker', ({ m, a }) => m === 'updateTaskExecutionState' && a['state'] === 'FINISHED' && dice.chance(0.1))
    },
  },
  {
    name: 'deployment-lost',
    breaks: 'one deployed task in twenty is accepted by its worker and forgotten',
    channel: (channel, _worker, kernel) => {
      const dice = kernel.random('deployment-lost')
      return swallowing(channel, 'master', ({ m }) => m === 'submitTask' && dice.chance(0.05))
    },
  },
  {
    name: 'greedy-garbage',
    breaks: 'segments are deleted that retained checkpoints still refer to',
    wiring: () => ({
      fileSystem: (of: FileSystem) =>
        changed(of, {
          delete: async (path) => {
            const directory = path.slice(0, path.lastIndexOf('/'))
            if (!directory.endsWith('/shared')) return of.delete(path)
            for (const other of await of.list(directory)) await of.delete(other.path)
            return true
          },
        }),
    }),
  },
  {
    name: 'metadata-before-state',
    breaks: 'a checkpoint counts as complete when its first subtask has acknowledged',
    wiring: checkpoints((of) => ({
      acknowledge: (attemptId, id, state, metrics) => {
        of.acknowledge(attemptId, id, state, metrics)
        const running = of.view.inProgress.find((record) => record.id === id)
        if (running === undefined) return
        for (const other of otherAttempts(attemptId)) of.acknowledge(other, id, { operators: [] }, metrics)
      },
    })),
  },
]

function deafToHalf(listener: SlotListener): SlotListener {
  return changed(listener, {
    workerLost: (resourceId, host, error, explained) => {
      if (Number(/\d$/.exec(resourceId)?.[0] ?? 0) % 2 === 0) listener.workerLost(resourceId, host, error, explained)
    },
  })
}

/** Of the same vertex: neighbours of that subtask in the same attempt. */
function otherAttempts<T extends string>(attemptId: T): T[] {
  const parts = /^(.*_)(\d+)(_\d+)$/.exec(attemptId)
  if (parts === null) return []
  return [0, 1, 2].filter((subtask) => subtask !== Number(parts[2])).map((subtask) => `${parts[1] ?? ''}${subtask}${parts[3] ?? ''}` as T)
}
