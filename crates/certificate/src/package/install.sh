#!/bin/sh
# Imports the client certificate of this folder into the browsers of this account, or takes it out again.
#
# Chromium and Chrome share one NSS database in the home folder; Firefox has one in each of its profiles.
# Each of them gets the certificate with its key, and the authority's root as one to trust for web servers.
# Running it again changes nothing.
set -eu
umask 077

# What tells this certificate from all others in a database: the id of its key.
KEY_URI='pkcs11:id=@KEY_ID@;type=cert'
CA_NAME='@CA_NAME@'

usage() {
    cat <<'TEXT'
Usage: ./install.sh [--remove] [--password-file FILE]

  (nothing)             import the certificate for Chromium, Chrome and Firefox of this account
  --remove              take the certificate, its key and the authority out again
  --password-file FILE  read the package's password from the first line of FILE instead of asking
TEXT
}

fail() {
    printf '%s\n' "$*" >&2
    exit 1
}

action=install
password_source=
while [ $# -gt 0 ]; do
    case $1 in
        --remove) action=remove ;;
        --password-file)
            [ $# -ge 2 ] || fail '--password-file needs a file'
            password_source=$2
            shift
            ;;
        -h | --help)
            usage
            exit 0
            ;;
        *)
            usage >&2
            exit 2
            ;;
    esac
    shift
done

for tool in certutil pk12util; do
    command -v "$tool" >/dev/null 2>&1 ||
        fail "$tool is not installed. On Debian and Ubuntu: sudo apt install libnss3-tools"
done
[ -n "${HOME:-}" ] || fail 'HOME is not set'

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
for file in client.p12 client.crt ca.crt; do
    [ -r "$here/$file" ] || fail "$here/$file is missing. Unpack the whole archive into one folder"
done

scratch=$(mktemp -d)
terminal=
cleanup() {
    [ -z "$terminal" ] || stty "$terminal"
    rm -rf "$scratch"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# The databases of this account, one per line. The shared one is made if need be; a Firefox that was never
# started has none yet.
databases() {
    printf '%s\n' "$HOME/.pki/nssdb"
    [ ! -d "$HOME/snap/chromium/current" ] || printf '%s\n' "$HOME/snap/chromium/current/.pki/nssdb"
    for profiles in \
        "$HOME/.mozilla/firefox" \
        "$HOME/.config/mozilla/firefox" \
        "$HOME/snap/firefox/common/.mozilla/firefox" \
        "$HOME/.var/app/org.mozilla.firefox/.mozilla/firefox" \
        "$HOME/.var/app/org.mozilla.firefox/config/mozilla/firefox"; do
        for certificates in "$profiles"/*/cert9.db; do
            [ ! -f "$certificates" ] || dirname -- "$certificates"
        done
    done
}

# The base64 of the first certificate in a PEM text on standard input: equal for equal certificates.
first_certificate() {
    sed -n -e '/-----END/q' -e '/-----BEGIN/,$ {' -e '/-----BEGIN/d' -e p -e '}' | tr -d ' \t\r\n'
}

same_certificate() { # database, name or URI, file
    found=$(certutil -L -d "sql:$1" -n "$2" -a 2>/dev/null | first_certificate) || return 1
    [ -n "$found" ] && [ "$found" = "$(first_certificate <"$3")" ]
}

read_password() {
    if [ -n "$password_source" ]; then
        IFS= read -r password <"$password_source" || [ -n "$password" ] || fail 'the password file is empty'
    elif [ -t 0 ]; then
        printf 'Password of the package: '
        terminal=$(stty -g)
        stty -echo
        IFS= read -r password || true
        stty "$terminal"
        terminal=
        printf '\n'
    else
        IFS= read -r password || [ -n "$password" ] || fail 'no password on standard input'
    fi
    printf '%s\n' "$password" >"$scratch/password"
    pk12util -l "$here/client.p12" -w "$scratch/password" >/dev/null 2>&1 ||
        fail 'The password does not open client.p12. Nothing was changed.'
}

install_into() {
    if [ ! -f "$1/cert9.db" ]; then
        mkdir -p "$1"
        certutil -N -d "sql:$1" --empty-password || return 1
    fi
    certutil -A -d "sql:$1" -n "$CA_NAME" -t 'C,,' -i "$here/ca.crt" || return 1
    if same_certificate "$1" "$KEY_URI" "$here/client.crt"; then
        printf 'Already there: %s\n' "$1"
        return 0
    fi
    pk12util -i "$here/client.p12" -d "sql:$1" -w "$scratch/password" >/dev/null || return 1
    printf 'Imported into: %s\n' "$1"
}

remove_from() {
    [ -f "$1/cert9.db" ] || return 0
    if same_certificate "$1" "$KEY_URI" "$here/client.crt"; then
        certutil -F -d "sql:$1" -n "$KEY_URI" || return 1
        printf 'Removed from: %s\n' "$1"
    else
        printf 'Not there: %s\n' "$1"
    fi
    remove_authorities "$1"
}

# Root and issuing certificate came along with the client's. They go with the last one that needs them.
remove_authorities() {
    certutil -L -d "sql:$1" 2>/dev/null |
        sed -n -e 's/  *\([a-zA-Z]*,[a-zA-Z]*,[a-zA-Z]*\) *$/ \1/p' >"$scratch/names"
    while IFS= read -r line; do
        case $line in
            *' u,'*)
                # The chain of another certificate with a key, from its root down.
                ! certutil -O -d "sql:$1" -n "${line% *}" 2>/dev/null | grep -qF "$CA_NAME" || return 0
                ;;
        esac
    done <"$scratch/names"
    sed -e '1,/-----END/d' "$here/client.crt" >"$scratch/issuing.crt"
    result=0
    while IFS= read -r line; do
        for authority in "$here/ca.crt" "$scratch/issuing.crt"; do
            if same_certificate "$1" "${line% *}" "$authority"; then
                certutil -D -d "sql:$1" -n "${line% *}" || result=1
            fi
        done
    done <"$scratch/names"
    return "$result"
}

[ "$action" = remove ] || read_password
databases >"$scratch/databases"
failed=0
# Standard input stays free for a database's own password, which the tools ask for.
while IFS= read -r database <&3; do
    if [ "$action" = install ]; then
        install_into "$database" || failed=1
    else
        remove_from "$database" || failed=1
    fi
done 3<"$scratch/databases"
[ "$failed" = 0 ] || fail 'At least one database could not be changed. Close the browsers and run this again.'
printf 'Done. Restart the browsers: they keep their old choice of certificate until then.\n'
