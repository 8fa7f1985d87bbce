import type { TableConnector } from '../connector.js'
export const datagenConnector: TableConnector = { identifier: 'datagen', options: [] }
