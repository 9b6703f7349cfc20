#!/bin/bash
# hecate beside the limits of the machine and beside rsyslog and syslog-ng, each on one core, and one table of it.
#   bench/run.sh [--seconds N] [--rounds N] [--connections N] [--workers N] [--corpus EVENTS.ndjson] [--only PATTERN]
#   bench/run.sh quick       one pass over few events; counts and ratios are checked, and it ends with 1 when one is wrong
# The receiver has core 0, the sender core 1. In each round all receivers take their turn, for about so many seconds
# after one pass to warm up, since a machine drifts; the table has the medians. What was sent must be what the receiver
# evaluated (by UDP: and what the system dropped), and each match that stands in the events must be found, or it ends with
# 1. Where HECATE_SHARED names a folder, its bench/ gives the sender and the limits (sender.c, sink.c, limits.cpp), its
# corpus/ the events; elsewhere `hecate send` sends the quickstart's. rsyslog and syslog-ng are left out where they are
# not installed (syslog-ng: or unpacked in build/syslog-ng, as tests/run.sh does). docs/benchmarks.md says more.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
shared=${HECATE_SHARED:-/nonexistent}
seconds=10 rounds=3 connections=8 workers=0 corpus= only=. rate=50000 quick=
[ "${1:-}" = quick ] && quick=yes rounds=1 && shift
options="seconds rounds connections workers corpus only"
source "$root/bench/lib.sh"
source "$root/bench/receivers.sh"

token=00000000-0000-0000-0000-000000000000
results=$work/results.tsv

