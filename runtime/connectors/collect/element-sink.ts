/** Brings the elements of a stream back to the program: as bytes of the object codec, in base64, through the coordinator of a SELECT. */
import type { Batch } from '../../columnar/batch.js'
import { ObjectReader, ObjectWriter } from '../../columnar/object-codec.js'
import { ElementReader } from '../../operators/process/element-reader.js'
import type { TypeInformation } from '../../operators/process/type-information.js'
import { CollectOperator } from './sink.js'

export class CollectElementsOperator extends CollectOperator {
  readonly #reader: ElementReader
  readonly #writer = new ObjectWriter()

  constructor(type: TypeInformation) {
    super({ fields: [] })
    this.#reader = new ElementReader(type)
  }

  override processBatch(batch: Batch): void | Promise<void> {
    this.#reader.bind(batch)
    return super.processBatch(batch)
  }

  protected override cells(_batch: Batch, position: number): (string | null)[] {
    this.#writer.truncate()
    this.#writer.write(this.#reader.read(position), 'an element for executeAndCollect')
    return [Buffer.from(this.#writer.bytes.buffer, this.#writer.bytes.byteOffset, this.#writer.length).toString('base64')]
  }
}

/** The element of a row that CollectElementsOperator made. @throws MALFORMED_OBJECT */
export function decodeElement(cell: string | null): unknown {
  return new ObjectReader().read(Buffer.from(cell ?? '', 'base64'))
}
