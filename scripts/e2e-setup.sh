#!/bin/bash
# Prepares what the end-to-end suite needs: programs, root file systems, images. Safe to repeat; a warm run takes seconds.
#
#   E2E_ENGINE=debian    this machine's own docker.io, and its podman (default)
#   E2E_ENGINE=forky     Docker 28, from Debian forky, in a chroot
#   E2E_ENGINE=moby      the 29 line with its own nftables backend, built from Go modules (minutes; needs go)
#   E2E_CACHE=DIR        where everything is kept, outside the checkout
#
# No registry is asked: images are made of Debian packages and of one small C program.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

engine=${E2E_ENGINE:-debian}
export E2E_CACHE=${E2E_CACHE:-${XDG_CACHE_HOME:-/var/cache}/taskrole-e2e}
images=$E2E_CACHE/images
sources=test/e2e/images
began=$SECONDS step_began=$SECONDS

fail() { echo "e2e-setup: $*" >&2; exit 1; }
step_done() { printf 'e2e-setup: %4d s  %s\n' $((SECONDS - step_began)) "$*"; step_began=$SECONDS; }

# Installs only what is missing: package names on the left, the program that proves each on the right.
install_programs() {
  local missing=() pair package
  for pair in docker.io:dockerd nftables:nft iptables:iptables iproute2:ip busybox-static:busybox podman:podman runc:runc mmdebstrap:mmdebstrap gcc:gcc curl:curl; do
    command -v "${pair#*:}" >/dev/null || missing+=("${pair%:*}")
  done
  for package in libc6-dev netavark aardvark-dns libfaketime; do dpkg -s $package >/dev/null 2>&1 || missing+=("$package"); done
  [ ${#missing[@]} = 0 ] || apt_install "${missing[@]}" || fail "cannot install ${missing[*]}: see $E2E_CACHE/apt.log"
  ldd "$(command -v busybox)" >/dev/null 2>&1 && fail "busybox is not static: install busybox-static in its place"
  step_done "programs: ${missing[*]:-nothing missing}"
}

apt_install() {
  { apt-get install -y --no-install-recommends "$@" || { apt-get update && apt-get install -y --no-install-recommends "$@"; }; } \
    >"$E2E_CACHE/apt.log" 2>&1
}

# The Debian mirror this machine already uses.
mirror() {
  local uri
  uri=$(sed -n 's/^URIs: *\(http[^ ]*debian\) *$/\1/p' /etc/apt/sources.list.d/*.sources 2>/dev/null | head -1)
  [ -n "$uri" ] || uri=$(awk '$1 == "deb" { for (i = 2; i <= NF; i++) if ($i ~ /^http.*debian\/?$/) { print $i; exit } }' \
    /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null)
  [ -n "$uri" ] || fail "no Debian mirror in this machine's apt sources"
  echo "$uri"
}

# rootfs SUITE PACKAGES [NAME]: the files of these packages and of all they need in $E2E_CACHE/rootfs-NAME. Nothing is configured
# (that would double the time), so finish_rootfs does by hand what the packages' scripts would have done.
rootfs() {
  local suite=$1 packages=$2 name=${3:-$1}
  local root=$E2E_CACHE/rootfs-$name
  [ "$(cat "$root/.packages" 2>/dev/null)" = "$packages" ] && { step_done "root file system of $name: cached"; return; }
  rm -rf --one-file-system "$root"
  # The suite's index may have run out where a mirror lags; its signature is checked all the same.
  mmdebstrap --variant=extract --mode=root --aptopt='Acquire::Check-Valid-Until "false"' --include="$packages" "$suite" "$root" "$(mirror)" >"$E2E_CACHE/rootfs-$name.log" 2>&1 ||
    fail "cannot fetch Debian $suite: see $E2E_CACHE/rootfs-$name.log"
  finish_rootfs "$root"
  echo "$packages" >"$root/.packages"
  step_done "root file system of $name: $(du -sm "$root" | cut -f1) MB"
}

finish_rootfs() {
  local root=$1 program folder
  for folder in bin sbin lib lib64; do [ -e "$root/$folder" ] || ln -s "usr/$folder" "$root/$folder"; done
  mkdir -p "$root"/{proc,sys,dev,run,tmp,root,var/lib,var/log}
  rm -rf "$root/var/run" && ln -s /run "$root/var/run"
  echo root:x:0:0:root:/root:/bin/sh >"$root/etc/passwd"
  printf 'root:x:0:\ndocker:x:999:\n' >"$root/etc/group"
  for program in iptables iptables-save iptables-restore ip6tables ip6tables-save ip6tables-restore; do
    ln -sf xtables-nft-multi "$root/usr/sbin/$program"
  done
  ln -sf bash "$root/bin/sh"
  rm -rf "$root"/usr/share/{man,doc,locale,zoneinfo,groff,info} "$root"/var/{cache,lib}/apt "$root"/usr/lib/x86_64-linux-gnu/{perl,gconv} \
    "$root"/usr/share/perl \
    "$root"/usr/bin/{ctr,dnet,containerd-shim,containerd-shim-runc-v1} "$root"/usr/sbin/ovrouter
}

# A Debian host to install taskrole on: what its page has apt-get install, set up as apt does, and systemd. What of it would
# change the machine that the suite runs on (settings of the kernel, devices, the clock) is masked.
debian_host() {
  local root=$E2E_CACHE/debian-host packages unit
  packages=systemd-sysv,$(sed -n 's/^apt-get install -y //p' docs/install/debian.md | tr ' ' ,)
  [ "$(cat "$root/.made" 2>/dev/null)" = "$packages" ] && { step_done "Debian host: cached"; return; }
  rm -rf --one-file-system "$root"
  mmdebstrap --variant=minbase --mode=root --aptopt='Acquire::Check-Valid-Until "false"' --aptopt='APT::Install-Recommends "false"' \
    --include="$packages" bookworm "$root" "$(mirror)" >"$E2E_CACHE/debian-host.log" 2>&1 ||
    fail "cannot make a Debian host: see $E2E_CACHE/debian-host.log"
  for unit in systemd-sysctl.service systemd-binfmt.service systemd-modules-load.service systemd-logind.service systemd-timesyncd.service \
    systemd-remount-fs.service dev-hugepages.mount sys-kernel-debug.mount sys-kernel-tracing.mount sys-kernel-config.mount \
    systemd-journald-audit.socket apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer fstrim.timer console-getty.service getty.target; do
    ln -sf /dev/null "$root/etc/systemd/system/$unit"
  done
  rm -rf "$root"/usr/share/{man,doc,locale,info} "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/*
  echo "$packages" >"$root/.made"
  step_done "Debian host: $(du -sm "$root" | cut -f1) MB"
}

# The newest Moby that is published as Go modules, with the containerd and runc that it is released with.
moby() {
  local programs=$E2E_CACHE/moby go=$E2E_CACHE/go module=github.com/moby/moby/v2
  local wanted="v2.0.0-beta.24 v2.4.2 v1.5.2"
  [ "$(cat "$programs/versions" 2>/dev/null)" = "$wanted" ] && { step_done "moby: built"; return; }
  command -v go >/dev/null || fail "E2E_ENGINE=moby needs go"
  dpkg -s libseccomp-dev pkg-config >/dev/null 2>&1 || apt_install libseccomp-dev pkg-config || fail "cannot install libseccomp-dev: see $E2E_CACHE/apt.log"
  # shellcheck disable=SC2086  # three words
  set -- $wanted
  go_install() { # CGO PACKAGE...
    CGO_ENABLED=$1 GOWORK=off GOFLAGS=-buildvcs=false GOPATH=$go GOMODCACHE=$go/mod GOCACHE=$go/cache GOBIN=$programs \
      go install -trimpath -tags seccomp -ldflags "-s -w -X $module/dockerversion.Version=29-$wanted_moby" "${@:2}" >>"$E2E_CACHE/moby.log" 2>&1 ||
      fail "cannot build ${*:2}: see $E2E_CACHE/moby.log"
  }
  local wanted_moby=$1
  go_install 0 "$module/cmd/dockerd@$1" "$module/cmd/docker-proxy@$1"
  go_install 0 "github.com/containerd/containerd/v2/cmd/containerd@$2" "github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2@$2"
  go_install 1 "github.com/opencontainers/runc@$3"
  chmod -R u+w "$go" && rm -rf "$go"
  echo "$wanted" >"$programs/versions"
  step_done "moby: $(du -sm "$programs" | cut -f1) MB"
}

# image NAME SOURCE-FILES...: runs make_NAME into a folder and keeps it as a tar, named after what went in.
image() {
  local name=$1 made tar
  shift
  tar=$images/$name.tar
  made=$(cat "$@" scripts/e2e-setup.sh | sha256sum | cut -c1-12)
  [ "$(cat "$images/$name.made" 2>/dev/null)" = "$made" ] && [ -e "$tar" ] && { step_done "image $name: cached"; return; }
  rm -f "$images/$name.made"
  "make_$name" "$tar" || fail "cannot make the image $name"
  echo "$made" >"$images/$name.made"
  step_done "image $name: $(du -m "$tar" | cut -f1) MB"
}

# 3 MB: the client, which is also the first process, and a shell for the rest.
make_small() {
  local tree=$E2E_CACHE/small
  rm -rf --one-file-system "$tree"
  mkdir -p "$tree"/{bin,etc,tmp,proc,sys,dev}
  cp "$(command -v busybox)" "$tree/bin/busybox"
  ln -s busybox "$tree/bin/sh"
  gcc -O2 -Wall -Wextra -Werror -static -o "$tree/bin/ask" $sources/ask.c
  strip "$tree/bin/ask"
  tar -C "$tree" -cf "$1" .
}

# The real AWS clients.
make_aws() {
  local root=$E2E_CACHE/rootfs-bookworm packages=usr/lib/python3/dist-packages
  # boto3 reads what it is asked for; the CLI (which brings a botocore of its own) wants to see all its commands.
  find "$root/$packages/botocore/data" -mindepth 1 -maxdepth 1 -type d ! -name sts -exec rm -rf {} +
  rm -rf "$root/$packages/awscli"/{examples,data/ac.index}
  chroot "$root" /usr/bin/python3 -m compileall -q "/$packages"/{boto3,botocore,awscli,urllib3,dateutil,jmespath} >/dev/null || return
  install -D "$E2E_CACHE/small/bin/ask" "$root/usr/local/bin/ask"
  tar -C "$root" -cf "$1" --exclude=./usr/sbin/dockerd --exclude='./usr/bin/docker*' --exclude='./usr/bin/containerd*' --exclude=./usr/sbin/runc .
}

# A Docker engine to run inside a container.
make_dind() {
  local root=$E2E_CACHE/rootfs-bookworm
  install -D "$E2E_CACHE/small/bin/ask" "$root/usr/local/bin/ask"
  install -D -m 755 $sources/dind-entry.sh "$root/usr/local/bin/dind-entry"
  tar -C "$root" -cf "$1" --exclude='./usr/lib/python3*' --exclude='./usr/bin/python3*' --exclude=./usr/libexec/aws .
}

# In place of debian:12-slim, with what the product's Dockerfile would install.
make_base() {
  tar -C "$E2E_CACHE/rootfs-base" -cf "$1" .
}

[ "$(id -u)" = 0 ] || fail "needs root: it installs packages and runs Docker engines"
[[ $engine =~ ^(debian|forky|moby)$ ]] || fail "E2E_ENGINE is debian, forky or moby, not '$engine'"
mkdir -p "$images"
install_programs
image small $sources/ask.c
rootfs bookworm docker.io,iptables,iproute2,busybox-static,ca-certificates,bash,coreutils,mount,awscli,python3-boto3
rootfs bookworm nftables,iproute2,libcap2-bin,util-linux,bash,coreutils,findutils,grep base
[ "$engine" != debian ] || debian_host
[ "$engine" != moby ] || moby
[ "$engine" != forky ] || rootfs forky docker.io,containerd,runc,iptables,ca-certificates,bash,coreutils,mount
image aws $sources/ask.c "$E2E_CACHE/rootfs-bookworm/.packages"
image dind $sources/dind-entry.sh $sources/ask.c "$E2E_CACHE/rootfs-bookworm/.packages"
image base "$E2E_CACHE/rootfs-base/.packages"
node_modules/.bin/node test/e2e/support/prepare-engine.ts || fail "the Docker engine '$engine' is not ready"
step_done "engine $engine: started once, has its images"
echo "e2e-setup: ready in $((SECONDS - began)) s"
