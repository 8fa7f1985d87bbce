/**
 * Hadoop in containers, as far as it can be checked without running it: the compose file against what Compose takes, everything it names
 * is there, and its site files say to client and daemons the same. Where a docker with Compose is installed it reads the file itself.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { parse } from 'yaml'
import * as z from '#core/zod.js'
import { resourceManagerSchedulerAddresses, resourceManagerWebUrls } from '#hadoop/conf/addresses.js'
import { loadHadoopConfiguration } from '#hadoop/conf/load.js'
import { projectRoot } from '../../support/project-root.js'

/** Where it is not, the rest of this file says what it would. */
const COMPOSE_INSTALLED = spawnSync('docker', ['compose', 'version'], { stdio: 'ignore' }).status === 0

const folder = join(projectRoot, 'docker')
const words = z.array(z.string())
/** Nothing besides these keys: Compose would refuse a misspelt one. */
const ServiceSchema = z
  .object({
    image: z.string().optional(),
    build: z.object({ context: z.string(), dockerfile: z.string().optional() }).strict().optional(),
    hostname: z.string().optional(),
    entrypoint: words.optional(),
    command: words.optional(),
    environment: z.record(z.string(), z.string()).optional(),
    volumes: words.optional(),
    ports: words.optional(),
    profiles: words.optional(),
    restart: z.string().optional(),
    depends_on: z.record(z.string(), z.object({ condition: z.literal('service_healthy') }).strict()).optional(),
    healthcheck: z.object({ test: words, interval: z.string(), timeout: z.string(), retries: z.int() }).strict().optional(),
  })
  .strict()
const ComposeSchema = z
  .object({
    name: z.string(),
    services: z.record(z.string(), ServiceSchema),
    volumes: z.record(z.string(), z.null()),
  })
  .strict()
type Compose = z.infer<typeof ComposeSchema>

const text = readFileSync(join(folder, 'compose.yaml'), 'utf8')

/** As Compose reads it: `${NAME:-default}` replaced, extension fields dropped. */
function compose(variables: Readonly<Record<string, string>>): Compose {
  const replaced = text.replace(/(?<!\$)\$\{(\w+):-([^}]*)\}/g, (_all, name: string, other: string) => variables[name] ?? other)
  const document = parse(replaced, { merge: true }) as Record<string, unknown>
  return ComposeSchema.parse(Object.fromEntries(Object.entries(document).filter(([key]) => !key.startsWith('x-'))))
}

for (const security of ['simple', 'kerberos']) {
  describe(`Hadoop in containers, ${security}`, () => {
    const { services, volumes } = compose({ HADOOP_SECURITY: security })
    const entries = Object.entries(services)

    it('has an image or a way to make one for every service, and waits only for services that can be healthy', () => {
      for (const [name, { image, build, depends_on = {} }] of entries) {
        expect(image !== undefined || build !== undefined, name).to.equal(true)
        if (build !== undefined)
          expect(existsSync(join(folder, build.context, build.dockerfile ?? 'Dockerfile')), `the Dockerfile of ${name}`).to.equal(true)
        for (const other of Object.keys(depends_on)) {
          expect(services[other]?.healthcheck, `${name} waits for ${other}`).not.to.equal(undefined)
          expect(services[other]?.profiles, `${other} is always there`).to.equal(undefined)
        }
      }
    })

    it('mounts what is there', () => {
      for (const [name, service] of entries) {
        for (const volume of service.volumes ?? []) {
          const [source = ''] = volume.split(':')
          if (source.startsWith('.')) expect(existsSync(join(folder, source)), `${volume} of ${name}`).to.equal(true)
          else expect(volumes, `${volume} of ${name}`).to.have.property(source)
        }
      }
    })

    it('opens its ports to this machine only, unless asked', () => {
      const open = (all: Compose) => Object.values(all.services).flatMap(({ ports = [] }) => ports)
      expect(open({ name: '', services, volumes })).to.deep.equal(['127.0.0.1:9870:9870', '127.0.0.1:8088:8088'])
      expect(open(compose({ BIND: '0.0.0.0' }))).to.deep.equal(['0.0.0.0:9870:9870', '0.0.0.0:8088:8088'])
    })

    it('tells clients where its daemons are, each under its service’s name', () => {
      const conf = loadHadoopConfiguration({ environment: { HADOOP_CONF_DIR: join(folder, 'conf', security) }, user: 'alice' })
      expect(conf.get('hadoop.security.authentication') ?? 'simple').to.equal(security)
      expect(resourceManagerWebUrls(conf)).to.deep.equal(['http://resourcemanager:8088'])
      expect(resourceManagerSchedulerAddresses(conf)).to.deep.equal([{ host: 'resourcemanager', port: 8030 }])
      expect(conf.get('fs.defaultFS')).to.equal('hdfs://namenode:8020')
      expect(conf.get('dfs.namenode.http-address')).to.equal('namenode:9870')
      for (const host of ['namenode', 'resourcemanager', 'datanode']) expect(services[host]?.hostname).to.equal(host)
      const { environment = {} } = services['client'] ?? {}
      expect(environment['HADOOP_PSEUDO_RM_HTTP']).to.equal(resourceManagerWebUrls(conf)[0])
      expect(environment['HADOOP_PSEUDO_FS']).to.equal(conf.get('fs.defaultFS'))
      expect(environment['HADOOP_CONF_DIR']).to.equal('/weft/conf')
    })

    if (COMPOSE_INSTALLED) {
      it('is read by Compose itself', () => {
        execFileSync('docker', ['compose', '-f', join(folder, 'compose.yaml'), '--profile', '*', 'config', '--quiet'], {
          env: { ...process.env, HADOOP_SECURITY: security },
          stdio: ['ignore', 'ignore', 'pipe'],
        })
      })
    }
  })
}

describe('the images', () => {
  it('copy what the checkout has, or its build makes', () => {
    const sources = (path: string) =>
      [...readFileSync(path, 'utf8').matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, all = '']) => all.split(' '))
    for (const source of sources(join(folder, 'Dockerfile'))) expect(existsSync(join(projectRoot, source)), source).to.equal(true)
    for (const source of sources(join(folder, 'kdc/Dockerfile'))) expect(existsSync(join(folder, 'kdc', source)), source).to.equal(true)
  })

  it('have the keytabs that the site files name', () => {
    const kdc = readFileSync(join(folder, 'kdc/kdc.sh'), 'utf8')
    const named = ['core', 'hdfs', 'yarn'].flatMap((file) =>
      [...readFileSync(join(folder, `conf/kerberos/${file}-site.xml`), 'utf8').matchAll(/\/weft\/keytabs\/([\w-]+)/g)].map(
        ([, name = '']) => name,
      ),
    )
    for (const name of new Set(named)) expect(kdc, name).to.match(new RegExp(`\\b${name}\\b`))
  })
})
