#!/usr/bin/env bash
# Entry point of the Hadoop containers: daemon.sh namenode | datanode | resourcemanager | nodemanager
set -euo pipefail
: "${HADOOP_HOME:=/opt/hadoop}"
mkdir -p /tmp/hadoop
if [[ $HADOOP_SECURITY == kerberos ]]; then
  # The KDC's container writes this one last.
  for _ in $(seq 120); do [[ -s /weft/keytabs/ready ]] && break; sleep 1; done
  [[ -s /weft/keytabs/ready ]] || { echo "daemon.sh: no keytabs after 120 s; is the kdc running (--profile kerberos)?" >&2; exit 1; }
fi

# Users' homes, once HDFS takes writes.
homes() {
  until "$HADOOP_HOME/bin/hdfs" dfsadmin -safemode get 2>/dev/null | grep -q OFF &&
    "$HADOOP_HOME/bin/hdfs" dfs -mkdir -p /user/alice /tmp 2>/dev/null; do sleep 1; done
  "$HADOOP_HOME/bin/hdfs" dfs -chown alice /user/alice
  "$HADOOP_HOME/bin/hdfs" dfs -chmod 1777 /tmp
  echo "daemon.sh: homes are made"
}

case ${1:-} in
  namenode)
    [[ -d /tmp/hadoop/name/current ]] || "$HADOOP_HOME/bin/hdfs" namenode -format -nonInteractive
    if [[ $HADOOP_SECURITY == kerberos ]]; then (kinit -k -t /weft/keytabs/hdfs.keytab hdfs/hadoop && homes) & else homes & fi
    exec "$HADOOP_HOME/bin/hdfs" namenode ;;
  datanode) exec "$HADOOP_HOME/bin/hdfs" datanode ;;
  resourcemanager | nodemanager) exec "$HADOOP_HOME/bin/yarn" "$1" ;;
  *) echo "daemon.sh: unknown daemon '${1:-}'" >&2; exit 2 ;;
esac
