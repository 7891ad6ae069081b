#!/bin/sh
# Makes the client certificate of this folder known to this machine, or takes it out again.
#
# Chromium and Chrome share one NSS database in the home folder, Firefox has one in each of its profiles, and their
# snaps have others. Each of them gets the certificate with its key, and the authority's root as one to trust for web
# servers; while one authority replaces another, both roots. Programs such as curl trust what is in the system's own
# store: it gets the roots, which takes an administrator. Running this again changes nothing.
set -eu
umask 077
# Where Debian keeps update-ca-certificates.
PATH=$PATH:/usr/sbin:/sbin

# What tells this certificate from all others in a database: the id of its key.
KEY_URI='pkcs11:id=@KEY_ID@;type=cert'
SYSTEM_FOLDER=${SYSTEM_STORE:-/usr/local/share/ca-certificates}
# Lies beside a database that this script made.
OURS=made-by-install.sh

# The roots of ca.crt, in the same order: file in the system's store, a space, name in a database.
roots() {
    cat <<'ROOTS'
@ROOTS@
ROOTS
}

usage() {
    cat <<'TEXT'
Usage: ./install.sh [--uninstall] [--browsers-only] [--password-file FILE]

  (nothing)             import the certificate for Chromium, Chrome and Firefox of this account, and let the system
                        trust the authority
  --uninstall           take the certificate, its key and the authority out again
  --browsers-only       leave the system's store alone
  --password-file FILE  read the package's password from the first line of FILE instead of asking

The system's store is the folder SYSTEM_STORE, /usr/local/share/ca-certificates if that is not set.
TEXT
}

fail() {
    printf '%s\n' "$*" >&2
    exit 1
}

action=install
system=yes
password_source=
while [ $# -gt 0 ]; do
    case $1 in
        --uninstall | --remove) action=uninstall ;;
        --browsers-only) system=no ;;
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
# Root's browsers are nobody's, and root's files in a home folder are in the way of its owner.
[ "$(id -u)" != 0 ] || [ -z "${SUDO_USER:-}" ] || fail 'Run this without sudo. It asks for administrator rights where it needs them.'

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

# Each root in a file of its own, named as in the system's store: the tools read the first certificate of a file only.
mkdir "$scratch/roots"
roots >"$scratch/roots.txt"
number=0
while IFS=' ' read -r file name; do
    number=$((number + 1))
    awk -v wanted="$number" '/-----BEGIN/ { number++ } number == wanted' "$here/ca.crt" >"$scratch/roots/$file.crt"
    printf '%s\n' "$name" >>"$scratch/root-names"
done <"$scratch/roots.txt"

