#!/bin/bash
# Installs Debian 12 packages that hecate needs: `install.sh build`, `install.sh build test`, `install.sh run`.
# Each word names a list beside this script. Does nothing, and needs no root, where all are there already.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

wanted=()
for list in "$@"; do
  [ -f "$here/packages-$list.txt" ] || { echo "install.sh: no list of packages named $list" >&2; exit 2; }
  # Words, not a redirected loop: the image's folder has no /dev/fd while it is made.
  # shellcheck disable=SC2013
  for package in $(grep -v '^#' "$here/packages-$list.txt"); do wanted+=("$package"); done
done

missing=()
for package in "${wanted[@]}"; do
  status=$(dpkg-query -W -f='${db:Status-Abbrev}' "$package" 2>/dev/null || true)
  [[ $status == ii* ]] || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

if [ "$(id -u)" -ne 0 ]; then
  echo "install.sh: these packages are missing and only root can install them: ${missing[*]}" >&2
  exit 1
fi
echo "installing ${#missing[@]} packages: ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends "${missing[@]}"
