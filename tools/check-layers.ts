/**
 * Which file may import which: the rules of docs/layout.md that the compiler's project references do not see, and that no file
 * is part of an import cycle. Also keeps generated code in one file and the control plane off the global clock.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'

const ROOMS = ['core', 'hadoop', 'runtime', 'api', 'sql', 'am', 'container', 'client', 'tools'] as const
/** Fewer files than this means that the check looked in the wrong place. */
const LEAST_FILES = 150

interface Rule {
  readonly from: RegExp
  readonly to: RegExp
  /** Files of `from` that may after all. */
  readonly except?: RegExp
  readonly why: string
}

const RULES: readonly Rule[] = [
  { from: /^am\//, to: /^(sql|api)\//, except: /^am\/application\//, why: 'only am/application compiles programs' },
  {
    from: /^am\//,
    to: /^runtime\/(?!connectors\/)/,
    why: 'the master plans and coordinates, it executes nothing',
    except: /^am\/jobmaster\/(coordinators|checkpoint)\//,
  },
  { from: /^am\//, to: /^runtime\/connectors\//, except: /^am\/jobmaster\/coordinators\//, why: 'only coordinators know connectors' },
  { from: /^am\/(jobmaster|dispatcher|resourcemanager)\//, to: /^am\/rest\//, why: 'REST looks at the master, not the other way round' },
  { from: /^am\/jobmaster\//, to: /^am\/(dispatcher|resourcemanager)\//, why: 'they know each other by gateway only' },
  { from: /^am\/resourcemanager\//, to: /^am\/(dispatcher|jobmaster)\//, why: 'they know each other by gateway only' },
  { from: /^container\//, to: /^hadoop\//, except: /^container\/(task-manager|slot-main)\.ts$/, why: 'only entry points bring Hadoop in' },
  { from: /^sql\//, to: /^runtime\/(operators|state|time|formats)\//, why: 'the planner makes specs, it runs no operators' },
  {
    from: /^sql\//,
    to: /^runtime\/connectors\/(?!registry\.ts|connector\.ts|errors\.ts|[^/]+\/factory\.ts)/,
    why: 'the planner sees factories only',
  },
  { from: /^runtime\/columnar\//, to: /^runtime\/(?!columnar\/|kernels\/)/, why: 'only kernels lie below columnar' },
  { from: /^runtime\/kernels\//, to: /^runtime\/(?!kernels\/)/, why: 'kernels is the lowest' },
  {
    from: /^runtime\/(expr|state|time)\//,
    to: /^runtime\/(formats|operators|connectors)\//,
    why: 'expr, state and time lie below operators',
  },
  { from: /^runtime\/(formats|operators)\//, to: /^runtime\/connectors\//, why: 'connectors are the highest' },
  { from: /^core\/(ids|types|errors|time)\//, to: /^core\/(?!ids|types|errors|time|zod\.ts)/, why: 'the ground floor of core' },
  { from: /^core\/config\//, to: /^core\/(graph|log|rpc|rest|fs|ha|cluster)\//, why: 'config lies below' },
  { from: /^core\/(graph|log)\//, to: /^core\/(rpc|rest|fs|ha|cluster)\//, why: 'graph and log lie below' },
]

/**
 * A grammar and the binding of its trees are mutually recursive: a query holds expressions, an expression may hold a query. So are streams:
 * a keyed stream has windows, windows make a stream.
 */
const RECURSIVE = /^(sql\/(parser|validate)|api\/datastream)\//

const GENERATED_CODE = 'runtime/expr/generated-code.ts'
/** Files whose decisions must be repeatable: time, timers and random numbers come in through an Environment. */
const DETERMINISTIC = /^(am\/(jobmaster|dispatcher|resourcemanager|application|session)|container\/taskexecutor|hadoop\/yarn)\//

const root = new URL('../../', import.meta.url).pathname
const problems: string[] = []
const imports = new Map<string, string[]>()

for (const room of ROOMS) {
  for (const entry of readdirSync(join(root, room), { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !entry.name.endsWith('.ts')) continue
    const file = join(entry.parentPath, entry.name).slice(root.length)
    const text = readFileSync(join(root, file), 'utf8')
    const code = text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '')
    const targets = [...code.matchAll(/(?:from\s+|import\s*\(\s*|import\s+)'([^']+)'/g)].flatMap(([, specifier = '']) => {
      const target = resolveImport(file, specifier)
      return target === undefined ? [] : [target]
    })
    imports.set(file, targets)
    for (const target of targets) {
      for (const rule of RULES) {
        if (rule.from.test(file) && rule.to.test(target) && rule.except?.test(file) !== true)
          problems.push(`${file} imports ${target}: ${rule.why}`)
      }
    }
    if (file !== GENERATED_CODE && !file.startsWith('tools/') && /\bnew Function\(|(?<![\w.])eval\(/.test(code))
      problems.push(`${file} makes code; only ${GENERATED_CODE} may`)
    if (DETERMINISTIC.test(file) && /\b(Date\.now|setTimeout|setInterval|Math\.random|performance\.now)\(/.test(code)) {
      problems.push(`${file} uses the global clock, timers or random numbers; take them from an Environment`)
    }
  }
}

function resolveImport(file: string, specifier: string): string | undefined {
  if (specifier.startsWith('.')) return normalize(join(dirname(file), specifier)).replace(/\.js$/, '.ts')
  if (!specifier.startsWith('#')) return undefined
  return specifier.slice(1).replace(/\.js$/, '.ts')
}

/** Tarjan's strongly connected components, by an explicit stack of calls (import graphs can be deep). */
function cycles(): string[][] {
  const index = new Map<string, number>()
  const low = new Map<string, number>()
  const stack: string[] = []
  const found: string[][] = []
  const visit = (start: string): void => {
    const calls: { file: string; next: number }[] = [{ file: start, next: 0 }]
    index.set(start, index.size)
    low.set(start, index.get(start) ?? 0)
    stack.push(start)
    for (let call = calls.at(-1); call !== undefined; call = calls.at(-1)) {
      const target = imports.get(call.file)?.[call.next++]
      if (target === undefined) {
        calls.pop()
        const parent = calls.at(-1)
        if (parent !== undefined) low.set(parent.file, Math.min(low.get(parent.file) ?? 0, low.get(call.file) ?? 0))
        if (low.get(call.file) === index.get(call.file)) {
          const component = stack.splice(stack.indexOf(call.file))
          if (component.length > 1) found.push(component)
        }
      } else if (!index.has(target)) {
        index.set(target, index.size)
        low.set(target, index.get(target) ?? 0)
        stack.push(target)
        calls.push({ file: target, next: 0 })
      } else if (stack.includes(target)) low.set(call.file, Math.min(low.get(call.file) ?? 0, index.get(target) ?? 0))
    }
  }
  for (const file of imports.keys()) if (!index.has(file)) visit(file)
  return found
}

for (const cycle of cycles()) if (!cycle.every((file) => RECURSIVE.test(file))) problems.push(`import cycle: ${cycle.join(', ')}`)
if (imports.size < LEAST_FILES) problems.push(`only ${imports.size} files were seen, at least ${LEAST_FILES} are expected`)
for (const problem of problems) process.stderr.write(`${problem}\n`)
process.stdout.write(`${imports.size} files, ${problems.length} problems\n`)
process.exitCode = problems.length === 0 ? 0 : 1
