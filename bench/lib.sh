#!/bin/bash
# What the scripts share that start hecate on core 0; sourced with root, shared and corpus set, and with `options`, the
# names of the variables that --name VALUE sets; `events` names another of the shared corpora. Sets hecate, work, corpus.
while [ $# -gt 0 ]; do
  case " $options " in
    *" ${1#--} "*) [ $# -gt 1 ] && declare "${1#--}=$2" && shift 2 && continue ;;
  esac
  sed -n '2,/^set /{/^#/p}' "$0" >&2
  exit 2
done
hecate=${HECATE:-$root/build/release/hecate}
[ -x "$hecate" ] || { echo "build it first: bash deploy/build.sh" >&2; exit 2; }

work=$(mktemp -d "${TMPDIR:-/tmp}/hecate-bench-XXXXXX")
pid=
# Ends what `pid` names; with what it ended with.
stop_receiver() {
  local ending=$pid
  pid=
  [ -n "$ending" ] && kill -TERM "$ending" 2> /dev/null || return 0
  wait "$ending" 2> /dev/null
}
cleanup() {
  stop_receiver || true
  rm -rf "$work"
}
trap cleanup EXIT

if [ -z "$corpus" ]; then
  corpus=$work/corpus.ndjson
  if [ -f "$shared/corpus/${events:-sysmon.json}.ndjson.zst" ]; then
    zstdcat "$shared/corpus/${events:-sysmon.json}.ndjson.zst" > "$corpus"
  else
    # Without real events: the quickstart's, unwrapped, over and over, most of them of other codes.
    sed 's/@EPOCH@/1777296099/; s/@UTC@/2026-04-27 13:21:39/g' "$root/deploy/quickstart/events.ndjson" |
      jq -c .event > "$work/few.ndjson"
    jq -c 'select(.EventID != 11 and .EventID != 15)' "$work/few.ndjson" > "$work/others.ndjson"
    for _ in $(seq 200); do
      cat "$work/few.ndjson"
      for _ in $(seq 49); do cat "$work/others.ndjson"; done
    done > "$corpus"
  fi
fi

# Receivers run on the first core (taskset -c 0), senders on the second, or on the only one.
on_sender_core() { taskset -c $(($(nproc) > 1)) "$@"; }

# Starts $work/hecate.yaml and waits until it is ready; sets pid, hec and admin.
serve() {
  rm -f "$work/log"
  taskset -c 0 "$hecate" serve --config "$work/hecate.yaml" > "$work/out" 2> "$work/log" &
  pid=$!
  for _ in $(seq 300); do
    read -r hec admin < <(sed -n 's/.*HEC on port \([0-9]*\), admin on port \([0-9]*\),.*/\1 \2/p' "$work/log" 2> /dev/null) && return
    kill -0 "$pid" 2> /dev/null || break
    sleep 0.1
  done
  cat "$work/log" >&2
  exit 1
}

# The sum of a metric over its labels, or over those given: metric 'name{reason="x"}'.
metric() { curl -s "http://127.0.0.1:$admin/metrics" | awk -v name="$1" 'index($0, name) == 1 { sum += $NF } END { printf "%.0f\n", sum }'; }
# CPU of the receiver's threads so far, in microseconds.
cpu_time() { cat /proc/"$pid"/task/*/schedstat | awk '{ sum += $1 } END { printf "%.0f\n", sum / 1000 }'; }
# MiB of VmRSS or VmHWM.
memory() { awk -v key="$1:" '$1 == key { printf "%.1f\n", $2 / 1024 }' "/proc/$pid/status"; }
machine() { echo "$(date -u +%F) · $(nproc) cores, $(sed -n 's/model name\s*: //p' /proc/cpuinfo | head -1)"; }
