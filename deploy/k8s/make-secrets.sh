#!/bin/sh
# Makes the passwords and tokens of Nightshift that the cluster does not have yet.
#
#   make-secrets.sh [NAMESPACE]           into the cluster (default: nightshift)
#   make-secrets.sh --print [NAMESPACE]   as YAML on standard output, for a tool that
#                                         encrypts it; nothing is sent to a cluster
#
# Nothing is written where git could see it. A secret that exists stays as it is.
set -eu

show=
if [ "${1:-}" = --print ]; then
    show=yes
    shift
fi
namespace=${1:-nightshift}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 1' HUP INT TERM

SECRETS_ROOT=$folder python3 -I "$(dirname "$0")/../images/keep_secrets.py"

for part in redis api worker; do
    set -- kubectl create secret generic "nightshift-$part" \
        --namespace "$namespace" --from-file "$folder/$part"
    if [ -n "$show" ]; then
        echo ---
        "$@" --dry-run=client --output yaml
    elif kubectl get secret "nightshift-$part" --namespace "$namespace" \
        > /dev/null 2>&1; then
        echo "nightshift-$part is there already."
    else
        "$@"
    fi
done
