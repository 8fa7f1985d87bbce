import { boolean, duration, option } from '../option.js'

export const AUTO_WATERMARK_INTERVAL = option('pipeline.auto-watermark-interval', duration(), {
  default: '200 ms',
  description:
    'How often watermark generators of programs are asked for a watermark (onPeriodicEmit); 0: never. In SQL a watermark follows each batch of rows that raises it; with 0, each row that does, and no row overtakes a watermark on its way.',
})
export const SHOW_FAILING_RECORD = option('pipeline.show-failing-record', boolean(), {
  default: 'false',
  description:
    'The failure of a function of a program shows the record that it was called with. Records may hold what not everybody should read.',
})
