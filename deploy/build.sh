#!/bin/bash
# Builds build/<preset>/hecate (release when none is named) and, with `--tests`, the tests. HECATE_REVISION names the
# revision where git cannot be asked, as in an image.
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
cmake --preset "$preset" ${tests:+-DHECATE_TESTS=ON} ${HECATE_REVISION:+"-DHECATE_REVISION=$HECATE_REVISION"}
cmake --build --preset "$preset"
