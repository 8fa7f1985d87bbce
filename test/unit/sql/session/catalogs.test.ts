import { expect } from 'chai'
import { describe, it } from 'mocha'
import { Configuration } from '#core/config/configuration.js'
import { virtualEnvironment } from '#core/time/virtual-environment.js'
import { compileScript } from '#sql/session/compile-script.js'

/** Rows of the last statement, or the job's name. */
function last(sql: string): unknown {
  const configuration = Configuration.of({ 'table.local-time-zone': 'UTC' })
  const { statements } = compileScript({ text: sql, name: '', configuration, environment: virtualEnvironment() })
  const effect = statements.at(-1)?.effect
  return effect?.kind === 'rows' ? effect.rows.map((row) => row.join('|')) : effect?.kind === 'job' ? effect.jobGraph.name : effect?.kind
}

const BASE = `CREATE TABLE base (
  id BIGINT COMMENT 'the key', name STRING, ts TIMESTAMP(3), double_id AS id * 2, part INT METADATA FROM 'partition' VIRTUAL,
  WATERMARK FOR ts AS ts - INTERVAL '1' SECOND, PRIMARY KEY (id) NOT ENFORCED
) COMMENT 'a table' WITH ('connector' = 'datagen', 'rows-per-second' = '1');
`

describe('catalogs and databases', () => {
  it('hold tables of the same name, and short names mean those of the current one', () => {
    const made = `CREATE TABLE t (a INT) WITH ('connector' = 'datagen', 'number-of-rows' = '1');
      CREATE CATALOG c WITH ('type' = 'generic_in_memory', 'default-database' = 'd');
      CREATE TABLE c.d.t (b INT) WITH ('connector' = 'datagen', 'number-of-rows' = '1');`
    expect(last(`${made} DESCRIBE t`)).to.deep.equal(['a|INT|TRUE|||'])
    expect(last(`${made} USE CATALOG c; DESCRIBE t`)).to.deep.equal(['b|INT|TRUE|||'])
    expect(last(`${made} USE c.d; DESCRIBE default_catalog.default_database.t`)).to.deep.equal(['a|INT|TRUE|||'])
    expect(
      last(
        `${made} USE CATALOG c; INSERT INTO blackhole SELECT 1`.replace(
          'INSERT',
          "CREATE TABLE blackhole (a INT) WITH ('connector' = 'blackhole'); INSERT",
        ),
      ),
    ).to.equal('insert-into_c.d.blackhole')
  })

  it('a view keeps meaning the tables of the database it was made in', () => {
    const made = `CREATE DATABASE d; USE d; CREATE TABLE t (a INT) WITH ('connector' = 'datagen', 'number-of-rows' = '1');
      CREATE VIEW v AS SELECT a FROM t; USE default_database;`
    expect(last(`${made} DESCRIBE d.v`)).to.deep.equal(['a|INT|TRUE|||'])
    expect(last(`${made} SELECT * FROM d.v`)).to.equal('SELECT * FROM d.v')
  })

  it('are dropped with what is in them only when asked to', () => {
    const made = "CREATE DATABASE d; CREATE TABLE d.t (a INT) WITH ('connector' = 'print');"
    expect(() => last(`${made} DROP DATABASE d RESTRICT`)).to.throw(/not empty/)
    expect(last(`${made} DROP DATABASE d CASCADE; SHOW DATABASES`)).to.deep.equal(['default_database'])
  })

  it('functions have names without case, in layers of their own', () => {
    const made = `CREATE FUNCTION Twice AS 'f.js#twice' LANGUAGE JAVASCRIPT; CREATE TEMPORARY FUNCTION twice AS 'g.ts#twice' LANGUAGE TYPESCRIPT;
      CREATE TEMPORARY SYSTEM FUNCTION once AS 'f.js#once' LANGUAGE JAVASCRIPT;`
    expect(last(`${made} SHOW USER FUNCTIONS`)).to.deep.equal(['Twice', 'once', 'twice'])
    expect(last(`${made} DROP TEMPORARY FUNCTION TWICE; DROP TEMPORARY SYSTEM FUNCTION ONCE; SHOW USER FUNCTIONS`)).to.deep.equal(['Twice'])
    expect(last(`${made} SHOW FUNCTIONS LIKE 'CO%'`)).to.include('COUNT')
  })
})

