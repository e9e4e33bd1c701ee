#!/bin/sh
# The operators' logins at a broker: a password, and what the login may say and hear. Run it on each broker's host.
#
#   login.sh add thandi       asks for a password twice, or reads one line from a pipe; again: a new password
#   login.sh remove thandi    the login is gone, and whoever uses it is thrown out
#   login.sh list
#   login.sh refresh FILE     the access list becomes FILE, and the lines of all logins; says nothing if it is so already
#
# The broker takes the name of the login for the client id, so each page that is open at once needs a name of its own:
# thandi, thandi-2 ... thandi-9, with one password. A page chooses one that is free.
#
# The files are logins and edge-agent.acl in /etc/mosquitto/edge-agent, and operators in /etc/nginx/edge-agent, by which
# nginx shows recordings; or all in $FILES. Afterwards: systemctl reload mosquitto
set -eu
umask 077

OPERATORS=${FILES:-/etc/nginx/edge-agent}/operators
FILES=${FILES:-/etc/mosquitto/edge-agent}
LOGINS=$FILES/logins
ACCESS=$FILES/edge-agent.acl
LEAST_CHARACTERS=12

fail() {
  echo "login.sh: $1" >&2
  exit 1
}

# The access list without the block of this login
access_of_others() {
  awk -v name="$1" '$0 == "# --- login " name { skip = 1 } !skip { print } $0 == "# --- end of login " name { skip = 0 }' "$ACCESS"
}

# The province that an access list of the province kit is for; else every one.
province() {
  name=$(sed -n 's/^# province //p' "$1")
  echo "${name:-+}"
}

# block LOGIN PROVINCE. A browser has up to three pages of a login open, and each speaks as a centre of its own.
block() {
  echo "# --- login $1"
  for name in "$1" "$1-2" "$1-3" "$1-4" "$1-5" "$1-6" "$1-7" "$1-8" "$1-9"; do
    echo "user $name"
    # Else a pattern above would let the login speak for a device in a province of its own name.
    echo "topic deny edge/v1/$name/#"
    # With up/live/#: a login sees along when somebody else looks, and no device knows of it. To one that only watches alarms:
    #   topic deny edge/v1/PROVINCE/+/+/up/live/#
    echo "topic read edge/v1/$2/+/+/up/#"
    # Not down/config, where settings wait: whoever may write there may also clear them.
    echo "topic write edge/v1/$2/+/+/down/ack/+"
    echo "topic write edge/v1/$2/+/+/down/command/+"
    for page in "$1" "$1-2" "$1-3"; do
      echo "topic readwrite edge/v1/host/$page/state"
      echo "topic readwrite edge/v1/host/$page/echo"
    done
  done
  echo "# --- end of login $1"
}

# The names of logins, without those of further pages
logins() {
  [ ! -e "$LOGINS" ] || cut -d: -f1 "$LOGINS" | grep -v -- '-[2-9]$' || true
}

# with_pages FILE: its logins, each under the names of further pages too
with_pages() {
  awk -F: '$1 !~ /-[2-9]$/ { print; for (page = 2; page <= 9; page++) print $1 "-" page substr($0, length($1) + 1) }' "$1"
}

# A file takes the place of another in one step, with its owner and its rights.
replace() {
  chown --reference="$ACCESS" "$1"
  chmod 600 "$1"
  mv "$1" "$2"
}

# The operators' list of nginx without this login, into a file beside it. nginx knows other hashes than Mosquitto.
operators_but() {
  if [ -e "$OPERATORS" ]; then grep -v "^$1:" "$OPERATORS" >"$OPERATORS.new" || true; else : >"$OPERATORS.new"; fi
}

# Its own workers read it, at each request.
replace_operators() {
  chgrp www-data "$OPERATORS.new" 2>/dev/null || true
  chmod 640 "$OPERATORS.new"
  mv "$OPERATORS.new" "$OPERATORS"
}

