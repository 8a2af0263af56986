#!/bin/bash
# A machine of namespaces with systemd as its first process.
#
#   boot-host.sh          from here: a cgroup of its own in each hierarchy, then the namespaces
#   boot-host.sh on       in there: what a machine has before its first process, then systemd
#
# FOLDER   holds upper, work, root (the disk: what is written over LOWER) and docker; seen by the machine as well
# LOWER    the root file system
# IMAGES   a folder that the machine sees too
# EC2      a process in the network namespace at the other end of its wire
# WIRE     sets the machine's end up, LINK the other
# GROUP    names the cgroups
set -euo pipefail
: "${FOLDER:?}" "${LOWER:?}" "${IMAGES:?}" "${EC2:?}" "${WIRE:?}" "${LINK:?}" "${GROUP:?}"

power() {
  local hierarchy hierarchies=(/sys/fs/cgroup/*/) file
  [ "$(stat -fc %T /sys/fs/cgroup)" = cgroup2fs ] && hierarchies=(/sys/fs/cgroup/)
  for hierarchy in "${hierarchies[@]}"; do
    [ ! -L "${hierarchy%/}" ] || continue
    mkdir -p "$hierarchy$GROUP"
    for file in cpuset.cpus cpuset.mems; do
      [ ! -e "$hierarchy$file" ] || cat "$hierarchy$file" >"$hierarchy$GROUP/$file"
    done
    echo $$ >"$hierarchy$GROUP/cgroup.procs"
  done
  exec unshare --net --mount --pid --ipc --uts --cgroup --fork --kill-child=KILL --propagation private bash "$0" on
}

on() {
  root=$FOLDER/root
  mount -t overlay overlay -o "lowerdir=$LOWER,upperdir=$FOLDER/upper,workdir=$FOLDER/work" "$root"
  ip link add up0 type veth peer name ec20 netns "/proc/$EC2/ns/net"
  nsenter "--net=/proc/$EC2/ns/net" sh -ec "$LINK"
  sh -ec "$WIRE"
  hostname debian
  kernel
  devices
  for folder in "$FOLDER" "$IMAGES"; do mkdir -p "$root$folder" && mount --bind "$folder" "$root$folder"; done
  mkdir -p "$root/var/lib/docker" && mount --bind "$FOLDER/docker" "$root/var/lib/docker"
  mkdir "$root/run/outside"
  cd "$root"
  pivot_root . run/outside
  umount -l /run/outside
  exec env -i container=other PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --system
}

# Settings of the kernel that are not of this network are the real machine's: read only.
kernel() {
  local type place options mounts
  mounts=$(</proc/mounts)
  mount -t proc proc "$root/proc"
  mount --bind "$root/proc/sys" "$root/proc/sys"
  mount -o remount,bind,ro "$root/proc/sys"
  mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
  mkdir "$root/tmp/proc" && mount -t proc proc "$root/tmp/proc"
  mount --bind "$root/tmp/proc/sys/net" "$root/proc/sys/net"
  umount "$root/tmp/proc" && rmdir "$root/tmp/proc"
  mount -t sysfs sysfs "$root/sys"
  [ "$(stat -fc %T /sys/fs/cgroup)" = cgroup2fs ] || mount -t tmpfs -o mode=755 tmpfs "$root/sys/fs/cgroup"
  while read -r _ place type options _; do
    case $type:$options in
      cgroup2:*) options=rw ;;
      cgroup:*name=systemd*) options=none,name=systemd ;;
      cgroup:*) options=${options##*relatime,} ;;
      *) continue ;;
    esac
    mkdir -p "$root$place" && mount -t "$type" -o "$options" "$type" "$root$place"
  done <<<"$mounts"
}

devices() {
  local device
  mount -t tmpfs -o mode=755 tmpfs "$root/run"
  mount -t tmpfs -o mode=755 tmpfs "$root/dev"
  for device in null zero full random urandom tty; do
    touch "$root/dev/$device" && mount --bind "/dev/$device" "$root/dev/$device"
  done
  touch "$root/dev/console" && mount --bind /dev/null "$root/dev/console"
  mkdir "$root/dev/pts" "$root/dev/shm"
  mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts "$root/dev/pts"
  mount -t tmpfs tmpfs "$root/dev/shm"
  ln -s pts/ptmx "$root/dev/ptmx"
  ln -s /proc/self/fd "$root/dev/fd"
}

"${1:-power}"
