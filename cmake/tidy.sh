#!/bin/bash
# Runs clang-tidy-19 with the project's .clang-tidy over the sources whose path begins with one of these (daemon, outputs
# and pipeline when none is named): `tidy.sh daemon/hec_ pipeline/decode/`. Configures build/tidy for it; ends with 1 where
# it has something to say. clang-tidy-19 and clang-19 are packages of Debian 12.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
[ $# -gt 0 ] || set -- daemon/ outputs/ pipeline/
# g++'s precompiled headers are none of clang's.
cmake -S . -B build/tidy -G Ninja -DCMAKE_BUILD_TYPE=Debug -DCMAKE_CXX_COMPILER=clang++-19 \
  -DCMAKE_DISABLE_PRECOMPILE_HEADERS=ON -DCMAKE_EXPORT_COMPILE_COMMANDS=ON >/dev/null
printf '%s\n' "${@/#/^$root/}" > build/tidy/chosen
jq -r '.[].file' build/tidy/compile_commands.json | grep -f build/tidy/chosen |
  xargs -P "$(nproc)" -n 1 clang-tidy-19 -p build/tidy --quiet
