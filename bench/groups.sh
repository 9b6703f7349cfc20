#!/bin/bash
# A million groups in one window of the shipped detection: fills it over HEC, kills hecate, starts it again, and lets the
# window run while events keep coming. Prints how fast it was filled, start-up, and ingest latency, memory and time of
# the run.
#   bench/groups.sh [--groups N] [--rows all|few] [--steady EVENTS/S] [--workers N]
# With `--rows few` the search ends in `| where count > 1`, so that a million groups make few findings; with `all`, which
# is the detection as it ships, each is a finding. Nobody takes the findings: they stay in the outbox.
# Needs curl and sqlite3; takes some 10 GB below TMPDIR (20 GB with `all`) and some minutes.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
groups=1000000 rows=few steady=2000 workers=1
while [ $# -gt 0 ]; do
  case $1 in
    --groups) groups=$2 ;;
    --rows) rows=$2 ;;
    --steady) steady=$2 ;;
    --workers) workers=$2 ;;
    *) sed -n '2,8p' "$0" >&2; exit 2 ;;
  esac
  shift 2
done
hecate=${HECATE:-$root/build/release/hecate}
[ -x "$hecate" ] || { echo "build it first: bash deploy/build.sh" >&2; exit 2; }

work=$(mktemp -d "${TMPDIR:-/tmp}/hecate-bench-XXXXXX")
pid= sender=
cleanup() {
  [ -n "$sender" ] && kill "$sender" 2> /dev/null || true
  [ -n "$pid" ] && kill -KILL "$pid" 2> /dev/null && { wait "$pid" || true; } 2> /dev/null
  rm -rf "$work"
}
trap cleanup EXIT

g++ -O2 -std=c++20 -pthread -o "$work/groups_sender" "$root/bench/groups_sender.cpp"
token=00000000-0000-0000-0000-000000000000
name='Windows MsMpEng Writing to System32'
mkdir "$work/detections"
cp "$root"/detections/*.yml "$work/detections"
# The last line of its search is its filter macro.
[ "$rows" = all ] || sed -i 's/^\(  | `windows_msmpeng_writing_to_system32_filter`\)$/\1 | where count > 1/' "$work/detections"/*.yml

# configure CRON EARLIEST: runs then, over what lies between.
configure() {
  cat > "$work/hecate.yaml" <<YAML
inputs: {hec: {listen: "127.0.0.1:0", tokens: [{name: bench, token: $token}]}}
admin: {listen: "127.0.0.1:0"}
ingest: {workers: $workers}
detections:
  paths: [$work/detections]
  macros: [$root/detections/macros]
  overrides: {$name: {cron: "$1", earliest: "$2", latest: "@m"}}
outputs: {hec: {url: "http://127.0.0.1:9", token: nobody}}
state: {path: $work/state}
YAML
}

start() {
  : > "$work/log"
  "$hecate" serve --config "$work/hecate.yaml" > "$work/out" 2> "$work/log" &
  pid=$!
  until grep -q 'ready: HEC' "$work/log"; do
    kill -0 "$pid" 2> /dev/null || { cat "$work/log" >&2; exit 1; }
    sleep 0.02
  done
  read -r hec admin < <(sed -n 's/.*HEC on port \([0-9]*\), admin on port \([0-9]*\),.*/\1 \2/p' "$work/log")
}

metric() { curl -s "http://127.0.0.1:$admin/metrics" | awk -v name="$1" 'index($0, name) == 1 { sum += $NF } END { printf "%.3f\n", sum }'; }
memory() { awk -v key="$1" '$1 == key ":" { printf "%.0f MiB", $2 / 1024 }' "/proc/$pid/status"; }
written() { awk '$1 == "write_bytes:" { printf "%.1f GB", $2 / 1e9 }' "/proc/$pid/io"; }
send() { "$work/groups_sender" --port "$hec" --token "$token" "$@"; }

echo "$(date -u +%F) · $(nproc) cores, $(sed -n 's/model name\s*: //p' /proc/cpuinfo | head -1) · $groups groups · rows: $rows · $workers workers"
configure "0 0 1 1 *" -400d@d # its first window has begun, and does not end before the fill
start
begin=$(($(date +%s) / 60 * 60 - 3600))
echo "fill:     $(send --events "$groups" --begin "$begin" --minutes 60)"
echo "          memory at most $(memory VmHWM), written $(written), database $(du -ch "$work"/state/hecate.db* | tail -1 | cut -f1), a group's key $(sqlite3 "$work/state/hecate.db" 'SELECT round(avg(length(grp))) FROM (SELECT grp FROM pane LIMIT 20000)') bytes"

kill -KILL "$pid"; wait "$pid" 2> /dev/null || true
# At a full minute, with time left to start.
due=$((($(date +%s) + 20 + 59) / 60 * 60))
configure "$(date -u -d "@$due" '+%-M %-H * * *')" -2h@m
before=$(date +%s.%N)
start
echo "start-up: $(awk -v a="$before" -v b="$(date +%s.%N)" 'BEGIN { printf "%.2f s", b - a }') after kill -9, memory at most $(memory VmHWM)"

sleep 2 # past what a start does in the background
echo "          memory two seconds later $(memory VmRSS)"
# The first ten percent of all numbers match and are new; the rest does not.
send --first "$groups" --events 1000000000 --matching 10 --rate "$steady" --latencies "$work/latencies" --stop-file "$work/stop" > "$work/sender.out" 2>&1 &
sender=$!
until [ "$(metric 'hecate_window_runs_total')" != 0.000 ]; do
  sleep 0.2
  kill -0 "$sender" 2> /dev/null || { cat "$work/sender.out" "$work/log" >&2; exit 1; }
done
ended=$(date +%s.%N)
run=$(metric 'hecate_window_run_seconds_sum')
touch "$work/stop"
wait "$sender" || { cat "$work/sender.out" "$work/log" >&2; exit 1; }
sender=
echo "run:      $run s, $(metric 'hecate_window_rows_total') rows, $(metric 'hecate_findings_total') findings; memory at most $(memory VmHWM), written $(written)"
# p99 of the requests that ended in [from, to].
latency() {
  awk -v from="$2" -v to="$3" '$1 >= from && $1 <= to { print $2 }' "$work/latencies" | sort -n |
    awk -v what="$1" '{ v[NR] = $1 } END { if (NR) printf "ingest %s: %d requests, p50 %.2f ms, p99 %.2f ms, p99.9 %.2f ms, longest %.1f ms\n", what, NR, v[int((NR + 1) / 2)], v[int(NR * 0.99 + 0.999)], v[int(NR * 0.999 + 0.999)], v[NR] }'
}
began=$(awk -v e="$ended" -v r="$run" 'BEGIN { printf "%.3f", e - r }')
latency "before the run" 0 "$began"
latency "while it goes on" "$began" "$ended"
grep -v '"level":"info"' "$work/log" | grep -v 'outbox' | head -5 || true
