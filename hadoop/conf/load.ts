/** Finds and reads the site files of a client. */
import { readFileSync, statSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { servesHttps } from './addresses.js'
import { HadoopConfigurationMissing, HadoopConfigurationUnreadable } from './errors.js'
import { HadoopConfiguration } from './hadoop-configuration.js'
import { MAX_SITE_FILE_BYTES, parseSiteXml, SiteXmlProblem, type IncludeReader, type SiteProperty } from './site-xml.js'

/** In reading order: later files win. */
export const SITE_FILES = ['core-site.xml', 'hdfs-site.xml', 'yarn-site.xml'] as const

export interface ConfigurationLookup {
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Option env.hadoop.conf.dir; wins over the variable. */
  readonly hadoopConfDir?: string | undefined
  /** Option env.yarn.conf.dir; wins over the variable. */
  readonly yarnConfDir?: string | undefined
  /** Name of the user that `${user.name}` stands for. */
  readonly user: string
}

/**
 * Folders to read site files from, those that win last: HADOOP_CONF_DIR (else $HADOOP_HOME/etc/hadoop), then YARN_CONF_DIR.
 * Empty when nothing is set.
 */
export function configurationFolders(lookup: ConfigurationLookup): { folder: string; origin: string }[] {
  const { environment } = lookup
  const folders: { folder: string; origin: string }[] = []
  const add = (folder: string | undefined, origin: string): boolean => {
    if (folder === undefined || folder.trim() === '') return false
    const absolute = resolve(folder.trim())
    if (!folders.some((known) => known.folder === absolute)) folders.push({ folder: absolute, origin })
    return true
  }
  if (!add(lookup.hadoopConfDir, 'option env.hadoop.conf.dir') && !add(environment['HADOOP_CONF_DIR'], 'HADOOP_CONF_DIR')) {
    const home = environment['HADOOP_HOME']
    if (home !== undefined && home !== '' && isFolder(join(home, 'etc/hadoop'))) add(join(home, 'etc/hadoop'), 'HADOOP_HOME')
  }
  if (!add(lookup.yarnConfDir, 'option env.yarn.conf.dir')) add(environment['YARN_CONF_DIR'], 'YARN_CONF_DIR')
  return folders
}

/** @throws HADOOP_CONF_MISSING when no folder is set or none holds a site file, HADOOP_CONF_UNREADABLE */
export function loadHadoopConfiguration(lookup: ConfigurationLookup): HadoopConfiguration {
  const folders = configurationFolders(lookup)
  if (folders.length === 0) throw new HadoopConfigurationMissing({ reason: 'HADOOP_CONF_DIR is not set' })
  const properties: SiteProperty[] = []
  let found = 0
  for (const { folder, origin } of folders) {
    if (!isFolder(folder)) throw new HadoopConfigurationMissing({ reason: `${origin} is set to ${folder}, which is no folder` })
    for (const name of SITE_FILES) {
      const file = join(folder, name)
      const text = readLimited(file)
      if (text === undefined) continue
      found++
      properties.push(...parseFile(file, text))
    }
  }
  if (found === 0) {
    const named = folders.map(({ folder, origin }) => `${origin} = ${folder}`).join(', ')
    throw new HadoopConfigurationMissing({ reason: `There is no ${SITE_FILES.join(', ')} in ${named}` })
  }
  const scope = {
    environment: lookup.environment,
    systemProperties: { 'user.name': lookup.user, 'user.home': homedir(), 'java.io.tmpdir': tmpdir() },
  }
  const conf = HadoopConfiguration.fromSiteFiles(properties, scope)
  // Its file holds a password and may be closed to those who need it not.
  if (!servesHttps(conf)) return conf
  for (const { folder } of folders) {
    const file = join(folder, conf.get('hadoop.ssl.client.conf')?.trim() ?? 'ssl-client.xml')
    const text = readLimited(file)
    if (text !== undefined) properties.push(...parseFile(file, text))
  }
  return HadoopConfiguration.fromSiteFiles(properties, scope)
}

function parseFile(file: string, text: string): SiteProperty[] {
  try {
    return parseSiteXml(text, file, includeBeside(file))
  } catch (error) {
    if (error instanceof SiteXmlProblem) throw new HadoopConfigurationUnreadable({ file, reason: error.message })
    throw error
  }
}

function includeBeside(file: string): IncludeReader {
  return (href) => {
    const path = href.startsWith('file:') ? href.replace(/^file:\/*/, '/') : href
    if (/^[a-z][a-z0-9+.-]*:/i.test(path)) throw new SiteXmlProblem(`the XInclude of '${href}' is not a local file`)
    const absolute = resolve(dirname(file), path)
    const text = readLimited(absolute)
    return text === undefined ? undefined : { text, source: absolute, include: includeBeside(absolute) }
  }
}

/** Undefined when there is no such file. */
function readLimited(file: string): string | undefined {
  try {
    const size = statSync(file).size
    if (size > MAX_SITE_FILE_BYTES)
      throw new HadoopConfigurationUnreadable({ file, reason: `it has ${size} bytes, over the limit of ${MAX_SITE_FILE_BYTES}` })
    return readFileSync(file, 'utf8').replace(/^\uFEFF/, '')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    if (HadoopConfigurationUnreadable.is(error)) throw error
    throw new HadoopConfigurationUnreadable({ file, reason: error instanceof Error ? error.message : String(error) }, { cause: error })
  }
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false
}