# The databases of this account, one per line. The shared one is made if need be; a Firefox that was never
# started has none yet.
databases() {
    shared_databases "$HOME" "${XDG_DATA_HOME:-$HOME/.local/share}"
    snap=$HOME/snap/chromium/current
    [ ! -d "$snap" ] || shared_databases "$snap" "$snap/.local/share"
    for profiles in \
        "$HOME/.mozilla/firefox" \
        "$HOME/.config/mozilla/firefox" \
        "$HOME/snap/firefox/common/.mozilla/firefox" \
        "$HOME/snap/firefox/common/.config/mozilla/firefox" \
        "$HOME/.var/app/org.mozilla.firefox/.mozilla/firefox" \
        "$HOME/.var/app/org.mozilla.firefox/config/mozilla/firefox"; do
        for certificates in "$profiles"/*/cert9.db; do
            [ ! -f "$certificates" ] || dirname -- "$certificates"
        done
    done
}

# Chromium reads the old place if it exists, else (from version 146) the new one. Where there is neither, the old one
# serves every version; where there is only the new one, the old one would hide it.
shared_databases() { # home folder, data folder
    if [ -d "$1/.pki/nssdb" ] || [ ! -d "$2/pki/nssdb" ]; then
        printf '%s\n' "$1/.pki/nssdb"
    fi
    [ ! -d "$2/pki/nssdb" ] || printf '%s\n' "$2/pki/nssdb"
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
        : >"$1/$OURS"
    fi
    while IFS=' ' read -r file name; do
        certutil -A -d "sql:$1" -n "$name" -t 'C,,' -i "$scratch/roots/$file.crt" || return 1
    done <"$scratch/roots.txt"
    if same_certificate "$1" "$KEY_URI" "$here/client.crt"; then
        printf 'Already there: %s\n' "$1"
        return 0
    fi
    pk12util -i "$here/client.p12" -d "sql:$1" -w "$scratch/password" >/dev/null || return 1
    printf 'Imported into: %s\n' "$1"
}

uninstall_from() {
    [ -f "$1/cert9.db" ] || return 0
    if same_certificate "$1" "$KEY_URI" "$here/client.crt"; then
        certutil -F -d "sql:$1" -n "$KEY_URI" || return 1
        printf 'Removed from: %s\n' "$1"
    else
        printf 'Not there: %s\n' "$1"
    fi
    remove_authorities "$1" || return 1
    remove_if_ours "$1"
}

# Roots and issuing certificate came along with the client's. They go with the last one that needs any of them.
remove_authorities() {
    names_in "$1" >"$scratch/names"
    while IFS= read -r line; do
        case $line in
            *' u,'*)
                # The chain of another certificate with a key, from its root down.
                if certutil -O -d "sql:$1" -n "${line% *}" 2>/dev/null | grep -qF -f "$scratch/root-names"; then
                    : >"$scratch/still-needed"
                    return 0
                fi
                ;;
        esac
    done <"$scratch/names"
    sed -e '1,/-----END/d' "$here/client.crt" >"$scratch/issuing.crt"
    result=0
    while IFS= read -r line; do
        for authority in "$scratch"/roots/*.crt "$scratch/issuing.crt"; do
            if same_certificate "$1" "${line% *}" "$authority"; then
                certutil -D -d "sql:$1" -n "${line% *}" || result=1
            fi
        done
    done <"$scratch/names"
    return "$result"
}

# A database that this script made goes when nothing is left in it. One with a password does not say what is in it.
remove_if_ours() {
    [ -f "$1/$OURS" ] && [ -z "$(names_in "$1")" ] || return 0
    certutil -K -d "sql:$1" 2>&1 </dev/null | grep -q 'no keys found' || return 0
    rm -f "$1/cert9.db" "$1/key4.db" "$1/pkcs11.txt" "$1/$OURS"
    # Whatever else is in these folders keeps them.
    rmdir "$1" "${1%/*}" 2>/dev/null || true
}

# Every certificate of a database: its name, a space, how it is trusted.
names_in() {
    certutil -L -d "sql:$1" 2>/dev/null |
        sed -n -e 's/  *\([a-zA-Z]*,[a-zA-Z]*,[a-zA-Z]*\) *$/ \1/p'
}

# What the system keeps is for everybody to read.
as_administrator() (
    umask 022
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif [ -t 0 ]; then
        sudo "$@"
    else
        sudo -n "$@"
    fi
)

install_into_system() { # file of a root
    if cmp -s "$scratch/roots/$1" "$SYSTEM_FOLDER/$1"; then
        printf 'Already there: %s\n' "$SYSTEM_FOLDER/$1"
    elif ! command -v update-ca-certificates >/dev/null 2>&1; then
        printf 'Left out: this system has no update-ca-certificates.\n'
    elif as_administrator install -D -m 644 "$scratch/roots/$1" "$SYSTEM_FOLDER/$1" &&
        as_administrator update-ca-certificates >/dev/null; then
        printf 'Installed: %s\n' "$SYSTEM_FOLDER/$1"
    else
        printf 'Left out: %s. It takes an administrator; browsers do not need it.\n' "$SYSTEM_FOLDER/$1" >&2
    fi
}

uninstall_from_system() { # file of a root
    if [ ! -f "$SYSTEM_FOLDER/$1" ]; then
        printf 'Not there: %s\n' "$SYSTEM_FOLDER/$1"
    elif [ -f "$scratch/still-needed" ]; then
        printf 'Kept, since another certificate needs it: %s\n' "$SYSTEM_FOLDER/$1"
    elif as_administrator rm -f "$SYSTEM_FOLDER/$1" &&
        # Without --fresh it leaves the link to what is gone.
        as_administrator update-ca-certificates --fresh >/dev/null; then
        printf 'Removed: %s\n' "$SYSTEM_FOLDER/$1"
    else
        fail "Could not be removed: $SYSTEM_FOLDER/$1. It takes an administrator."
    fi
}

[ "$action" = uninstall ] || read_password
databases >"$scratch/databases"
failed=0
# Standard input stays free for a database's own password, which the tools ask for.
while IFS= read -r database <&3; do
    if [ "$action" = install ]; then
        install_into "$database" || failed=1
    else
        uninstall_from "$database" || failed=1
    fi
done 3<"$scratch/databases"
[ "$failed" = 0 ] || fail 'At least one database could not be changed. Close the browsers and run this again.'
if [ "$system" = yes ]; then
    for root in "$scratch"/roots/*.crt; do
        case $action in
            install) install_into_system "${root##*/}" ;;
            uninstall) uninstall_from_system "${root##*/}" ;;
        esac
    done
fi
printf 'Done. Restart the browsers: they keep their old choice of certificate until then.\n'
