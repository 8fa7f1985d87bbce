import { defineError } from '../errors/define-error.js'

export const PathNotFound = defineError('FS_NOT_FOUND', {
  recovery: 'none',
  message: (d: { path: string }) => `No such file or directory: ${d.path}`,
})
export const PathAlreadyExists = defineError('FS_ALREADY_EXISTS', {
  recovery: 'none',
  message: (d: { path: string }) => `File exists: ${d.path}`,
})
export const PermissionDenied = defineError('FS_PERMISSION_DENIED', {
  recovery: 'none',
  message: (d: { path: string; reason: string }) => `Permission denied: ${d.path}: ${d.reason}`,
})
export const QuotaExceeded = defineError('FS_QUOTA_EXCEEDED', {
  recovery: 'none',
  message: (d: { path: string; reason: string }) => `Quota exceeded for ${d.path}: ${d.reason}`,
})
export const FileSystemUnavailable = defineError('FS_UNAVAILABLE', {
  recovery: 'retry-here',
  message: (d: { path: string; reason: string }) => `The file system of ${d.path} does not answer: ${d.reason}`,
})
export const UnsupportedScheme = defineError('FS_UNSUPPORTED_SCHEME', {
  recovery: 'none',
  message: (d: { path: string; scheme: string; known: string }) =>
    `No file system for '${d.scheme}://' (path ${d.path}); known are ${d.known}` +
    (d.scheme === 'hdfs' ? '. For hdfs:// set HADOOP_CONF_DIR to the folder with core-site.xml' : ''),
})
export const FileSystemFailed = defineError('FS_FAILED', {
  recovery: 'retry-here',
  message: (d: { path: string; operation: string; reason: string }) => `${d.operation} ${d.path}: ${d.reason}`,
})