describe('CREATE TABLE', () => {
  it('LIKE takes everything over, options under its own', () => {
    expect(last(`${BASE} CREATE TABLE t (more INT) WITH ('rows-per-second' = '5') LIKE base; SHOW CREATE TABLE t`)).to.deep.equal([
      `CREATE TABLE \`default_catalog\`.\`default_database\`.\`t\` (
  \`id\` BIGINT NOT NULL COMMENT 'the key',
  \`name\` VARCHAR(2147483647),
  \`ts\` TIMESTAMP(3),
  \`double_id\` AS id * 2,
  \`part\` INT METADATA FROM 'partition' VIRTUAL,
  \`more\` INT,
  WATERMARK FOR \`ts\` AS ts - INTERVAL '1' SECOND,
  CONSTRAINT \`PK_3386\` PRIMARY KEY (\`id\`) NOT ENFORCED
)
COMMENT 'a table'
WITH (
  'connector' = 'datagen',
  'rows-per-second' = '5'
)
`,
    ])
  })

  it('LIKE leaves out what it is told to, and overwrites', () => {
    const like = (options: string, own = '') =>
      last(`${BASE} CREATE TABLE t (${own === '' ? 'more INT' : own}) LIKE base (${options}); DESCRIBE t`) as string[]
    expect(like('EXCLUDING ALL INCLUDING OPTIONS')).to.deep.equal([
      'id|BIGINT|FALSE||||the key',
      'name|STRING|TRUE||||',
      'ts|TIMESTAMP(3)|TRUE||||',
      'more|INT|TRUE||||',
    ])
    expect(like('OVERWRITING GENERATED', 'double_id AS id + 1')[3]).to.equal('double_id|BIGINT|FALSE||AS id + 1||')
    expect(like('OVERWRITING WATERMARKS', 'WATERMARK FOR ts AS ts')[2]).to.equal('ts|TIMESTAMP(3) *ROWTIME*|TRUE|||ts|')
  })

  it('AS SELECT makes the table and fills it; OR REPLACE takes the place of one', () => {
    const made = "CREATE TABLE t WITH ('connector' = 'blackhole') AS SELECT 1 AS a, 'x' AS b;"
    expect(last(made)).to.equal('insert-into_default_catalog.default_database.t')
    expect(last(`${made} DESCRIBE t`)).to.deep.equal(['a|INT|FALSE|||', 'b|VARCHAR(1)|FALSE|||'])
    expect(last(`${made} CREATE OR REPLACE TABLE t WITH ('connector' = 'blackhole') AS SELECT 2 AS c; DESCRIBE t`)).to.deep.equal([
      'c|INT|FALSE|||',
    ])
    expect(last(`${made} CREATE TABLE IF NOT EXISTS t WITH ('connector' = 'blackhole') AS SELECT 2 AS c`)).to.equal('none')
    expect(() => last(made + made)).to.throw(/already exists in Catalog default_catalog/)
  })
})

describe('ALTER TABLE', () => {
  const altered = (change: string) => last(`${BASE} ALTER TABLE base ${change}; DESCRIBE base`) as string[]
  const names = (rows: readonly string[]) => rows.map((row) => row.split('|')[0])

  it('adds columns where they are wanted', () => {
    expect(names(altered('ADD (a INT FIRST, b INT AFTER name, c INT)'))).to.deep.equal([
      'a',
      'id',
      'name',
      'b',
      'ts',
      'double_id',
      'part',
      'c',
    ])
  })
  it('changes a column, which keeps its comment, and moves it', () => {
    expect(altered('MODIFY id INT NOT NULL')[0]).to.equal('id|INT|FALSE|PRI(id)|||the key')
    expect(names(altered('MODIFY name STRING FIRST'))[0]).to.equal('name')
  })
  it('renames and drops', () => {
    expect(names(altered('RENAME name TO title'))).to.include('title')
    expect(names(altered('DROP (name, part)'))).to.deep.equal(['id', 'ts', 'double_id'])
    expect(altered('DROP PRIMARY KEY')[0]).to.equal('id|BIGINT|FALSE||||the key')
    expect(altered('DROP WATERMARK')[2]).to.equal('ts|TIMESTAMP(3)|TRUE||||')
    expect(last(`${BASE} ALTER TABLE base RENAME TO other; SHOW TABLES`)).to.deep.equal(['other'])
  })
  it('sets and resets options', () => {
    const sql = `${BASE} ALTER TABLE base SET ('number-of-rows' = '7'); ALTER TABLE base RESET ('rows-per-second'); SHOW CREATE TABLE base`
    expect((last(sql) as string[])[0]).to.match(/'number-of-rows' = '7'\n\)\n$/)
  })
  it('refuses what others refer to', () => {
    expect(() => altered('DROP id')).to.throw(/used as the primary key/)
    expect(() => altered('RENAME id TO key')).to.throw(/referenced by computed column `double_id`/)
    expect(() => altered('DROP ts')).to.throw(/referenced by watermark expression/)
  })
})
