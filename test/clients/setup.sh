#!/usr/bin/env bash
# Installs every client of the matrix, once: Debian's packages, a Python environment a family, the npm packages,
# and the programs in other languages. What is there already is left as it is.
set -euo pipefail
cd "$(dirname "$0")"
export CLIENTS_CACHE=${CLIENTS_CACHE:-/var/cache/taskrole-clients} DEBIAN_FRONTEND=noninteractive
mkdir -p "$CLIENTS_CACHE"
# Two runs at once would install into the same folders.
exec 9>"$CLIENTS_CACHE/.lock"
flock 9

# FOLDER WANTED COMMAND...: runs the command unless it has made the folder for the same wish before.
once() {
  local folder=$1 wanted=$2
  if [ "$(cat "$folder/.made-for" 2>/dev/null)" = "$wanted" ]; then return; fi
  echo "clients: $(basename "$folder")" >&2
  rm -rf "$folder"
  mkdir -p "$folder"
  if ! "${@:3}" >"$folder.log" 2>&1; then
    tail -20 "$folder.log" >&2
    echo "clients: cannot install $folder" >&2
    exit 1
  fi
  printf '%s' "$wanted" >"$folder/.made-for"
}

debian_packages() {
  local packages="awscli python3-boto3 python3-venv s3fs rclone restic s3cmd cloud-guest-utils curl tcpdump nftables iproute2"
  # What cloud-init's crawl imports; cloud-init itself would configure this machine at its next boot.
  packages="$packages python3-configobj python3-jinja2 python3-jsonpatch python3-jsonschema python3-netifaces"
  packages="$packages python3-oauthlib python3-requests python3-serial python3-yaml"
  local missing
  missing=$(for p in $packages; do dpkg -s "$p" >/dev/null 2>&1 || echo "$p"; done)
  if [ -z "$missing" ]; then return; fi
  apt-get update -q
  # shellcheck disable=SC2086  # one word a package
  apt-get install -qy --no-install-recommends $missing
}

cloud_init() {
  local folder=$CLIENTS_CACHE/cloud-init
  (cd "$folder" && apt-get update -q && apt-get download -q cloud-init && dpkg -x cloud-init_*.deb . && rm cloud-init_*.deb)
}

venv() { # NAME REQUIREMENT...
  local folder=$CLIENTS_CACHE/python/$1
  /usr/bin/python3 -m venv "$folder"
  "$folder/bin/pip" install --quiet --disable-pip-version-check "${@:2}"
}

npm_packages() {
  cp programs/js/package.json programs/js/package-lock.json "$CLIENTS_CACHE/js/"
  (cd "$CLIENTS_CACHE/js" && npm ci --no-audit --no-fund --ignore-scripts)
}

if ! debian_packages >"$CLIENTS_CACHE/debian.log" 2>&1; then
  tail -20 "$CLIENTS_CACHE/debian.log" >&2
  exit 1
fi
once "$CLIENTS_CACHE/cloud-init" "cloud-init of Debian $(cat /etc/debian_version)" cloud_init
while read -r name requirements; do
  # shellcheck disable=SC2086  # one word a requirement
  once "$CLIENTS_CACHE/python/$name" "$requirements on $(/usr/bin/python3 --version)" venv "$name" $requirements
done < <(grep -v '^#' python-venvs.txt)
once "$CLIENTS_CACHE/js" "$(sha256sum programs/js/package-lock.json)" npm_packages
# Node looks for packages from where a module lies.
cp programs/js/*.mjs "$CLIENTS_CACHE/js/"
bash build-programs.sh
