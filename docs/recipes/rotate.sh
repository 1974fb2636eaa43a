#!/bin/sh
# Remove old nights: the newest KEEP finished exports stay, and everything that is not a finished export named after a day.
# usage: rotate.sh FOLDER KEEP
set -eu
folder=${1:?usage: rotate.sh FOLDER KEEP}
keep=${2:?usage: rotate.sh FOLDER KEEP}
[ "$keep" -ge 1 ] || { echo "KEEP must be 1 or more" >&2; exit 2; }

finished() {
    for night in "$folder"/[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]; do
        [ -L "$night" ] || [ ! -f "$night/bagit.txt" ] || printf '%s\n' "$night"
    done
}

finished | sort -r | tail -n "+$((keep + 1))" | while IFS= read -r night; do
    echo "removing $night"
    rm -rf -- "$night" "$folder/.night/${night##*/}.json"
done
