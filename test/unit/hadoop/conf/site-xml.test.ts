import { expect } from 'chai'
import fc from 'fast-check'
import { parseSiteXml, SiteXmlProblem, type IncludeReader } from '#hadoop/conf/site-xml.js'

const noInclude: IncludeReader = () => undefined
const parse = (text: string, include = noInclude) =>
  parseSiteXml(text, 'site.xml', include).map(({ name, value, final }) => ({ name, value, final }))
const problem = (text: string, include = noInclude): string => {
  try {
    parse(text, include)
  } catch (error) {
    if (error instanceof SiteXmlProblem) return error.message
    throw error
  }
  throw new Error('it was accepted')
}
const configuration = (body: string) =>
  `<?xml version="1.0"?>\n<?xml-stylesheet type="text/xsl" href="configuration.xsl"?>\n<configuration>${body}</configuration>`
const escape = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')

describe('site files', () => {
  it('read names, values and final, in the order of the file', () => {
    const text = configuration(`
      <!-- <property><name>no</name><value>no</value></property> -->
      <property><name> a </name><value> 1 </value><description>words</description></property>
      <property><value>2</value><final> true </final><name>b</name><source>x</source></property>
      <property name="c" value="3" final="true"/>`)
    expect(parse(text)).to.deep.equal([
      { name: 'a', value: ' 1 ', final: false },
      { name: 'b', value: '2', final: true },
      { name: 'c', value: '3', final: true },
    ])
  })

  it('ignore a property without a name or a value, and keep an empty value', () => {
    expect(
      parse(
        configuration(
          '<property><name>a</name></property><property><value>1</value></property><property><name>e</name><value></value></property>',
        ),
      ),
    ).to.deep.equal([{ name: 'e', value: '', final: false }])
  })

  it('know the five entities, character references and CDATA', () => {
    const text = configuration(
      '<property><name>a</name><value>&lt;&amp;&gt;&quot;&apos;&#65;&#x1F600;<![CDATA[<&lt;>]]></value></property>',
    )
    expect(parse(text)[0]?.value).to.equal(`<&>"'A😀<&lt;>`)
  })

  it('give back any text that was escaped', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'ab <>&"\'${}é😀\n;#'), maxLength: 40 }), (value) => {
        expect(parse(configuration(`<property><name>k</name><value>${escape(value)}</value></property>`))[0]?.value).to.equal(value)
      }),
    )
  })

  it('refuse entity declarations, so nothing can be expanded or fetched', () => {
    const bomb =
      '<!DOCTYPE c [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><configuration><property><name>x</name><value>&b;</value></property></configuration>'
    expect(problem(bomb)).to.include('DOCTYPE')
    expect(problem('<!DOCTYPE c SYSTEM "file:///etc/passwd"><configuration/>')).to.include('DOCTYPE')
    expect(problem(configuration('<property><name>x</name><value>&other;</value></property>'))).to.include("'&other;'")
  })

  it('tell the line of what is not well-formed, and a wrong or missing root', () => {
    expect(problem('<configuration>\n<property>\n</configuration>')).to.match(/^line 3, column \d+: /)
    expect(problem('<html></html>')).to.equal('its root element is <html>, not <configuration>')
    expect(problem('   ')).to.equal('it is empty')
  })

  it('refuse a file over the size limit', () => {
    expect(problem(configuration(`<!-- ${'x'.repeat(17 * 1024 * 1024)} -->`))).to.include('larger than 16 MiB')
  })

  it('include other files in their place, with a fallback', () => {
    const include: IncludeReader = (href) =>
      href === 'b.xml'
        ? { text: configuration('<property><name>b</name><value>2</value></property>'), source: 'b.xml', include }
        : undefined
    const text = configuration(`<property><name>a</name><value>1</value></property>
      <xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="b.xml"/>
      <xi:include href="gone.xml"><xi:fallback><property><name>c</name><value>3</value></property></xi:fallback></xi:include>`)
    expect(parse(text, include).map(({ name }) => name)).to.deep.equal(['a', 'b', 'c'])
    expect(problem(configuration('<xi:include href="gone.xml"/>'))).to.include("'gone.xml'")
  })

  it('do not follow a circle of includes for ever', () => {
    const include: IncludeReader = () => ({ text: configuration('<xi:include href="self.xml"/>'), source: 'self.xml', include })
    expect(problem(configuration('<xi:include href="self.xml"/>'), include)).to.include('nested deeper than 5')
  })
})
