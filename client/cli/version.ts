/** Version of Weft, and the Flink version whose REST API and SQL it speaks. */
export const VERSION = '0.1.0'
