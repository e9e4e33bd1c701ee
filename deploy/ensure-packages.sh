#!/bin/sh
# Installs the Debian packages named on the command line, if they are missing. Example: ensure-packages.sh mosquitto
set -eu

missing=
for package in "$@"; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null; then
  echo "This machine has no apt-get. Please install by hand:$missing" >&2
  exit 1
fi
as_root=
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "Please run as root: apt-get install$missing" >&2
    exit 1
  fi
  as_root=sudo
fi
echo "Installing$missing (apt-get)"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
for attempt in install update-and-install; do
  [ "$attempt" = install ] || $as_root apt-get update -q >>"$log" 2>&1 || true
  # shellcheck disable=SC2086 # the names are words
  if $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $missing >>"$log" 2>&1; then
    exit 0
  fi
done
cat "$log" >&2
echo "apt-get could not install:$missing. See above; a first step is: apt-get update" >&2
exit 1
