#!/bin/sh
# Docker gives its capabilities to root alone. setpriv may have them by its file (see the Dockerfile), and makes those that
# this container was started with ambient: so they pass on to taskrole, and to nft and ip, which it runs. What is missing,
# taskrole says itself.
set -eu
given=
for capability in +net_admin +sys_ptrace; do
  if setpriv --inh-caps "$capability" true 2>/dev/null; then given="$given,$capability"; fi
done
[ -n "$given" ] || exec taskrole "$@"
exec setpriv --inh-caps "${given#,}" --ambient-caps "${given#,}" taskrole "$@"
