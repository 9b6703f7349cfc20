#!/bin/bash
# What an event costs with one detection, with many, and with all of a folder, on one core: hecate on core 0, the sender
# on core 1, HEC, 8 connections, requests of 100 events, journal on a disk.
#   bench/catalogue.sh [--detections DIR] [--counts "1 10 100 all 5000"] [--passes N] [--legs N] [--corpus FILE.ndjson]
# The folder has ESCU's form, with macros/ and lookups/ beside it; where HECATE_SHARED names a folder, its escu/ and the
# mixed corpus are taken. Above what the folder holds, copies are made whose texts are others (bench/many_detections.py).
# The first detection is the shipped one. Each pass over the corpus has process GUIDs of its own, and each event the
# time of its sending; "start" is how long hecate takes to be ready, looked at every tenth of a second, and its memory then.
# What does not load is left out, and counted in the table. Needs Python with PyYAML.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
shared=${HECATE_SHARED:-/nonexistent}
detections=$shared/escu/detections counts="1 10 100 all 5000" passes=4 legs=1 corpus=
options="detections counts passes legs corpus"
events=mixed60k
source "$root/bench/lib.sh"
[ -d "$detections" ] || { echo "name a folder of detections: --detections DIR" >&2; exit 2; }

g++ -O2 -std=c++20 -pthread -o "$work/corpus_sender" "$root/bench/corpus_sender.cpp"
token=00000000-0000-0000-0000-000000000000

# configure COUNT: sets loaded.
configure() {
  rm -rf "$work/state" "$work/content" "$work/all"
  mkdir "$work/content"
  if [ "$1" = 1 ]; then
    cp -r "$root/detections" "$work/content/detections"
  else
    python3 "$root/bench/many_detections.py" "$detections" "$work/content/detections" "$1"
    for beside in macros lookups deployments; do
      [ ! -d "$detections/../$beside" ] || ln -s "$(realpath "$detections/../$beside")" "$work/content/$beside"
    done
  fi
  cat > "$work/hecate.yaml" <<YAML
inputs: {hec: {listen: "127.0.0.1:0", tokens: [{name: bench, token: $token}]}}
admin: {listen: "127.0.0.1:0"}
ingest: {workers: 0}
detections: {paths: [$work/content/detections]}
state: {path: $work/state}
YAML
  # A file that has nothing to run is an error to a daemon: what does not load leaves the folder.
  "$hecate" check --config "$work/hecate.yaml" > "$work/check" 2>&1 || true
  sed -n "s#^\($work/content/detections/[^:]*\.yml\):[0-9].*#\1#p" "$work/check" | sort -u > "$work/refused"
  xargs -r rm -f < "$work/refused"
  loaded=$(grep -c '^ok ' "$work/check")
}

# measure COUNT: a row of the table.
measure() {
  local began=$(date +%s%N)
  serve
  local start=$(($(date +%s%N) - began)) start_mib=$(memory VmHWM)
  local events=$(metric 'hecate_events_evaluated_total') cpu=$(cpu_time) sent seconds
  read -r sent seconds < <(on_sender_core "$work/corpus_sender" "$corpus" --port "$hec" --token "$token" --passes "$passes")
  events=$(($(metric 'hecate_events_evaluated_total') - events))
  [ "$events" = "$sent" ] || { echo "$sent events were sent, $events evaluated" >&2; exit 1; }
  cpu=$(($(cpu_time) - cpu))
  awk -v n="$1" -v l="$loaded" -v e="$events" -v m="$(metric 'hecate_matches_total')" -v s="$seconds" -v c="$cpu" \
    -v r="$(memory VmHWM)" \
    -v w="$(awk '/^write_bytes/ { print $2 }' "/proc/$pid/io")" -v rows="$(metric 'hecate_journal_rows_total')" \
    -v start="$start" -v least="$start_mib" 'BEGIN {
      printf "| %-5s | %5d | %5.1f | %5.0f | %8.0f | %8d | %8d | %6.2f | %7d | %6.0f | %6.0f |\n",
        n, l, start / 1e9, least, e / s, e, m, c / e, rows, w / e, r }'
  stop_receiver || { cat "$work/log" >&2; exit 1; }
}

echo "$(machine) · $(wc -l < "$corpus") events, $(($(stat -c %s "$corpus") / $(wc -l < "$corpus"))) bytes each, $passes times"
echo "| detections | loaded | start s | start MiB | events/s | evaluated | matches | CPU µs an event | rows | bytes written an event | peak MiB |"
echo "|-------|-------|-----|-----|----------|----------|----------|--------|---------|--------|--------|"
for _ in $(seq "$legs"); do
  for count in $counts; do
    configure "$count"
    measure "$count"
  done
done
