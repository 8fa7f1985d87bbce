/** Why a TaskExecutor refuses, loses or ends something. */
import { defineError } from '#core/errors/define-error.js'

export const SlotNotAvailable = defineError('SLOT_NOT_AVAILABLE', {
  recovery: 'retry-elsewhere',
  message: (d: { slot: number; resourceId: string; problem: string }) =>
    `Slot ${d.slot} of TaskManager ${d.resourceId} cannot be allocated: ${d.problem}`,
})

export const TaskSlotNotFound = defineError('TASK_SLOT_NOT_FOUND', {
  recovery: 'retry-elsewhere',
  message: (d: { task: string; allocationId: string; resourceId: string }) =>
    `Task ${d.task} cannot be deployed: TaskManager ${d.resourceId} holds no slot for allocation ${d.allocationId}`,
})

export const TaskDescriptionUnavailable = defineError('TASK_DESCRIPTION_UNAVAILABLE', {
  recovery: 'retry-here',
  message: (d: { task: string; resourceId: string }) =>
    `TaskManager ${d.resourceId} could not get the plan or the program of task ${d.task} from the JobManager`,
})

export const SlotOutOfMemory = defineError('SLOT_OUT_OF_MEMORY', {
  recovery: 'retry-elsewhere',
  message: (d: { slot: number; resourceId: string; heapMb: number }) =>
    `Slot ${d.slot} of TaskManager ${d.resourceId} ran out of memory: its heap is limited to ${d.heapMb} MB. ` +
    'Raise taskmanager.memory.process.size, or lower taskmanager.numberOfTaskSlots or taskmanager.memory.managed.fraction.',
})

export const SlotThreadDied = defineError('SLOT_THREAD_DIED', {
  recovery: 'retry-elsewhere',
  message: (d: { slot: number; resourceId: string; reason: string }) =>
    `The thread of slot ${d.slot} of TaskManager ${d.resourceId} ended: ${d.reason}`,
})

export const CancellationTimedOut = defineError('TASK_CANCELLATION_TIMED_OUT', {
  recovery: 'none',
  message: (d: { slot: number; timeoutMs: number }) =>
    `A task of slot ${d.slot} did not react to its cancellation within ${d.timeoutMs} ms (task.cancellation.timeout)`,
})

export const RegistrationTimedOut = defineError('TASKMANAGER_REGISTRATION_TIMED_OUT', {
  recovery: 'fail-process',
  message: (d: { resourceId: string; timeoutMs: number; last: string }) =>
    `TaskManager ${d.resourceId} could not register with a JobManager within ${d.timeoutMs} ms (taskmanager.registration.timeout). Last try: ${d.last}`,
})

export const RegistrationRefused = defineError('TASKMANAGER_REGISTRATION_REFUSED', {
  recovery: 'fail-process',
  message: (d: { resourceId: string; master: string; reason: string }) =>
    `The JobManager at ${d.master} refused TaskManager ${d.resourceId}: ${d.reason}`,
})

export const MasterLost = defineError('JOBMANAGER_LOST', {
  recovery: 'fail-process',
  message: (d: { reason: string }) => `The JobManager is lost (${d.reason}) and no other follows it`,
})
