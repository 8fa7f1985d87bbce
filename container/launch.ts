/** What a TaskManager is told at its start: by its thread's data in local mode, by environment and token file as a process. */
import { readFile } from 'node:fs/promises'
import * as z from '#core/zod.js'
import { WORKER_DESCRIPTOR_VARIABLE, WorkerDescriptorSchema, type WorkerDescriptor } from '#core/cluster/worker-descriptor.js'
import { defineError } from '#core/errors/define-error.js'

export const InvalidLaunch = defineError('TASKMANAGER_INVALID_LAUNCH', {
  recovery: 'fail-process',
  message: (d: { problem: string }) => `This TaskManager was not started as a JobManager starts it: ${d.problem}`,
})

const MAX_DESCRIPTOR_CHARACTERS = 1024 * 1024

/** The descriptor from WEFT_WORKER: base64 JSON. @throws TASKMANAGER_INVALID_LAUNCH */
export function descriptorFromEnvironment(environment: NodeJS.ProcessEnv): WorkerDescriptor {
  const text = environment[WORKER_DESCRIPTOR_VARIABLE]
  if (text === undefined || text === '') throw new InvalidLaunch({ problem: `the variable ${WORKER_DESCRIPTOR_VARIABLE} is not set` })
  if (text.length > MAX_DESCRIPTOR_CHARACTERS)
    throw new InvalidLaunch({ problem: `${WORKER_DESCRIPTOR_VARIABLE} has ${text.length} characters` })
  try {
    return parseDescriptor(JSON.parse(Buffer.from(text, 'base64').toString('utf8')))
  } catch (error) {
    if (InvalidLaunch.is(error)) throw error
    throw new InvalidLaunch({ problem: `${WORKER_DESCRIPTOR_VARIABLE} holds no base64 of JSON` }, { cause: error })
  }
}

/** @throws TASKMANAGER_INVALID_LAUNCH */
export function parseDescriptor(value: unknown): WorkerDescriptor {
  const parsed = WorkerDescriptorSchema.safeParse(value)
  if (!parsed.success) throw new InvalidLaunch({ problem: `its descriptor is wrong:\n${z.prettifyError(parsed.error)}` })
  return parsed.data
}

/** Path of the container's token file. @throws TASKMANAGER_INVALID_LAUNCH */
export function tokenFile(environment: NodeJS.ProcessEnv): string {
  const path = environment['HADOOP_TOKEN_FILE_LOCATION']
  if (path === undefined || path === '') throw new InvalidLaunch({ problem: 'the variable HADOOP_TOKEN_FILE_LOCATION is not set' })
  return path
}

/** Bytes of the container's token file. @throws TASKMANAGER_INVALID_LAUNCH */
export async function readTokenFile(environment: NodeJS.ProcessEnv): Promise<Buffer> {
  const path = tokenFile(environment)
  try {
    return await readFile(path)
  } catch (error) {
    throw new InvalidLaunch({ problem: `its token file ${path} cannot be read: ${(error as Error).message}` }, { cause: error })
  }
}