password() {
  if [ -t 0 ]; then
    stty -echo
    printf 'Password of %s: ' "$1" >&2
    IFS= read -r first
    printf '\nOnce more: ' >&2
    IFS= read -r second
    echo >&2
    stty echo
    [ "$first" = "$second" ] || fail "that was not the same twice"
  else
    IFS= read -r first || [ -n "$first" ] || fail "no password on standard input"
  fi
  [ ${#first} -ge $LEAST_CHARACTERS ] || fail "a password has $LEAST_CHARACTERS characters or more"
}

[ $# -ge 1 ] || fail "say what: add, remove, list or refresh (see the top of this file)"
[ -w "$ACCESS" ] || fail "$ACCESS can't be written: run this as root on the broker's host, after its set-up (docs/how-to/start-a-province.md)"
what=$1
shift
case $what in
add | remove)
  [ $# -eq 1 ] || fail "give one name and nothing else: login.sh $what thandi"
  case $1 in
  # A single digit at the end is that of a further page; long- begins the names of certificates that were too long.
  '' | *[!a-z0-9-]* | -* | *- | *-[0-9] | long-* | host)
    fail "'$1' is no name for a login: use a-z, 0-9 and dash, and no dash with a single digit at the end"
    ;;
  esac
  [ ${#1} -le 40 ] || fail "'$1' is too long: up to 40 characters"
  ;;
refresh)
  [ $# -eq 1 ] && [ -r "$1" ] || fail "give the access list: login.sh refresh province.acl"
  ;;
esac
new=$(mktemp "$ACCESS.XXXXXX")
trap 'rm -f "$new" "$LOGINS.new" "$LOGINS.all" "$OPERATORS.new"; [ ! -t 0 ] || stty echo' EXIT
case $what in
add)
  access_of_others "$1" >"$new"
  ! grep -qE "^topic .*/host/$1(-[23])?/" "$new" || fail "$1 is the name of a command centre in $ACCESS already"
  command -v mosquitto_passwd >/dev/null || fail "mosquitto_passwd is missing: sudo apt-get install mosquitto"
  password "$1"
  block "$1" "$(province "$new")" >>"$new"
  if [ -e "$LOGINS" ]; then cp "$LOGINS" "$LOGINS.new"; else : >"$LOGINS.new"; fi
  # Never as a word of the command line, which everybody on the host can read.
  printf '%s\n%s\n' "$first" "$first" | mosquitto_passwd "$LOGINS.new" "$1" >/dev/null
  with_pages "$LOGINS.new" >"$LOGINS.all"
  mv "$LOGINS.all" "$LOGINS.new"
  if [ -d "${OPERATORS%/*}" ]; then
    command -v openssl >/dev/null || fail "openssl is missing: sudo apt-get install openssl"
    operators_but "$1"
    hash=$(printf '%s\n' "$first" | openssl passwd -6 -stdin)
    printf '%s:%s\n' "$1" "$hash" >>"$OPERATORS.new"
  fi
  replace "$new" "$ACCESS"
  replace "$LOGINS.new" "$LOGINS"
  # Last: whoever is in this list alone would see recordings and be on no list of logins.
  [ ! -e "$OPERATORS.new" ] || replace_operators
  echo "$1 may log in after: systemctl reload mosquitto"
  ;;
remove)
  grep -qs "^$1:" "$LOGINS" "$OPERATORS" || fail "there is no login $1"
  access_of_others "$1" >"$new"
  grep -svE "^$1(-[2-9])?:" "$LOGINS" >"$LOGINS.new" || true
  [ ! -e "$OPERATORS" ] || { operators_but "$1" && replace_operators; }
  replace "$LOGINS.new" "$LOGINS"
  replace "$new" "$ACCESS"
  echo "$1 is gone after: systemctl reload mosquitto"
  ;;
list)
  logins
  ;;
refresh)
  cp "$1" "$new"
  for login in $(logins); do block "$login" "$(province "$1")" >>"$new"; done
  if [ -e "$LOGINS" ]; then with_pages "$LOGINS" >"$LOGINS.new"; else : >"$LOGINS.new"; fi
  cmp -s "$new" "$ACCESS" || { replace "$new" "$ACCESS" && echo "the access list is another one now"; }
  [ ! -e "$LOGINS" ] || cmp -s "$LOGINS.new" "$LOGINS" || { replace "$LOGINS.new" "$LOGINS" && echo "each login has the names of further pages now"; }
  ;;
*)
  fail "'$what' is none of: add, remove, list, refresh"
  ;;
esac
