#!/bin/bash
# Events a second over HEC on one core: hecate on core 0, the sender on core 1, loopback, batches of 100.
#   bench/hec.sh [--seconds N] [--legs N] [--connections N] [--corpus FILE.ndjson] [--workers N]
# Several legs show whether memory grows.
# Loads it with `hecate send` and, where HECATE_SHARED names a folder with bench/sender.c, with that independent load
# generator too; real events are taken from the corpus/ beside it. What counts is hecate_events_evaluated_total; the
# matches show that the work was done. Where that folder has sink.c and limits.cpp, each leg first takes the limits of
# the core: bodies received and thrown away, and simdjson with three fields and the rule over the same events. Their sum
# is what an event costs at least; the last line is how much of that limit hecate reaches, from the medians of all legs.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
shared=${HECATE_SHARED:-/nonexistent}
seconds=8 legs=1 connections=8 corpus= workers=0
options="seconds legs connections corpus workers"
source "$root/bench/lib.sh"

token=00000000-0000-0000-0000-000000000000
cat > "$work/hecate.yaml" <<YAML
inputs: {hec: {listen: "127.0.0.1:0", tokens: [{name: bench, token: $token}]}}
admin: {listen: "127.0.0.1:0"}
ingest: {workers: $workers}
# However old the corpus is, its matches are on time.
detections: {overrides: {Windows MsMpEng Writing to System32: {earliest: -6000d@d}}}
state: {path: $work/state}
YAML

# measure NAME COMMAND…: a row of the table.
measure() {
  local name=$1; shift
  local events=$(metric 'hecate_events_evaluated_total') matches=$(metric 'hecate_matches_total') cpu=$(cpu_ticks)
  local before=$(date +%s.%N)
  taskset -c 1 "$@" > "$work/sender.out" 2>&1 || { cat "$work/sender.out" >&2; exit 1; }
  local after=$(date +%s.%N)
  events=$(($(metric 'hecate_events_evaluated_total') - events))
  matches=$(($(metric 'hecate_matches_total') - matches))
  cpu=$(($(cpu_ticks) - cpu))
  awk -v n="$name" -v e="$events" -v m="$matches" -v s="$before" -v t="$after" -v c="$cpu" -v hz="$(getconf CLK_TCK)" \
    -v r="$(awk '/VmHWM/ { print $2 / 1024 }' "/proc/$pid/status")" -v now="$(awk '/VmRSS/ { print $2 / 1024 }' "/proc/$pid/status")" \
    -v file="$work/$name.cost" \
    'BEGIN { printf "| %-14s | %10.0f | %10d | %8d | %6.2f | %6.1f | %6.1f |\n", n, e / (t - s), e, m, c / hz / e * 1e6, now, r
             printf "%.3f\n", c / hz / e * 1e6 >> file }'
}

median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

# CPU µs an event of a receiver that throws bodies away.
sink_cost() {
  local port=18099 sink out
  taskset -c 0 "$work/sink" http "$port" &
  sink=$!
  sleep 0.3
  out=$(taskset -c 1 "$work/sender" --mode hec --corpus "$corpus" --port "$port" --conns "$connections" --batch 100 \
    --secs "$seconds")
  awk -v c="$(awk '{ print $14 + $15 }' "/proc/$sink/stat")" -v e="$(jq .events <<< "$out")" -v hz="$(getconf CLK_TCK)" \
    'BEGIN { printf "%.3f\n", c / hz / e * 1e6 }'
  kill "$sink"
  wait "$sink" 2> /dev/null || true
}

# CPU µs an event of simdjson, the faster of its two ways.
simdjson_cost() {
  taskset -c 0 "$work/limits" "$corpus" | sed -n 's/^simdjson ondemand.*(unordered find x3.*s \+\([0-9]*\) ev\/s.*/\1/p' |
    sort -n | tail -1 | awk '{ printf "%.3f\n", 1e6 / $1 }'
}

start_hecate
echo "$(date -u +%F) · $(nproc) cores, $(sed -n 's/model name\s*: //p' /proc/cpuinfo | head -1) · $(wc -l < "$corpus") events, $(($(stat -c %s "$corpus") / $(wc -l < "$corpus"))) bytes each · $connections connections · $workers workers"
echo "| sender         | events/s   | evaluated  | matches  | CPU µs an event | MiB | peak MiB |"
echo "|----------------|------------|------------|----------|--------|--------|--------|"
[ ! -f "$shared/bench/sender.c" ] || cc -O2 -o "$work/sender" "$shared/bench/sender.c" 2> /dev/null
limits=
if [ -x "$work/sender" ] && [ -f "$shared/bench/sink.c" ] && [ -f "$shared/bench/limits.cpp" ]; then
  cc -O2 -o "$work/sink" "$shared/bench/sink.c" 2> /dev/null
  g++ -O3 -march=native -o "$work/limits" "$shared/bench/limits.cpp" $(pkg-config --cflags --libs libhs) -lsimdjson
  limits=yes
fi
for _ in $(seq "$legs"); do
  if [ -n "$limits" ]; then
    sink_cost >> "$work/sink.cost"
    simdjson_cost >> "$work/simdjson.cost"
  fi
  measure "hecate send" "$hecate" send "$corpus" --url "http://127.0.0.1:$hec" --token "$token" --input json \
    --connections "$connections" --batch 100 --seconds "$seconds"
  [ ! -x "$work/sender" ] || measure "sender.c" "$work/sender" --mode hec --corpus "$corpus" --port "$hec" \
    --conns "$connections" --batch 100 --secs "$seconds" --token "$token"
done
if [ -n "$limits" ]; then
  awk -v sink="$(median < "$work/sink.cost")" -v simdjson="$(median < "$work/simdjson.cost")" \
    -v hecate="$(median < "$work/sender.c.cost")" 'BEGIN {
      printf "limit: %.2f received and thrown away + %.2f simdjson = %.2f µs an event; hecate (sender.c) %.2f: %.0f %% of it\n",
        sink, simdjson, sink + simdjson, hecate, 100 * (sink + simdjson) / hecate }'
fi
