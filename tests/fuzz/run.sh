#!/bin/bash
# Runs each fuzz target, built in <folder>, for <seconds> (30 when not named): `run.sh build/fuzz 30`, or only those
# that are named behind; as many at a time as there are processors. What libFuzzer learns stays in <folder>/learned,
# where the next run begins. An input that breaks a target goes to <folder>/broken: mend the reader, and keep the input
# in corpus/<target>.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
folder=$1
seconds=${2:-30}
targets=("${@:3}")
[ ${#targets[@]} -gt 0 ] || targets=(hec_body hec_raw hec_acks gzip syslog_frame syslog_head event_json event_xml event_text)

dictionary_of() {
  case $1 in
    hec_body | hec_acks | event_json) echo json ;;
    syslog_*) echo syslog ;;
    hec_raw | event_xml) echo xml ;;
    event_text) echo text ;;
  esac
}

run_target() {
  local target=$1 learned=$folder/learned/$1 dictionary
  dictionary=$(dictionary_of "$target")
  mkdir -p "$learned"
  if "$folder/tests/fuzz/fuzz_$target" -max_total_time="$seconds" -max_len=8192 -timeout=10 -rss_limit_mb=2048 \
    -artifact_prefix="$folder/broken/$target-" ${dictionary:+-dict="$here/dict/$dictionary.dict"} \
    "$learned" "$here/corpus/$target" >"$learned.log" 2>&1; then
    echo "fuzz $target: $(tail -1 "$learned.log")"
    return
  fi
  echo "fuzz $target: FAILED"
  grep -aE 'broken rule|ERROR|runtime error|SUMMARY|Test unit written' "$learned.log" || tail -5 "$learned.log"
  return 1
}

mkdir -p "$folder/broken"
export here folder seconds
export -f dictionary_of run_target
printf '%s\n' "${targets[@]}" | xargs -P "$(nproc)" -I{} bash -c 'run_target {}'
