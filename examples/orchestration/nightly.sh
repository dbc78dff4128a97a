#!/bin/sh
# A campaign folder is solved, verified and handed over, by cron alone:
#
#     30 2 * * *  /opt/couponry/nightly.sh /data/spring /data/results/spring >> /var/log/couponry.log 2>&1
#
# A solve that was killed is tried again, and goes on where it was: the passes that were made are in the checkpoint. The script
# can be run again at any time: OUT is replaced in one step, by the same bits. Whoever comes next reads OUT/result.json.
set -eu
campaign=$1
out=$2
tries=${TRIES:-3}

while :; do
    status=0
    couponry solve "$campaign" --out "$out" --overwrite --checkpoint "$out.checkpoint" --log-format json || status=$?
    case $status in
        0) break ;;
        2 | 3) exit "$status" ;; # invalid input, or proved infeasible: another try would not change it
    esac
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || exit "$status"
    sleep "${RETRY_SECONDS:-60}"
done
couponry verify "$campaign" "$out"
rm -f "$out.checkpoint"
