#!/bin/bash
# Syslog on one core: hecate on core 0, the sender on core 1, loopback, RFC 5424, one event a message.
#   bench/syslog.sh [--seconds N] [--legs N] [--connections N] [--corpus FILE.ndjson] [--workers N] [--rate MESSAGES/S]
# TCP is octet-counted and as fast as it goes. UDP goes at --rate (50000 when not given) and as fast as it goes; each
# datagram must be received or counted as dropped by the system, or it ends with 1. Real events as for bench/hec.sh.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
shared=${HECATE_SHARED:-/nonexistent}
seconds=8 legs=1 connections=8 corpus= workers=0 rate=50000
options="seconds legs connections corpus workers rate"
source "$root/bench/lib.sh"

# Chosen here, since syslog inputs do not say theirs; one that is taken ends the script with hecate's error.
tcp_port=$((20000 + RANDOM % 10000)) udp_port=$((30000 + RANDOM % 2000))
cat > "$work/hecate.yaml" <<YAML
inputs:
  hec: {listen: "127.0.0.1:0"}
  syslog:
    - {name: tcp, protocol: tcp, listen: "127.0.0.1:$tcp_port"}
    - {name: udp, protocol: udp, listen: "127.0.0.1:$udp_port"}
admin: {listen: "127.0.0.1:0"}
ingest: {workers: $workers}
# However old the corpus is, its matches are on time.
detections: {overrides: {Windows MsMpEng Writing to System32: {earliest: -6000d@d}}}
state: {path: $work/state}
YAML

evaluated() { metric 'hecate_events_evaluated_total{input="'"$1"'"}'; }
dropped() { metric 'hecate_syslog_dropped_total{input="'"$1"'"'; }
# Until nothing more comes out.
settle() {
  local before=-1 now
  now=$(evaluated "$1")
  while [ "$now" != "$before" ]; do
    sleep 0.5
    before=$now
    now=$(evaluated "$1")
  done
}

# measure NAME INPUT SENDER-ARGUMENTS…: a row of the table.
measure() {
  local name=$1 input=$2; shift 2
  local events=$(evaluated "$input") drops=$(dropped "$input") cpu=$(cpu_ticks) matches=$(metric hecate_matches_total)
  local sent took
  read -r sent took < <(taskset -c 1 "$work/sender" "$@")
  settle "$input"
  events=$(($(evaluated "$input") - events))
  drops=$(($(dropped "$input") - drops))
  matches=$(($(metric hecate_matches_total) - matches))
  cpu=$(($(cpu_ticks) - cpu))
  awk -v n="$name" -v sent="$sent" -v t="$took" -v e="$events" -v d="$drops" -v m="$matches" -v c="$cpu" \
    -v hz="$(getconf CLK_TCK)" 'BEGIN {
      printf "| %-16s | %9.0f | %10d | %10d | %8d | %8d | %6.2f |\n", n, e / t, sent, e, d, m, c / hz / e * 1e6 }'
  [ $((events + drops)) -eq "$sent" ] || { echo "sent is not received and dropped" >&2; exit 1; }
}

g++ -O2 -std=c++20 -o "$work/sender" "$root/bench/syslog_sender.cpp"
start_hecate
echo "$(date -u +%F) · $(nproc) cores, $(sed -n 's/model name\s*: //p' /proc/cpuinfo | head -1) · $(wc -l < "$corpus") events, $(($(stat -c %s "$corpus") / $(wc -l < "$corpus"))) bytes each · $connections connections · $workers workers"
echo "| input            | events/s  | sent       | evaluated  | dropped  | matches  | CPU µs an event |"
echo "|------------------|-----------|------------|------------|----------|----------|--------|"
for _ in $(seq "$legs"); do
  measure "tcp" tcp tcp "$corpus" "$tcp_port" --seconds "$seconds" --connections "$connections"
  measure "udp, $rate/s" udp udp "$corpus" "$udp_port" --seconds "$seconds" --rate "$rate"
  measure "udp" udp udp "$corpus" "$udp_port" --seconds "$seconds"
done
