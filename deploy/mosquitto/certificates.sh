#!/bin/sh
# The certificates of a site's broker, devices and command centres (EC P-256, openssl). Run it on a PC that stays in
# the office: whoever has these authorities' keys can make a device.
#
#   certificates.sh authorities                         once: makes the three authorities
#   certificates.sh server broker-a.example [10.0.0.5]  the broker's certificate, for its names and addresses
#   certificates.sh device gp jhb-park-station kiosk-0042   a device's: province, site and id, as in its settings
#   certificates.sh centre jhb-centre                   a command centre's certificate
#   certificates.sh revoke pki/out/gp.jhb-park-station.kiosk-0042.pem   a stolen device; renews the revocation list
#
# Everything lies in ./pki, or in $PKI: the authorities, and in out/ what is handed over.
set -eu
umask 077

PKI=${PKI:-pki}
DEVICE_DAYS=1825
AUTHORITY_DAYS=7300

fail() {
  echo "certificates.sh: $1" >&2
  exit 1
}

# openssl speaks much when all is well; it is heard only when something is not.
quietly() {
  "$@" >"$PKI/openssl.log" 2>&1 || {
    cat "$PKI/openssl.log" >&2
    fail "openssl failed: see above"
  }
}

write_configuration() {
  cat >"$PKI/openssl.cnf" <<'END'
[ca]
default_ca = CA
[CA]
dir = $ENV::CA_DIRECTORY
database = $dir/index.txt
new_certs_dir = $dir/issued
certificate = $dir/ca.pem
private_key = $dir/ca.key
rand_serial = yes
unique_subject = no
default_md = sha256
policy = name_only
# A list that has expired shuts everybody out, so it is renewed when somebody is revoked and not by the calendar.
default_crl_days = 7300
[name_only]
commonName = supplied
[req]
prompt = no
distinguished_name = empty
[empty]
[authority]
basicConstraints = critical, CA:true, pathlen:0
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[client]
basicConstraints = critical, CA:false
keyUsage = critical, digitalSignature
extendedKeyUsage = clientAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = $ENV::SUBJECT_ALT_NAME
[server]
basicConstraints = critical, CA:false
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = $ENV::SUBJECT_ALT_NAME
END
}

authority() {
  CA_DIRECTORY=$PKI/$1
  mkdir -p "$CA_DIRECTORY/issued"
  : >"$CA_DIRECTORY/index.txt"
  quietly openssl req -x509 -config "$PKI/openssl.cnf" -extensions authority -days $AUTHORITY_DAYS \
    -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=Edge agent $1" \
    -keyout "$CA_DIRECTORY/ca.key" -out "$CA_DIRECTORY/ca.pem"
  revocation_list
}

revocation_list() {
  quietly openssl ca -config "$PKI/openssl.cnf" -gencrl -out "$CA_DIRECTORY/ca.crl"
}

# issue AUTHORITY EXTENSIONS FILE NAME [PROBE]: a key, a certificate, and behind the key one that the probe shows with it
issue() {
  [ -e "$PKI/$1/ca.key" ] || fail "there is no authority in $PKI yet: run certificates.sh authorities"
  [ ! -e "$PKI/out/$3.pem" ] || fail "$PKI/out/$3.pem is there already: revoke it if it was ever handed out, then move it away"
  CA_DIRECTORY=$PKI/$1
  mkdir -p "$PKI/out"
  extensions=$2 file=$PKI/out/$3
  shift 3
  quietly openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$file.key"
  into=$file.pem
  for name in "$@"; do
    # With dots, for brokers that write topics so. The server's was set by its hosts.
    [ "$extensions" = server ] || SUBJECT_ALT_NAME=DNS:$(echo "$name" | tr / .)
    quietly openssl req -new -config "$PKI/openssl.cnf" -key "$file.key" -out "$file.csr" \
      -subj "/CN=$(common_name "$name" | sed 's|/|\\/|g')"
    quietly openssl ca -batch -notext -config "$PKI/openssl.cnf" -extensions "$extensions" -days $DEVICE_DAYS \
      -in "$file.csr" -out "$file.one"
    cat "$file.one" >>"$into"
    into=$file.key
  done
  rm "$file.csr" "$file.one"
  echo "$file.pem and $file.key, until $(openssl x509 -noout -enddate -in "$file.pem" | cut -d= -f2)"
}

