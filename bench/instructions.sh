#!/bin/bash
# Instructions an event takes, from its HEC body to what it contributes, counted by callgrind: a figure that does not
# depend on how busy the machine is.
#   bench/instructions.sh [--update]
# Made events as JSON and as XML against the shipped detection, and, where HECATE_SHARED names a folder with corpus/ and
# escu/, each 60th event of the mixed corpus against all of those detections. Compared with bench/instructions.txt: what
# costs over 3 % more ends with 1; --update writes that file anew, and the commit says why. Needs valgrind and the
# release build with tests (bash deploy/build.sh release --tests).
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
shared=${HECATE_SHARED:-/nonexistent}
program=${HECATE_INSTRUCTIONS:-$root/build/release/bench/instructions}
stored=$root/bench/instructions.txt
command -v valgrind > /dev/null || { echo "valgrind is missing: apt-get install valgrind" >&2; exit 2; }
[ -x "$program" ] || { echo "build it first: bash deploy/build.sh release --tests" >&2; exit 2; }
work=$(mktemp -d "${TMPDIR:-/tmp}/hecate-bench-XXXXXX")
trap 'rm -rf "$work"' EXIT

# count NAME ARGUMENTS…: a line of $work/counts: name, instructions an event, the events decoded and matches.
count() {
  local name=$1; shift
  valgrind --tool=callgrind --callgrind-out-file="$work/$name.out" --collect-atstart=no --toggle-collect=measured \
    "$program" "$@" > "$work/$name" 2> "$work/$name.log" || { cat "$work/$name.log" >&2; exit 1; }
  awk -v name="$name" -v ir="$(sed -n 's/^\(summary\|totals\): //p' "$work/$name.out" | head -1)" \
    '{ printf "%s %.0f %s %s\n", name, ir / $1, $3, $5 }' "$work/$name" >> "$work/counts"
}

count json json
count xml xml
if [ -f "$shared/corpus/mixed60k.ndjson.zst" ]; then
  zstdcat "$shared/corpus/mixed60k.ndjson.zst" | awk 'NR % 60 == 0' > "$work/mixed"
  count catalogue "$work/mixed" "$shared/escu/detections"
else
  echo "the catalogue is left out: HECATE_SHARED names no folder with it"
fi
[ "${1:-}" != --update ] || cp "$work/counts" "$stored"
worse=0
while read -r name now decoded matches; do
  before=$(awk -v name="$name" '$1 == name { print $2 }' "$stored")
  awk -v n="$name" -v a="${before:-0}" -v b="$now" -v d="$decoded" -v m="$matches" 'BEGIN {
    printf "%-10s %7d instructions an event (%d decoded, %d matches); %s\n", n, b, d, m,
      a ? sprintf("%d before: %+.1f %%", a, 100 * (b - a) / a) : "none stored"
    exit a && b > a * 1.03 }' || worse=1
done < "$work/counts"
exit "$worse"
