import { boolean, duration, option } from '../option.js'

export const AUTO_WATERMARK_INTERVAL = option('pipeline.auto-watermark-interval', duration(), {
  default: '200 ms',
  description: 'How often watermark generators of programs are asked for a watermark (onPeriodicEmit); 0: never.',
})
export const SHOW_FAILING_RECORD = option('pipeline.show-failing-record', boolean(), {
  default: 'false',
  description:
    'The failure of a function of a program shows the record that it was called with. Records may hold what not everybody should read.',
})
