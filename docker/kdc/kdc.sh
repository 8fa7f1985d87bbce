#!/usr/bin/env bash
# Makes the realm and its keytabs, then serves it.
set -euo pipefail
keytabs=/weft/keytabs realm=WEFT.TEST
rm -f "$keytabs"/*
mkdir -p /etc/krb5kdc /var/lib/krb5kdc
cat >/etc/krb5kdc/kdc.conf <<C
[realms]
  $realm = {
    max_life = 10h
    max_renewable_life = 7d
    default_principal_flags = +renewable, +forwardable
  }
C
[[ -e /var/lib/krb5kdc/principal ]] || kdb5_util create -s -r "$realm" -P "$(head -c 24 /dev/urandom | base64 -w0)"
key() { # KEYTAB PRINCIPAL
  kadmin.local -q "addprinc -randkey $2" >/dev/null
  kadmin.local -q "ktadd -k $keytabs/$1.keytab $2" >/dev/null
}
for service in hdfs yarn; do key "$service" "$service/hadoop"; done
for host in namenode datanode resourcemanager nodemanager1 nodemanager2; do key HTTP "HTTP/$host"; done
key alice alice
head -c 48 /dev/urandom | base64 -w0 >"$keytabs/http-secret"
# The Hadoop image's user reads them; nothing but this test cluster ever sees the volume.
chmod 644 "$keytabs"/*
echo yes >"$keytabs/ready"
exec krb5kdc -n
