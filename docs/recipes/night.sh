#!/bin/sh
# One night: export everything into FOLDER/DATE, check it, and remove the nights that are no longer kept.
# usage: night.sh FOLDER KEEP    (KEEP: how many finished nights stay)
# It exits as cv-gdpr does, or with 75 if the same command may do more. A retry of the same day resumes the export.
set -eu
umask 077
folder=${1:?usage: night.sh FOLDER KEEP}
keep=${2:?usage: night.sh FOLDER KEEP}
here=$(dirname "$0")
night=$folder/$(date -u +%F)

mkdir -p "$folder"
if [ ! -e "$night/bagit.txt" ]; then  # a finished export is never written to again
    "$here/attempt.py" export --all --out "$night"
fi
cv-gdpr verify "$night"
"$here/rotate.sh" "$folder" "$keep"
