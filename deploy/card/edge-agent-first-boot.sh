#!/bin/sh
# Run by edge-agent-first-boot.service at the first start of a card that `make image` has prepared, and again, after a power
# cut too, until it has ended well. What it did stands in edge-agent-first-boot.txt on the boot partition, for whoever
# takes the card out.
set -u
card=/boot/firmware
log=$card/edge-agent-first-boot.txt
# The state of the enrolment, which `edge-agent enrol` writes there too: agent/provisioning/progress.py.
stands='^[^ ]+ [^ ]+ (not enrolled|this device is enrolled, but)'
export DEBIAN_FRONTEND=noninteractive LC_ALL=C

# Only once, since each line written wears the card. The state of the enrolment stays the last line.
say() {
  echo "$*"
  if [ -e $log ] && cut -d' ' -f3- $log | grep -qxF -- "$*"; then return; fi
  mkdir -p /run/edge-agent-enrol
  # Anybody who may open the file could lock it, and keep this waiting for ever.
  (umask 077 && : >>/run/edge-agent-enrol/card.lock)
  (
    flock 9
    { grep -svE "$stands" $log; echo "$(date -u '+%F %T') $*"; grep -sE "$stands" $log; } >$log.new
    sync $log.new
    mv $log.new $log
  ) 9>/run/edge-agent-enrol/card.lock
}

fail() {
  say "$*"
  exit 1
}

# Another may be at work at a first start.
packages() {
  apt-get -q -y --no-install-recommends -o DPkg::Lock::Timeout=600 "$@" 2>&1
}

set -- $card/edge-agent_*.deb
if [ -e "$1" ]; then
  dpkg --configure -a
  said=$(packages install "$1") || fail "not installed, and tried again every minute: $(echo "$said" | grep -v '^W:' | tail -n 4 | tr -s '\n ' ' ')"
  echo "$said" | grep '^edge-agent: '
  say "installed ${1##*/}"
fi
[ -e /etc/edge-agent/edge-agent.toml ] || fail "there are no settings: $card/edge-agent.profile names none of /usr/share/edge-agent/profiles. Prepare the card anew (make image)"
if [ -e $card/edge-agent.profile ]; then
  kind=$(cat $card/edge-agent.profile)
  # What an enrolment adds is no difference.
  if diff -rq "/usr/share/edge-agent/profiles/$kind/edge-agent.d" /etc/edge-agent/edge-agent.d | grep -qv '^Only in /etc'; then
    say "it has settings of its own, which stay: they are not those of $kind"
  else
    say "its settings are those of $kind"
  fi
fi

if [ -e $card/edge-agent.claim ]; then
  say "enrolment has begun, with the claim"
  systemctl start --no-block edge-agent-enrol.service
elif ! [ -e /var/lib/edge-agent/credentials/current ] && ! grep -qsE "$stands" $log; then
  say "not enrolled: no claim on the card: run sudo edge-agent enrol with the office's invitation"
fi
systemctl start --no-block edge-agent-enrol-lamps.service

# What no card can bring along: it belongs to the system. python3-av has the encoders of recordings.
missing=
wanted() {
  if grep -qs "$1" /etc/edge-agent/edge-agent.toml /etc/edge-agent/edge-agent.d/*.toml && ! [ -e "/usr/share/doc/$2" ]; then
    missing="$missing${missing:+ }$2"
  fi
}
wanted '^source = "picamera2' python3-picamera2
wanted '^\[\[cameras\]\]' python3-av
if [ -n "$missing" ]; then
  # shellcheck disable=SC2086 - they are words
  if { packages update && packages install $missing; } >/dev/null; then
    say "installed $missing"
    systemctl try-restart edge-agent.service
  elif [ "$missing" = python3-av ] && [ "$(cut -d. -f1 /proc/uptime)" -gt 1800 ]; then
    # A network without Debian's packages, for half an hour. All else works.
    say "python3-av is not to be had, so nothing is recorded: sudo apt-get install --no-install-recommends python3-av"
  else
    fail "what a camera needs ($missing) wants the network: tried again every minute"
  fi
fi

# The hardware watchdog, which systemd reads when it begins. Not while packages are installed: it would be a tight one.
systemctl daemon-reexec

rm -f "$1" $card/edge-agent.profile $card/vendor-data $card/edge-agent-first-boot.service
# Last: what is cut off before goes on here.
rm -f $card/edge-agent-first-boot.sh
# Else `edge-agent enrol` says so, when the device is enrolled.
if [ -e /var/lib/edge-agent/credentials/current ] && ! grep -qsE "$stands" $log; then
  say "done"
fi
systemctl --no-reload disable edge-agent-first-boot.service
rm -f /etc/systemd/system/edge-agent-first-boot.service
sync
