#!/bin/bash
# What the scripts share that start hecate on core 0; sourced with root, shared and corpus set, and with `options`, the
# names of the variables that --name VALUE sets; `events` names another of the shared corpora. Sets hecate, work, corpus.
while [ $# -gt 0 ]; do
  case " $options " in
    *" ${1#--} "*) [ $# -gt 1 ] && declare "${1#--}=$2" && shift 2 && continue ;;
  esac
  sed -n '2,3p' "$0" >&2
  exit 2
done
hecate=${HECATE:-$root/build/release/hecate}
[ -x "$hecate" ] || { echo "build it first: bash deploy/build.sh" >&2; exit 2; }

work=$(mktemp -d "${TMPDIR:-/tmp}/hecate-bench-XXXXXX")
pid=
cleanup() {
  [ -n "$pid" ] && kill -TERM "$pid" 2>/dev/null && wait "$pid" 2>/dev/null
  rm -rf "$work"
}
trap cleanup EXIT

if [ -z "$corpus" ]; then
  corpus=$work/corpus.ndjson
  if [ -f "$shared/corpus/${events:-sysmon.json}.ndjson.zst" ]; then
    zstdcat "$shared/corpus/${events:-sysmon.json}.ndjson.zst" > "$corpus"
  else
    # Without real events: the quickstart's, unwrapped, over and over.
    sed 's/@EPOCH@/1777296099/; s/@UTC@/2026-04-27 13:21:39/g' "$root/deploy/quickstart/events.ndjson" |
      jq -c .event > "$work/few.ndjson"
    for _ in $(seq 4000); do cat "$work/few.ndjson"; done > "$corpus"
  fi
fi

# Starts $work/hecate.yaml on core 0 and waits until it is ready; sets pid, hec and admin.
start_hecate() {
  taskset -c 0 "$hecate" serve --config "$work/hecate.yaml" > "$work/out" 2> "$work/log" &
  pid=$!
  for _ in $(seq 100); do
    read -r hec admin < <(sed -n 's/.*HEC on port \([0-9]*\), admin on port \([0-9]*\),.*/\1 \2/p' "$work/log") && return
    sleep 0.1
  done
  cat "$work/log" >&2
  exit 1
}

# The sum of a metric over its labels, or over those given: metric 'name{reason="x"}'.
metric() { curl -s "http://127.0.0.1:$admin/metrics" | awk -v name="$1" 'index($0, name) == 1 { sum += $NF } END { printf "%.0f\n", sum }'; }
# Of the process, so far.
cpu_ticks() { awk '{ print $14 + $15 }' "/proc/$pid/stat"; }