# X.509 allows 64 characters: a longer name gets one that stands for it, and lines of its own in the access list.
common_name() {
  [ ${#1} -gt 64 ] || { echo "$1" && return; }
  echo "long-$(printf %s "$1" | openssl dgst -sha256 -r | cut -c1-56)"
}

# access NAME RIGHT...: what the access list needs to know of a name that is too long
access() {
  [ ${#1} -gt 64 ] || return 0
  echo "$1 is too long for a certificate: append this to edge-agent.acl on each broker, and restart it"
  echo "user $(common_name "$1")"
  shift
  printf 'topic %s\n' "$@"
}

check_name() {
  case $1 in
  '' | *[!a-z0-9-]*) fail "'$1' is no name: use a-z, 0-9 and dash, as in the device's settings" ;;
  esac
}

export CA_DIRECTORY=
export SUBJECT_ALT_NAME=DNS:unused

[ $# -ge 1 ] || fail "say what: authorities, server, device, centre or revoke (see the top of this file)"
command -v openssl >/dev/null || fail "openssl is missing: sudo apt-get install openssl"
what=$1
shift
# An older version's would leave out what certificates have held since.
[ ! -e "$PKI/device-ca" ] || write_configuration
case $what in
authorities)
  [ ! -e "$PKI/device-ca" ] || fail "$PKI has authorities already: new ones would lock every device out"
  mkdir -p "$PKI"
  write_configuration
  for name in server-ca device-ca centre-ca; do authority "$name"; done
  echo "$PKI/server-ca, device-ca and centre-ca: keep them offline, with a copy in a safe"
  ;;
server)
  [ $# -ge 1 ] || fail "name the broker's host: certificates.sh server broker-a.example"
  SUBJECT_ALT_NAME=
  for host in "$@"; do
    case $host in
    *[!0-9.]*) kind=DNS ;;
    *) kind=IP ;;
    esac
    SUBJECT_ALT_NAME=${SUBJECT_ALT_NAME:+$SUBJECT_ALT_NAME,}$kind:$host
  done
  issue server-ca server "$1" "$1"
  ;;
device)
  [ $# -eq 3 ] || fail "give province, site and id: certificates.sh device gp jhb-park-station kiosk-0042"
  for level in "$@"; do check_name "$level"; done
  # The second one is for the self-test's probe, which must not take the place of the device.
  device=$1/$2/$3 probe=$1/$2/$3/up/alarm
  issue device-ca client "$1.$2.$3" "$device" "$probe"
  access "$device" "write edge/v1/$device/up/#" "read edge/v1/$device/down/#"
  access "$probe" "write edge/v1/$probe/self-test"
  ;;
centre)
  [ $# -eq 1 ] || fail "give one name: certificates.sh centre jhb-centre"
  check_name "$1"
  issue centre-ca client "$1" "$1"
  ;;
revoke)
  [ $# -eq 1 ] && [ -e "$1" ] || fail "name the certificate's file, for example $PKI/out/gp.jhb-park-station.kiosk-0042.pem"
  for name in device-ca centre-ca; do
    CA_DIRECTORY=$PKI/$name
    if openssl verify -CAfile "$CA_DIRECTORY/ca.pem" "$1" >/dev/null 2>&1; then
      # And with it that of its probe, which is for the same key.
      key=$(openssl x509 -noout -pubkey -in "$1")
      for each in "$CA_DIRECTORY"/issued/*.pem; do
        [ "$(openssl x509 -noout -pubkey -in "$each")" != "$key" ] ||
          quietly openssl ca -config "$PKI/openssl.cnf" -revoke "$each"
      done
      revocation_list
      echo "revoked; copy $CA_DIRECTORY/ca.crl to the broker as $name.crl, readable to all, name it in edge-agent.conf, and restart"
      exit 0
    fi
  done
  fail "$1 is of none of the authorities in $PKI"
  ;;
*)
  fail "'$what' is none of: authorities, server, device, centre, revoke"
  ;;
esac
