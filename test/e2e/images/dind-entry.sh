#!/bin/sh
# The first process of a container that is itself a Docker host.
#   IMAGES   a folder with the image tars; the names in LOAD are imported
#   BIP      the bridge's own address, another at each depth
#   ASK      where ask listens, for requests of this container itself
mount -o remount,bind,rw /sys 2>/dev/null
for group in /sys/fs/cgroup /sys/fs/cgroup/*; do mount -o remount,bind,rw "$group" 2>/dev/null; done
mkdir -p /run /tmp
ask "$ASK" &
dockerd --storage-driver overlay2 --exec-opt native.cgroupdriver=cgroupfs --bip "${BIP:-172.31.0.1/16}" >/var/log/dockerd.log 2>&1 &
dockerd=$!
trap 'kill $dockerd; wait $dockerd; exit 0' TERM
tries=0
until docker info >/dev/null 2>&1; do
  tries=$((tries + 1))
  [ $tries -lt 150 ] || { tail -5 /var/log/dockerd.log; exit 1; }
  sleep 0.2
done
for image in ${LOAD:-small}; do docker import "$IMAGES/$image.tar" "taskrole-e2e/$image" >/dev/null || exit 1; done
echo READY
wait $dockerd
