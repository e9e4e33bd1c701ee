#!/bin/sh
# Installs the Debian packages named on the command line, if they are missing. Example: ensure-packages.sh mosquitto
# UNSTARTED names units that these packages bring, and that must not run: neither now nor after a boot.
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
policy=
trap 'rm -f "$log"; [ -z "$policy" ] || $as_root rm -f "$policy"' EXIT
if [ -n "${UNSTARTED:-}" ] && [ ! -e /usr/sbin/policy-rc.d ]; then
  # Debian asks this program before it starts a service of a new package; 101 is no.
  policy=/usr/sbin/policy-rc.d
  printf '#!/bin/sh\nexit 101\n' | $as_root tee "$policy" >/dev/null
  $as_root chmod 755 "$policy"
fi
for attempt in install update-and-install; do
  [ "$attempt" = install ] || $as_root apt-get update -q >>"$log" 2>&1 || true
  # shellcheck disable=SC2086 # the names are words
  if $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $missing >>"$log" 2>&1; then
    # shellcheck disable=SC2086
    [ -z "${UNSTARTED:-}" ] || $as_root systemctl disable --now $UNSTARTED >>"$log" 2>&1 || true
    exit 0
  fi
done
cat "$log" >&2
echo "apt-get could not install:$missing. See above; a first step is: apt-get update" >&2
exit 1
