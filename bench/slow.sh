#!/bin/bash
# What ten good clients see beside 1,000 slow ones, which send a byte every ten seconds: hecate on core 0, the clients on
# core 1, HEC, requests of 100 events.
#   bench/slow.sh [--seconds N] [--rounds N] [--rate EVENTS/S] [--slow N] [--corpus EVENTS.ndjson]
# Each round measures the good clients alone and beside the slow ones; the last line compares the medians of p99, which
# must be less than twice as long, or it ends with 1. How long it takes in all depends on the machine: look at the ratio.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
shared=${HECATE_SHARED:-/nonexistent}
seconds=10 rounds=5 rate=50000 slow=1000 corpus=
options="seconds rounds rate slow corpus"
source "$root/bench/lib.sh"

token=00000000-0000-0000-0000-000000000000
cat > "$work/hecate.yaml" <<YAML
inputs: {hec: {listen: "127.0.0.1:0", tokens: [{name: bench, token: $token}]}}
admin: {listen: "127.0.0.1:0"}
ingest: {workers: 0}
state: {path: $work/state}
YAML

# Sends for a while; prints p50 and p99 of the requests in milliseconds.
good_clients() {
  on_sender_core "$hecate" send "$corpus" --url "http://127.0.0.1:$hec" --token "$token" --input json --connections 10 \
    --batch 100 --rate "$rate" --seconds "$seconds" | sed -n 's/.*p50 \([0-9.]*\) ms, p99 \([0-9.]*\) ms.*/\1 \2/p'
}
connections() { metric hecate_hec_connections; }
median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

slow_pid=
trap 'kill $slow_pid 2> /dev/null || true; cleanup' EXIT
start_slow_clients() {
  python3 "$root/bench/slow_clients.py" "$hec" "$slow" > "$work/slow.out" &
  slow_pid=$!
  for _ in $(seq 300); do
    grep -q ready "$work/slow.out" && [ "$(connections)" -ge "$slow" ] && return
    sleep 0.1
  done
  echo "$(connections) of $slow slow connections are open" >&2
  exit 1
}
stop_slow_clients() {
  kill "$slow_pid"
  wait "$slow_pid" 2> /dev/null || true
  slow_pid=
  for _ in $(seq 300); do
    [ "$(connections)" -gt 10 ] || return 0
    sleep 0.1
  done
  echo "$(connections) connections are still open" >&2
  exit 1
}

serve
good_clients > /dev/null # to warm up
echo "$(machine) · ten clients, $rate events/s in requests of 100 · $rounds rounds of $seconds s"
echo "| alone: p50 ms | p99 ms | beside $slow slow ones: p50 ms | p99 ms |"
echo "|---|---|---|---|"
for _ in $(seq "$rounds"); do
  read -r p50 p99 < <(good_clients)
  start_slow_clients
  read -r p50_beside p99_beside < <(good_clients)
  [ "$(connections)" -ge "$slow" ] || { echo "the slow connections are not there any more" >&2; exit 1; }
  stop_slow_clients
  echo "| $p50 | $p99 | $p50_beside | $p99_beside |"
  echo "$p99" >> "$work/alone"
  echo "$p99_beside" >> "$work/beside"
done
awk -v a="$(median < "$work/alone")" -v b="$(median < "$work/beside")" 'BEGIN {
  printf "p99 in the median: %.2f ms alone, %.2f ms beside %d slow ones: %.2f times\n", a, b, '"$slow"', b / a
  exit b >= 2 * a }'
