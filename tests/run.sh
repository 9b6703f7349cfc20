#!/bin/bash
# Installs, builds and runs every test on a Debian 12 machine; ends with CTest's summary. What runs here is bounded
# and needs no network but Debian's packages and two of npm's. `run.sh asan tsan release` runs the sanitizers too.
# Before them each fuzz target runs for HECATE_FUZZ_SECONDS (30 when not set; 0: not at all).
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
bash deploy/install.sh build test

presets=("$@")
[ ${#presets[@]} -gt 0 ] || presets=(release)

run_preset() {
  local preset=$1 label=()
  # ThreadSanitizer is slow and has something to say only where there are threads.
  [ "$preset" = tsan ] && label=(-R '^(Ingest|Store|Runner|Outbox|HecListener|AdminServer)')
  bash deploy/build.sh "$preset" --tests
  ctest --preset "$preset" -j2 -LE nightly "${label[@]}"
}

# For the tests of shippers: its package conflicts with rsyslog's, so it is unpacked and not installed.
unpack_syslog_ng() {
  [ -x build/syslog-ng/usr/sbin/syslog-ng ] && return
  mkdir -p build/syslog-ng
  (cd build/syslog-ng && apt-get download -qq syslog-ng-core syslog-ng-mod-http &&
    for package in *.deb; do dpkg-deb -x "$package" .; done) || echo "run.sh: no syslog-ng, its tests are skipped" >&2
}

# For the same tests; the lock file says which versions.
install_splunk_logging() {
  [ -d build/splunk-logging/node_modules/splunk-logging ] && return
  mkdir -p build/splunk-logging
  cp deploy/shippers/splunk-logging/package*.json build/splunk-logging/
  npm ci --prefix build/splunk-logging --ignore-scripts --no-audit --no-fund >/dev/null 2>&1 ||
    echo "run.sh: no splunk-logging, its test is skipped" >&2
}

# For the tests of the page, which drive Debian's Chromium by it.
install_playwright() {
  [ -d build/page/node_modules/playwright-core ] && return
  mkdir -p build/page
  cp tests/page/package*.json build/page/
  npm ci --prefix build/page --ignore-scripts --no-audit --no-fund >/dev/null 2>&1 ||
    echo "run.sh: no playwright-core, the tests of the page are skipped" >&2
}

run_fuzz() {
  local seconds=${HECATE_FUZZ_SECONDS:-30}
  [ "$seconds" -gt 0 ] || return 0
  echo "== fuzz"
  bash deploy/build.sh fuzz && bash tests/fuzz/run.sh build/fuzz "$seconds"
}

unpack_syslog_ng
install_splunk_logging
install_playwright
fuzz_failed=
run_fuzz || fuzz_failed=yes
for preset in "${presets[@]}"; do
  echo "== $preset"
  run_preset "$preset"
done
[ -z "$fuzz_failed" ] || { echo "run.sh: fuzzing failed, see above" >&2; exit 1; }
