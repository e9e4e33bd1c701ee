#!/bin/sh
# Whether this node of RabbitMQ takes alarms: run it each minute, as root or the user rabbitmq, and call a person when it
# fails. It prints what is wrong, and ends with 1.
set -u
failed=0
check() {
  said=$(rabbitmq-diagnostics -q "$@" 2>&1) || { failed=1; printf '%s: %s\n' "$1" "$said"; }
}
check check_running
check check_local_alarms # a full disk or memory: it reads nothing that is published, and tells no kiosk
check check_protocol_listener mqtt/ssl
check check_certificate_expiration --unit days --within "${CERTIFICATE_DAYS:-14}"
exit $failed
