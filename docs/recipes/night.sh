#!/bin/sh
# One night: export everything into FOLDER/DATE, linked to the last night, check it, and remove the nights that are no longer kept.
# usage: night.sh FOLDER KEEP [OPTION ...]    KEEP: how many finished nights stay; OPTION: of export, such as --profile NAME
# It exits with the worst code of what it ran, or with 75 if the same command may do more: then it goes on where it was.
set -eu
umask 077
refuse() {
    echo "Error: $1" >&2
    exit 2
}
[ $# -ge 2 ] || refuse "usage: night.sh FOLDER KEEP [OPTION ...]"
folder=$1 keep=$2
shift 2
case $keep in '' | 0* | *[!0-9]*) refuse "KEEP must be a number of nights, 1 or more" ;; esac
case " $* " in *" --all-profiles "*) refuse "night.sh runs for one resource: give each profile a FOLDER, and --profile NAME" ;; esac
cv-gdpr export --all "$@" --help >/dev/null || exit 2 # a wrong option is refused on a finished night too
here=$(dirname "$0")
own=$folder/.night
day='[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]'
newline='
'
mkdir -p "$own"

# --- one run at a time: a second one is no alarm, unless the first has lasted for most of a day, or runs on another machine
exec 9>>"$own/lock"
held=0
if command -v flock >/dev/null; then flock -n -E 75 9 || held=$?; fi
if [ "$held" = 75 ]; then
    holder=$(cat "$own/lock")
    echo "night.sh: $holder is writing to $folder"
    case $holder in *" on $(uname -n)") [ -z "$(find "$own/lock" -mmin -1200)" ] || exit 0 ;; esac
    exit 75
fi
echo "process $$ on $(uname -n)" >"$own/lock"

# --- what runs is a child, so that a signal reaches it: a shell that waits for a command, or is process 1, would ignore it
child='' stopped=0
stop() {
    if [ "$stopped" = 0 ]; then stopped=$1; fi
    if [ -n "$child" ]; then kill -TERM "$child" 2>/dev/null || :; fi
}
trap 'stop 143' TERM
trap 'stop 130' INT
trap 'stop 129' HUP
run() {
    "$@" &
    child=$!
    if [ "$stopped" != 0 ]; then stop "$stopped"; fi
    while :; do # a signal ends `wait`, not the child
        ended=0
        wait "$child" || ended=$?
        kill -0 "$child" 2>/dev/null || break
    done
    child=''
    [ "$stopped" = 0 ] || exit "$stopped"
    return "$ended"
}
worse() { # of two exit codes; one that is none of cv-gdpr's, as of a process that was killed, comes first
    for code in "$1" "$2"; do
        case $code in 0 | 1 | 2 | 3 | 4 | 5 | 75 | 129 | 130 | 131 | 143) ;; *) echo "$code" && return ;; esac
    done
    for code in 143 131 130 129 75 4 1 5 2 3 0; do
        if [ "$1" = "$code" ] || [ "$2" = "$code" ]; then break; fi
    done
    echo "$code"
}

# --- the folder: named after the day here; one that was begun before midnight is finished under its own name
tonight=$folder/$(date +%Y-%m-%d)
for state in "$folder"/$day/.cv-gdpr/run.json; do # it is written at each start, and removed at the end
    if [ -n "$(find "$state" -mmin -720 2>/dev/null)" ]; then tonight=${state%/.cv-gdpr/run.json}; fi
done
earlier='' # finished nights, one a line, the newest first
for bag in "$folder"/$day/bagit.txt; do
    if [ -e "$bag" ]; then earlier=${bag%/bagit.txt}$newline$earlier; fi
done

export_tonight() {
    run "$here/attempt.py" --result "$own/${tonight##*/}.json" export --all --quiet --out "$tonight" "$@"
}

worst=0
if [ -e "$tonight/bagit.txt" ]; then # a finished export is never written to again
    echo "night.sh: $tonight is finished"
else
    trust=--trust-listings
    if [ "$(date +%u)" = 7 ]; then trust=''; fi # on Sundays everything is read
    while :; do
        last=${earlier%%"$newline"*} code=0
        if [ -n "$last" ]; then
            export_tonight "$@" --reuse "$last" ${trust:+"$trust"} || code=$?
        else
            export_tonight "$@" || code=$?
        fi
        if [ "$code" != 4 ] || [ -z "$last" ] || [ -e "$tonight/bagit.txt" ]; then break; fi
        worst=4 # last night's manifest is damaged, which must not stop tonight's export
        echo "night.sh: $last is damaged and not reused: cv-gdpr verify $last says more" >&2
        earlier=${earlier#*"$newline"}
    done
    worst=$(worse "$worst" "$code")
fi
[ -e "$tonight/bagit.txt" ] || exit "$worst" # left open: nothing is removed
code=0
run cv-gdpr verify --quiet "$tonight" || code=$?
worst=$(worse "$worst" "$code")
case $code in 0 | 3) "$here/rotate.sh" "$folder" "$keep" || worst=$(worse "$worst" "$?") ;; esac # 3: --accept-missing
exit "$worst"