# The same rule by other means: how many events of a file of JSON must be found.
count_planted() {
  jq -c 'select((.EventID | tostring | . == "11" or . == "15") and (.Image // "" | test("\\\\MsMpEng\\.exe$"; "i")) and
    (.TargetFilename // "" | test(":\\\\Windows\\\\System32\\\\"; "i")))' "$1" | wc -l
}
# The same events as Splunk's forwarder renders them, one a line.
to_xml() {
  jq -r '"<Event xmlns='\''http://schemas.microsoft.com/win/2004/08/events/event'\''><System><Provider " +
    "Name='\''\(.SourceName)'\'' Guid='\''\(.ProviderGuid)'\''/><EventID>\(.EventID)</EventID>" +
    "<Channel>\(.Channel)</Channel><Computer>\(.Hostname)</Computer></System><EventData>" +
    (to_entries | map("<Data Name='\''\(.key)'\''>\(.value | tostring | @html)</Data>") | join("")) +
    "</EventData></Event>"' "$1"
}

prepare() {
  [ -z "$quick" ] || { head -n 20000 "$corpus" > "$work/few"; mv "$work/few" "$work/quick.ndjson"; corpus=$work/quick.ndjson; }
  count=$(wc -l < "$corpus")
  planted=$(count_planted "$corpus")
  [ "$planted" -gt 0 ] || { echo "none of the events in $corpus is one to find" >&2; exit 2; }
  if [ -f "$shared/corpus/sysmon.xml.txt.zst" ] && [[ $corpus == "$work"/* ]]; then
    zstdcat "$shared/corpus/sysmon.xml.txt.zst" | sed -n "1,${count}p" > "$work/events.xml"
  else
    to_xml "$corpus" > "$work/events.xml"
  fi
  jq -Rc . "$work/events.xml" > "$work/xml.ndjson"
  g++ -O2 -std=c++20 -o "$work/syslog_sender" "$root/bench/syslog_sender.cpp"
  [ -f "$shared/bench/sender.c" ] || return 0
  cc -O2 -w -o "$work/sender" "$shared/bench/sender.c"
  cc -O2 -w -o "$work/sink" "$shared/bench/sink.c"
  # It has AVX-512 in it; without, hecate is compared with the peers only.
  if grep -q avx512bw /proc/cpuinfo; then
    g++ -O3 -march=native -o "$work/limits" "$shared/bench/limits.cpp" $(pkg-config --cflags --libs libhs) -lsimdjson
  fi
}

# send hec-json|hec-xml|tcp|udp PASSES: prints events and seconds.
send() {
  local kind=$1 passes=$2 lines=$corpus
  [ "$kind" != hec-xml ] || lines=$work/xml.ndjson
  if [ "$kind" = udp ] || { [ "$kind" = tcp ] && [ ! -x "$work/sender" ]; }; then
    on_sender_core "$work/syslog_sender" "$kind" "$lines" "$port" --passes "$passes" --connections "$connections" \
      ${udp_rate:+--rate "$udp_rate"}
  elif [ -x "$work/sender" ]; then
    local mode=hec
    [ "$kind" = tcp ] && mode=octet
    on_sender_core "$work/sender" --mode "$mode" --corpus "$lines" --port "$port" --conns "$connections" --batch 100 \
      --secs 3600 --passes "$passes" --token "$token" | jq -r '"\(.events) \(.send_s)"'
  else
    send_by_hecate "$kind" --repeat "$passes" | sed -n 's/^\([0-9]*\) events.* \([0-9.]*\) s: .*/\1 \2/p'
  fi
}
send_by_hecate() {
  local file=$corpus form=json
  [ "$1" != hec-xml ] || file=$work/events.xml form=xml
  shift
  on_sender_core "$hecate" send "$file" --url "http://127.0.0.1:$port" --token "$token" --input "$form" \
    --connections "$connections" --batch 100 "$@"
}

# Until the receiver has used next to no CPU for half a second; prints how long it had to be waited for.
settle() {
  local begin=$(date +%s%N) last=$(date +%s%N) before=$(cpu_time) now quiet=0
  while [ "$quiet" -lt 10 ]; do
    sleep 0.05
    now=$(cpu_time)
    quiet=$((quiet + 1))
    [ "$now" -le $((before + 5000)) ] || { quiet=0 last=$(date +%s%N); }
    before=$now
  done
  awk -v t=$((last - begin)) 'BEGIN { printf "%.3f\n", t / 1e9 }'
}

# Sets evaluated, dropped and matches of this process so far.
read_counts() {
  evaluated=$("evaluated_$1") matches=$("matches_$1") dropped=0
  [ "$1" != hecate ] || dropped=$(dropped_hecate)
}
# wait_for_counts RECEIVER SENT PLANTED: until they are what they must be, or have not changed for ten seconds.
wait_for_counts() {
  local quiet=0 before=
  while [ "$quiet" -lt 100 ]; do
    read_counts "$1"
    [ $((evaluated + dropped)) -ne "$2" ] || { [ "$matches" -ne "$3" ] && [ "$dropped" -eq 0 ]; } || return 0
    quiet=$((quiet + 1))
    [ "$evaluated $dropped $matches" = "$before" ] || quiet=0
    before="$evaluated $dropped $matches"
    sleep 0.1
  done
}

# p50 and p99 of requests that come at half of the given rate, in milliseconds.
latency() {
  send_by_hecate "$1" --rate $(($2 / 2)) --seconds "$seconds" | sed -n 's/.*p50 \([0-9.]*\) ms, p99 \([0-9.]*\) ms.*/\1 \2/p'
}

# measure NAME RECEIVER START-ARGUMENT KIND: a turn of a receiver, a line of the results.
measure() {
  local name=$1 receiver=$2 kind=$4
  [[ $name =~ $only ]] || return 0
  "start_$receiver" "$3"
  local evaluated=- matches=- dropped=- first_sent first_dropped=0 sent took behind passes=1 p50=- p99=-
  read -r first_sent took < <(send "$kind" 1)
  behind=$(settle)
  if [ "$receiver" != sink ]; then
    wait_for_counts "$receiver" "$first_sent" "$planted"
    first_dropped=$dropped
  fi
  local first_evaluated=$evaluated first_matches=$matches
  [ -n "$quick" ] || passes=$(awk -v s="$seconds" -v t="$took" -v b="$behind" \
    'BEGIN { n = int(s / (t + b) + 0.99); print n < 1 ? 1 : n }')
  local cpu=$(cpu_time)
  read -r sent took < <(send "$kind" "$passes")
  behind=$(settle)
  if [ "$receiver" != sink ]; then
    wait_for_counts "$receiver" $((first_sent + sent)) $((planted * (passes + 1)))
    evaluated=$((evaluated - first_evaluated)) matches=$((matches - first_matches)) dropped=$((dropped - first_dropped))
  fi
  cpu=$(($(cpu_time) - cpu))
  local peak=$(memory VmHWM)
  if [ -z "$quick" ] && [ "$receiver" = hecate ] && [[ $kind == hec-* ]]; then
    read -r p50 p99 < <(latency "$kind" "$(awk -v e="$sent" -v t="$took" 'BEGIN { printf "%d", e / t }')")
  fi
  [[ $kind == hec-* ]] || took=$(awk -v t="$took" -v b="$behind" 'BEGIN { print t + b }')
  note "$name" "$sent" "$evaluated" "$dropped" "$matches" $((planted * passes)) "$took" "$cpu" "$peak" "$p50" "$p99"
  stop_receiver || [ "$receiver" != hecate ] || { cat "$work/log" >&2; exit 1; }
}
note() { (IFS=$'\t' && echo "$*") >> "$results"; }

# simdjson with three fields and the rule over the events, nothing received: the faster of its two ways.
measure_simdjson() {
  [[ "limit: simdjson" =~ $only ]] || return 0
  local rate found
  read -r rate found < <(taskset -c 0 "$work/limits" "$corpus" |
    sed -n 's/^simdjson ondemand.*(unordered find x3.* s \+\([0-9]*\) ev\/s.*result \([0-9]*\)$/\1 \2/p' | sort -n | tail -1)
  local took=$(awk -v n="$count" -v r="$rate" 'BEGIN { printf "%.6f", n / r }')
  note "limit: simdjson, three fields and the rule" "$count" "$count" 0 "$found" "$planted" "$took" \
    "$(awk -v t="$took" 'BEGIN { print t * 1e6 }')" - - -
}

# Every receiver once.
run_round() {
  if [ -x "$work/sink" ]; then
    measure "limit: HEC thrown away" sink http hec-json
    measure "limit: TCP thrown away" sink raw tcp
  fi
  [ ! -x "$work/limits" ] || measure_simdjson
  measure "hecate, HEC, JSON" hecate hec hec-json
  measure "hecate, HEC, XML" hecate hec hec-xml
  measure "hecate, syslog TCP, JSON" hecate tcp tcp
  if [ -z "$quick" ]; then
    udp_rate=$rate measure "hecate, syslog UDP at $rate/s" hecate udp udp
    measure "hecate, syslog UDP" hecate udp udp
  fi
  if [ -x /usr/sbin/rsyslogd ]; then
    measure "rsyslog, syslog TCP, JSON parsed" rsyslog parsed tcp
    [ -n "$quick" ] || measure "rsyslog, substring test first" rsyslog substring tcp
  fi
  if [ -x "$syslog_ng" ]; then
    measure "syslog-ng, syslog TCP, JSON parsed" syslog_ng parsed tcp
    [ -n "$quick" ] || measure "syslog-ng, substring test first" syslog_ng substring tcp
  fi
}

prepare
echo "$(machine) · $("$hecate" --version | head -1) · $count events, $(($(stat -c %s "$corpus") / count)) bytes each, $planted to find · $connections connections · $workers workers · $rounds rounds · sent by $([ -x "$work/sender" ] && echo sender.c || echo hecate send)"
for _ in $(seq "$rounds"); do run_round; done
python3 "$root/bench/table.py" "$results" ${quick:+--ratios "${HECATE_BENCH_RATIOS:-yes}"}
