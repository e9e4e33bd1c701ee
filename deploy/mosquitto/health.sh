#!/bin/sh
# Whether this Mosquitto takes alarms: run it each minute as root, and call a person when it fails. It prints what is
# wrong, and ends with 1. HOST, PORTS, DATABASE and CERTIFICATE_DAYS may say otherwise than here.
set -u
host=${HOST:-localhost} database=${DATABASE:-/var/lib/mosquitto} days=${CERTIFICATE_DAYS:-14} failed=0
wrong() { failed=1; echo "$*"; }

for port in ${PORTS:-8883 8884}; do
  # It shows its certificate before it asks for one.
  shown=$(timeout 10 openssl s_client -connect "$host:$port" </dev/null 2>/dev/null | openssl x509 2>/dev/null)
  if [ -z "$shown" ]; then
    wrong "port $port: no answer in TLS"
  elif ! echo "$shown" | openssl x509 -noout -checkend $((days * 86400)) >/dev/null; then
    wrong "port $port: its certificate ends within $days days"
  fi
done
# Sessions and what waits in them are written there; a full disk says nothing to anybody.
free=$(df -P "$database" | awk 'NR == 2 { print $4 }')
[ "${free:-0}" -ge "${FREE_KB:-102400}" ] || wrong "$database: ${free:-0} KB are free"
exit $failed
