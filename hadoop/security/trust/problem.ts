/** What is wrong with the bytes of a trust store; becomes HADOOP_TRUST_STORE_UNREADABLE where its file is known. */
export class TrustStoreProblem extends Error {
  override readonly name = 'TrustStoreProblem'
}
