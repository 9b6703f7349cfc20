#!/bin/bash
# Builds build/<preset>/hecate (release when none is named) and, with `--tests`, the tests.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
preset=release
tests=
for word in "$@"; do
  case $word in
    --tests) tests=yes ;;
    *) preset=$word ;;
  esac
done
cd "$root"
cmake --preset "$preset" ${tests:+-DHECATE_TESTS=ON}
cmake --build --preset "$preset"
