#!/usr/bin/env bash
# Installs what the deployment files are checked with, once: cfn-lint, moto (a stand-in for AWS's own API) and an HCL parser in a Python
# environment, and the arguments of Terraform's AWS provider, as they stand in its bindings for Python.
set -euo pipefail
cd "$(dirname "$0")"
export DEPLOY_CACHE=${DEPLOY_CACHE:-/var/cache/taskrole-deploy} DEBIAN_FRONTEND=noninteractive
mkdir -p "$DEPLOY_CACHE"
# Two runs at once would install into the same folder.
exec 9>"$DEPLOY_CACHE/.lock"
flock 9

wanted="$(cat requirements.txt provider.txt) on $(/usr/bin/python3 --version)"
if [ "$(cat "$DEPLOY_CACHE/made-for" 2>/dev/null)" = "$wanted" ]; then exit; fi

install_packages() {
  "$DEPLOY_CACHE/venv/bin/pip" "$1" --quiet --disable-pip-version-check "${@:2}"
}
# In a condition a failure ends nothing by itself: hence the &&.
install_all() {
  local download
  rm -rf "$DEPLOY_CACHE/venv" "$DEPLOY_CACHE/provider" "$DEPLOY_CACHE/made-for" &&
    { dpkg -s python3-venv >/dev/null 2>&1 || { apt-get update -q && apt-get install -qy --no-install-recommends python3-venv; }; } &&
    /usr/bin/python3 -m venv "$DEPLOY_CACHE/venv" || return
  install_packages download --no-deps --dest "$DEPLOY_CACHE/provider" -r provider.txt &
  download=$!
  install_packages install -r requirements.txt && wait "$download"
}
echo "deploy: $DEPLOY_CACHE" >&2
if ! install_all >"$DEPLOY_CACHE/setup.log" 2>&1; then
  tail -20 "$DEPLOY_CACHE/setup.log" >&2
  echo "deploy: cannot install what the deployment files are checked with" >&2
  exit 1
fi
printf '%s' "$wanted" >"$DEPLOY_CACHE/made-for"
