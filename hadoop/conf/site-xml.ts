/**
 * Hadoop's site files to a list of properties, in the order in which Hadoop reads them.
 *
 *   <configuration>
 *     <property><name>fs.defaultFS</name><value>hdfs://nn:8020</value><final>true</final></property>
 *     <property name="fs.defaultFS" value="hdfs://nn:8020" final="true"/>        (Hadoop 3 reads this form too)
 *     <xi:include href="other-site.xml"><xi:fallback>…</xi:fallback></xi:include> (local files, beside this one)
 *   </configuration>
 *
 * The text comes from outside: its size is limited, a DOCTYPE is refused and no entity but XML's own five is known, so there
 * is nothing to expand. Source: org.apache.hadoop.conf.Configuration.
 */
import { XMLParser, XMLValidator } from 'fast-xml-parser'

export interface SiteProperty {
  readonly name: string
  readonly value: string
  readonly final: boolean
  /** File that it stands in. */
  readonly source: string
}

/** `text`: content of the included file, undefined when there is none of that name. */
export type IncludeReader = (
  href: string,
) => { readonly text: string; readonly source: string; readonly include: IncludeReader } | undefined

/** What is wrong with a site file, without the file's name. */
export class SiteXmlProblem extends Error {}

export const MAX_SITE_FILE_BYTES = 16 * 1024 * 1024
const MAX_INCLUDE_DEPTH = 5
const MAX_PROPERTIES = 100_000

/** One node of fast-xml-parser's ordered form: a tag with its children, `:@` its attributes, `#text` a text. */
type XmlNode = Readonly<Record<string, unknown>>

const parser = new XMLParser({
  preserveOrder: true,
  ignoreAttributes: false,
  attributeNamePrefix: '',
  parseTagValue: false,
  parseAttributeValue: false,
  trimValues: false,
  processEntities: false,
  cdataPropName: '#cdata',
  ignoreDeclaration: true,
  ignorePiTags: true,
})

/** @throws SiteXmlProblem */
export function parseSiteXml(text: string, source: string, include: IncludeReader): SiteProperty[] {
  const properties: SiteProperty[] = []
  collectFile(text, source, include, 0, properties)
  return properties
}

function collectFile(text: string, source: string, include: IncludeReader, depth: number, into: SiteProperty[]): void {
  if (Buffer.byteLength(text) > MAX_SITE_FILE_BYTES) throw new SiteXmlProblem(`it is larger than ${MAX_SITE_FILE_BYTES / 1024 / 1024} MiB`)
  if (text.trim() === '') throw new SiteXmlProblem('it is empty')
  // Comments may mention a DOCTYPE; entities could only be declared in a real one.
  if (/<!(DOCTYPE|ENTITY)/i.test(text.replace(/<!--[\s\S]*?-->/g, '')))
    throw new SiteXmlProblem('a DOCTYPE or entity declaration is not allowed in it')
  const validity = XMLValidator.validate(text, { allowBooleanAttributes: false })
  if (validity !== true) throw new SiteXmlProblem(`line ${validity.err.line}, column ${validity.err.col}: ${validity.err.msg}`)
  const root = (parser.parse(text) as XmlNode[]).find((node) => tagOf(node) !== undefined)
  if (root === undefined || tagOf(root) !== 'configuration') {
    throw new SiteXmlProblem(`its root element is <${root === undefined ? '' : tagOf(root)}>, not <configuration>`)
  }
  collectElements(childrenOf(root), source, include, depth, into)
}

function collectElements(nodes: readonly XmlNode[], source: string, include: IncludeReader, depth: number, into: SiteProperty[]): void {
  for (const node of nodes) {
    switch (localName(tagOf(node))) {
      case 'property': {
        const property = readProperty(node, source)
        if (property !== undefined) into.push(property)
        if (into.length > MAX_PROPERTIES) throw new SiteXmlProblem(`it has more than ${MAX_PROPERTIES} properties`)
        break
      }
      case 'include':
        collectInclude(node, source, include, depth, into)
        break
      case 'configuration':
        collectElements(childrenOf(node), source, include, depth, into)
        break
      default:
    }
  }
}

function collectInclude(node: XmlNode, source: string, include: IncludeReader, depth: number, into: SiteProperty[]): void {
  const href = attributesOf(node)['href']
  if (href === undefined) throw new SiteXmlProblem('an XInclude has no href')
  if (depth >= MAX_INCLUDE_DEPTH) throw new SiteXmlProblem(`XIncludes are nested deeper than ${MAX_INCLUDE_DEPTH}`)
  const found = include(decodeEntities(href))
  if (found !== undefined) return collectFile(found.text, found.source, found.include, depth + 1, into)
  const fallback = childrenOf(node).find((child) => localName(tagOf(child)) === 'fallback')
  if (fallback === undefined) throw new SiteXmlProblem(`the XInclude of '${href}' names a file that is not there`)
  collectElements(childrenOf(fallback), source, include, depth, into)
}

/** Undefined for a property without a name or without a value: Hadoop ignores it. */
function readProperty(node: XmlNode, source: string): SiteProperty | undefined {
  const attributes = attributesOf(node)
  let { name, value } = attributes
  let final = attributes['final']
  for (const child of childrenOf(node)) {
    const tag = tagOf(child)
    if (tag === 'name') name = textOf(child)
    else if (tag === 'value') value = textOf(child)
    else if (tag === 'final') final = textOf(child)
  }
  const trimmed = name === undefined ? '' : decodeEntities(name).trim()
  if (trimmed === '' || value === undefined) return undefined
  return { name: trimmed, value: decodeEntities(value), final: final?.trim() === 'true', source }
}

function tagOf(node: XmlNode): string | undefined {
  return Object.keys(node).find((key) => key !== ':@' && key !== '#text' && key !== '#cdata' && key !== '#comment')
}

function childrenOf(node: XmlNode): readonly XmlNode[] {
  const tag = tagOf(node)
  return tag === undefined ? [] : (node[tag] as XmlNode[])
}

function attributesOf(node: XmlNode): Record<string, string | undefined> {
  return (node[':@'] as Record<string, string> | undefined) ?? {}
}

/** Text and CDATA of an element. CDATA stands for itself, so its ampersands are put back into escaped form. */
function textOf(node: XmlNode): string {
  let text = ''
  for (const child of childrenOf(node)) {
    if (typeof child['#text'] === 'string') text += child['#text']
    const cdata = child['#cdata'] as XmlNode[] | undefined
    for (const part of cdata ?? []) if (typeof part['#text'] === 'string') text += part['#text'].replaceAll('&', '&amp;')
  }
  return text
}

function localName(tag: string | undefined): string | undefined {
  return tag?.slice(tag.indexOf(':') + 1)
}

const PREDEFINED: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }

function decodeEntities(text: string): string {
  return text.replace(/&([^;\s]*);?/g, (reference, name: string) => {
    const predefined = PREDEFINED[name]
    if (predefined !== undefined) return predefined
    const numeric = /^#(?:x([0-9a-f]{1,6})|(\d{1,7}))$/i.exec(name)
    const code = numeric === null ? NaN : numeric[1] === undefined ? Number(numeric[2]) : Number.parseInt(numeric[1], 16)
    if (code >= 1 && code <= 0x10ffff) return String.fromCodePoint(code)
    throw new SiteXmlProblem(`the entity '${reference}' is not known`)
  })
}
