/** What `flink-version` and `flink-commit` say: this product's own. A test compares the version with package.json. */
export const WEFT_VERSION = '0.1.0'
/** A build knows no commit. */
export const WEFT_REVISION = 'unknown'
