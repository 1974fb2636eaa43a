#!/bin/sh
# Tell a person that a run did not end with 0: to a webhook if WEBHOOK is set, else by mail to MAIL_TO.
# With ALERTED, a file, the same alert is sent once in 12 hours: one for a night, though cron tries it twice.
# usage: alert.sh EXIT_CODE WHAT    The message holds the exit code and its meaning: no names, no keys, no output of the run.
set -eu
code=${1:?usage: alert.sh EXIT_CODE WHAT}
what=${2:?usage: alert.sh EXIT_CODE WHAT}

case $code in
0) exit 0 ;;
1) means="stopped by an error of the service, the disk or the program: read the log" ;;
2) means="wrong options or input: no retry helps" ;;
3) means="done in part: the result names what is missing" ;;
4) means="verification found a difference: look at it before anything else" ;;
5) means="not authorised (or, without attempt.py, not reached): look at key, role and network" ;;
75) means="failed for now: the same command goes on; if this comes every night, look at endpoint and network" ;;
129 | 130 | 131 | 143) means="interrupted: the same command resumes" ;;
*) means="ended unexpectedly" ;;
esac
if [ -n "${ALERTED:-}" ] && [ "$(cat "$ALERTED" 2>/dev/null)" = "$code $what" ] && [ -n "$(find "$ALERTED" -mmin -720)" ]; then
    exit 0
fi
text="cv-gdpr on $(hostname): $what ended with $code, $means"

if [ -n "${WEBHOOK:-}" ]; then  # host, what and code must not need quoting in JSON
    printf '{"text": "%s"}' "$text" |
        curl --fail --silent --show-error --max-time 30 -H 'Content-Type: application/json' --data @- "$WEBHOOK"
else
    printf '%s\n' "$text" | mail -s "cv-gdpr: $what ended with $code" "${MAIL_TO:?set WEBHOOK or MAIL_TO}"
fi
if [ -n "${ALERTED:-}" ]; then echo "$code $what" >"$ALERTED"; fi
