#!/bin/sh
# Saves all jobs into one file while Nightshift works, or puts them into a new Redis.
#
#   backup.sh save FILE [COMMAND...]      COMMAND runs its arguments beside Redis;
#                                         default: docker compose exec --no-TTY redis
#   backup.sh restore FILE [COMMAND...]   COMMAND runs its arguments with the disk of a
#                                         Redis that is stopped and has no data; default:
#                                         docker compose run --rm --no-TTY --no-deps redis
#
# deploy/README.md shows both, also for Kubernetes. Uploaded files are not in it.
set -eu

usage() {
    sed -n '2,11s/^# \{0,1\}//p' "$0" >&2
    exit 2
}

# A snapshot of one moment, as a replica would get it. Not straight to standard output:
# there redis-cli leaves the mark that ends the transfer at the end of the snapshot.
SAVE='set -eu
    snapshot=/data/snapshot.$$
    trap "rm -f $snapshot" EXIT
    REDISCLI_AUTH="$(cat /run/nightshift/redis/password)" \
        redis-cli --rdb "$snapshot" >&2
    cat "$snapshot"'

# Redis with an append-only file reads nothing else, so the snapshot becomes its base.
RESTORE='set -eu
    cd /data
    if [ -e appendonlydir ]; then
        echo "This Redis has data already; give it an empty volume first." >&2
        exit 1
    fi
    rm -rf restored
    mkdir restored
    cat > restored/appendonly.aof.1.base.rdb
    echo "file appendonly.aof.1.base.rdb seq 1 type b" \
        > restored/appendonly.aof.manifest
    mv restored appendonlydir'

[ $# -ge 2 ] || usage
action=$1 file=$2
shift 2

is_snapshot() { [ "$(head -c 5 "$1" 2> /dev/null)" = REDIS ]; }

case $action in
save)
    [ $# -gt 0 ] || set -- docker compose exec --no-TTY redis
    draft=$file.draft
    trap 'rm -f "$draft"' EXIT
    "$@" sh -c "$SAVE" > "$draft" < /dev/null
    is_snapshot "$draft" || {
        echo "What Redis sent is no snapshot; $file is unchanged." >&2
        exit 1
    }
    mv "$draft" "$file"
    ;;
restore)
    [ $# -gt 0 ] || set -- docker compose run --rm --no-TTY --no-deps redis
    is_snapshot "$file" || {
        echo "$file is missing, or it is no snapshot of Redis." >&2
        exit 1
    }
    "$@" sh -c "$RESTORE" < "$file"
    ;;
*) usage ;;
esac
