#!/bin/bash
# From nothing to a first finding: installs packages, builds hecate, starts it on 127.0.0.1, sends it Sysmon events
# over HEC with curl, prints what it found, and stays running until ctrl-C (`--once`: stops at once).
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
once=no
case "$*" in
  '') ;;
  --once) once=yes ;;
  *) echo "usage: $0 [--once]; \`$*\` is not known" >&2; exit 2 ;;
esac

bash "$root/deploy/install.sh" build quickstart
bash "$root/deploy/build.sh"

state=$(mktemp -d "${TMPDIR:-/tmp}/hecate-quickstart-XXXXXX")
export HECATE_QUICKSTART_TOKEN=11111111-2222-4333-8444-555555555555
sed "s|@STATE@|$state/state|" "$root/deploy/quickstart/hecate.yaml" > "$state/hecate.yaml"

"$root/build/release/hecate" serve --config "$state/hecate.yaml" > "$state/findings.ndjson" 2> "$state/log.ndjson" &
hecate=$!
stop() {
  kill -TERM "$hecate" 2>/dev/null || true
  wait "$hecate" 2>/dev/null || true
  rm -rf "$state"
}
trap stop EXIT
trap 'exit 130' INT TERM

# The ports are the system's choice, so that a second quickstart does not get in the way; the log names them.
ports=
for _ in $(seq 100); do
  ports=$(sed -n 's/.*ready: HEC on port \([0-9]*\), admin on port \([0-9]*\),.*/\1 \2/p' "$state/log.ndjson")
  [ -n "$ports" ] && break
  kill -0 "$hecate" 2>/dev/null || { cat "$state/log.ndjson" >&2; exit 1; }
  sleep 0.1
done
[ -n "$ports" ] || { echo "hecate did not become ready; its log:" >&2; cat "$state/log.ndjson" >&2; exit 1; }
read -r hec admin <<< "$ports"

echo
echo "hecate runs: HEC on 127.0.0.1:$hec, admin on 127.0.0.1:$admin, state in $state/state"
echo "sending $(grep -c . "$root/deploy/quickstart/events.ndjson") Sysmon events over HEC, two of which should not be:"
now=$(date +%s)
utc=$(date -u -d "@$now" '+%Y-%m-%d %H:%M:%S')
sed "s|@EPOCH@|$now|g; s|@UTC@|$utc|g" "$root/deploy/quickstart/events.ndjson" |
  curl -sS --fail-with-body "http://127.0.0.1:$hec/services/collector/event" \
    -H "Authorization: Splunk $HECATE_QUICKSTART_TOKEN" --data-binary @-
echo
echo

found=0
for _ in $(seq 100); do
  found=$(curl -sS "http://127.0.0.1:$admin/api/findings" | jq length)
  [ "$found" -ge 2 ] && break
  sleep 0.1
done
echo "what it found ($found):"
curl -sS "http://127.0.0.1:$admin/api/findings" | jq -r '.[] | "  * \(.title)\n      detection: \(.detection)   risk score: \(.risk_score)   ATT&CK: \(.annotations.mitre_attack | join(", "))"'
if [ "$found" -lt 2 ]; then
  echo "expected two findings; hecate's log:" >&2
  cat "$state/log.ndjson" >&2
  exit 1
fi

if [ "$once" = yes ]; then
  echo
  echo "Stopped, and its state removed. Without --once it stays running."
  exit 0
fi

cat <<TEXT

Where to look next:
  curl -s http://127.0.0.1:$admin/api/findings | jq .      the findings in full
  curl -s http://127.0.0.1:$admin/metrics                  what Prometheus scrapes
  $root/build/release/hecate --help                        search, replay, send, check
  $root/docs/configuration.md                              every configuration key
TEXT
echo
echo "Running; ctrl-C stops it and removes its state."
wait "$hecate"
