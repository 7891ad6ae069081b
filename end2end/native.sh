#!/usr/bin/env bash
# The native interface as a script uses it: signs in with certificate, password and code, lists the modes, and asks about
# a picture. Prints what the server answers.
#
#   native.sh https://localhost:8443 ca.pem machine.p12 screen.png
#
# with P12_PASSWORD, ACCOUNT (an e-mail address), PASSWORD, CODE (from the authenticator) and QUESTION in the environment.
set -euo pipefail

machines=$1 authority=$2 identity=$3 picture=$4

# For curl's configuration format: a backslash and a quotation mark are escaped.
quoted() { sed 's/[\\"]/\\&/g' <<<"$1"; }

# Secrets reach curl over its standard input, never as arguments that every user of the machine could read.
ask() {
  local path=$1
  shift
  curl --silent --show-error --fail-with-body --no-buffer --max-time 120 --config - "$@" "$machines$path" <<CONFIG
cacert = "$authority"
cert-type = "P12"
cert = "$(quoted "${identity//:/\\:}:$P12_PASSWORD")"
$(if [[ -n ${token:-} ]]; then echo "header = \"Authorization: Bearer $token\""; fi)
CONFIG
}

json() { jq --null-input --compact-output "$@"; }

body=$(mktemp)
trap 'rm -f "$body"' EXIT

json '{username: env.ACCOUNT, password: env.PASSWORD}' >"$body"
challenge=$(ask /native/login --json @"$body" | jq --raw-output .challenge)

challenge=$challenge json '{challenge: env.challenge, code: env.CODE}' >"$body"
token=$(ask /native/verify-2fa --json @"$body" | jq --raw-output .access_token)

echo "modes:"
ask /native/modes | jq --raw-output '.[].name'

echo "answer:"
ask /native/analyze --header "Accept: text/event-stream" --form "image=@$picture;type=image/png" --form "context=$QUESTION"
