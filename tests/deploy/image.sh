#!/bin/bash
# What the Dockerfile's second stage does, in a folder made by debootstrap: `image.sh BINARY FOLDER`. Its commands are
# read from the Dockerfile. Shows that packages-run.txt has all that the binary loads, that it runs as the image's user
# with nothing writable but its volume, and that the image stays under 120 MiB.
set -euo pipefail
source=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
binary=$1
folder=$2
limit_mib=120

skip() { echo "image.sh: $1; skipped"; exit 77; }
[ "$(id -u)" -eq 0 ] || skip "only root can make a root folder"
command -v debootstrap > /dev/null || skip "debootstrap is not here"

base=$folder/debian.tar
if [ ! -f "$base" ]; then
  rm -rf "$folder/base" && mkdir -p "$folder"
  debootstrap --variant=minbase bookworm "$folder/base" > "$folder/debootstrap.log" 2>&1 ||
    { tail -5 "$folder/debootstrap.log"; skip "debootstrap cannot reach Debian's packages"; }
  # What Debian's slim image leaves out.
  rm -rf "$folder"/base/usr/share/{doc,locale,man,info,lintian}/* "$folder"/base/var/{cache/apt,lib/apt/lists}/*
  rm -f "$folder"/base/var/cache/debconf/*-old "$folder"/base/var/log/*.log
  tar -C "$folder/base" -cf "$base.new" . && mv "$base.new" "$base"
  rm -rf "$folder/base"
fi

root=$(mktemp -d "$folder/root-XXXXXX")
trap 'rm -rf "$root"' EXIT
tar -C "$root" -xf "$base"
cp /etc/resolv.conf "$root/etc/" 2> /dev/null || true
cp -r /etc/apt/sources.list /etc/apt/sources.list.d "$root/etc/apt/" 2> /dev/null || true
printf 'path-exclude=/usr/share/%s/*\n' doc locale man > "$root/etc/dpkg/dpkg.cfg.d/docker"
mkdir -p "$root/tmp/deploy" "$root/etc/hecate"

# The stage's RUN, as it stands there.
cp "$source"/deploy/{install.sh,packages-run.txt} "$root/tmp/deploy/"
run=$(sed -n '/^FROM debian:12-slim$/,$p' "$source/Dockerfile" | sed -n '/^RUN /,/[^\\]$/p' | sed 's/^RUN //')
chroot "$root" /bin/sh -euc "$run" > "$folder/run.log" 2>&1 || { cat "$folder/run.log"; exit 1; }
rm -rf "$root"/var/cache/apt/* # as the image's own apt is told to
install -m 755 -D "$binary" "$root/usr/local/bin/hecate"
strip "$root/usr/local/bin/hecate"
cp "$source/deploy/container.yaml" "$root/etc/hecate/hecate.yaml"

size=$(du -smx "$root" | cut -f1)
echo "the image takes $size MiB"
[ "$size" -lt "$limit_mib" ] || { echo "more than $limit_mib"; exit 1; }

user=$(sed -n 's/^USER //p' "$source/Dockerfile")
in_image() { chroot --userspec="$user" "$root" "$@"; }
in_image hecate --version
in_image hecate check > /dev/null
[ "$(in_image stat -c '%u %a' /var/lib/hecate)" = "${user%:*} 700" ]
in_image test -s /etc/ssl/certs/ca-certificates.crt
# The ports of the image may be taken on this machine; the rest of its configuration is kept.
sed -i 's/0\.0\.0\.0:9464/127.0.0.1:0/' "$root/etc/hecate/hecate.yaml"
echo 'inputs: {hec: {listen: "127.0.0.1:0"}}' >> "$root/etc/hecate/hecate.yaml"
chroot --userspec="$user" "$root" hecate serve --config /etc/hecate/hecate.yaml > /dev/null 2> "$folder/serve.log" &
hecate=$!
for _ in $(seq 600); do
  grep -q '"ready: ' "$folder/serve.log" && break
  kill -0 "$hecate" || { cat "$folder/serve.log"; exit 1; }
  sleep 0.1
done
port=$(sed -n 's/.*admin on port \([0-9]*\),.*/\1/p' "$folder/serve.log")
in_image hecate status --address "127.0.0.1:$port"
kill -TERM "$hecate"
wait "$hecate"
written=$(find "$root" -xdev -user "${user%:*}" -not -path "$root/var/lib/hecate*" | head)
[ -z "$written" ] || { echo "written outside of its volume: $written"; exit 1; }
echo "runs as $user, stops with exit code 0, writes to its volume only"
