#!/bin/sh
# One night: export everything into FOLDER/DATE, linked to the last night, check it, and remove the nights that are no longer kept.
# usage: night.sh FOLDER KEEP [OPTION ...]    KEEP: how many finished nights stay; OPTION: of export, such as --profile NAME
# It exits as cv-gdpr does, or with 75 if the same command may do more. On the same day the same command resumes.
set -eu
umask 077
usage="usage: night.sh FOLDER KEEP [OPTION ...]"
folder=${1:?$usage}
keep=${2:?$usage}
shift 2
here=$(dirname "$0")
tonight=$folder/$(date -u +%Y-%m-%d)

mkdir -p "$folder"
if [ ! -e "$tonight/bagit.txt" ]; then # a finished export is never written to again
    last=
    for bag in "$folder"/[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]/bagit.txt; do # the oldest first
        if [ -e "$bag" ]; then last=${bag%/bagit.txt}; fi
    done
    if [ -n "$last" ]; then
        set -- "$@" --reuse "$last"
        if [ "$(date -u +%u)" != 7 ]; then set -- "$@" --trust-listings; fi # on Sundays everything is read
    fi
    "$here/attempt.py" export --all --quiet --out "$tonight" "$@"
fi
cv-gdpr verify --quiet "$tonight"
"$here/rotate.sh" "$folder" "$keep"
