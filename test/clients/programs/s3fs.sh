#!/usr/bin/env bash
# Mounts a bucket, looks into it and unmounts it, in a mount namespace of its own.
set -uo pipefail
# shellcheck disable=SC2016  # the inner shell's own
exec unshare --mount --propagation private bash -c '
  folder=$(mktemp -d)
  from=iam_role=auto
  if [ -n "${AWS_CONTAINER_CREDENTIALS_RELATIVE_URI:-}" ]; then from=ecs; fi
  s3fs bucket "$folder" -f -o "$from,retries=2,use_path_request_style,url=$AWS_ENDPOINT_URL_S3" >&2 &
  s3fs=$!
  for _ in $(seq 600); do
    if mountpoint -q "$folder"; then ls "$folder"; umount "$folder"; wait "$s3fs"; exit 0; fi
    kill -0 "$s3fs" 2>/dev/null || break
    sleep 0.1
  done
  kill "$s3fs" 2>/dev/null
  wait "$s3fs"
  exit 1'
