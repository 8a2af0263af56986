#!/bin/sh
# ec2metaproxy's setup-firewall.sh with taskrole: the same options. In one line: taskrole interception up --port 18000
# `taskrole serve` does it by itself; by hand it keeps containers from the host's role until the daemon runs.
set -eu

fail() { echo "setup-firewall.sh: $*" >&2; exit 2; }
note() { echo "setup-firewall.sh: $*" >&2; }

usage() {
  cat <<END
setup-firewall.sh --container-iface IFACE [--proxy-port PORT]

  --container-iface IFACE   taken for its own sake: containers are caught on every bridge
  --proxy-port PORT         where taskrole listens (default: 18000, as with compat: ec2metaproxy)
  --metadata-ip IP          nothing else than 169.254.169.254, which is caught in any case, with fd00:ec2::254
  --metadata-port PORT      nothing else than 80
END
}

iface='' port=18000 ip=169.254.169.254 metadata_port=80
while [ $# -gt 0 ]; do
  case $1 in
    -h | --help) usage; exit 0 ;;
    --container-iface | --proxy-port | --metadata-ip | --metadata-port) [ $# -ge 2 ] || fail "$1 needs a value" ;;
    *) fail "there is no option $1: see --help" ;;
  esac
  case $1 in
    --container-iface) iface=$2 ;;
    --proxy-port) port=$2 ;;
    --metadata-ip) ip=$2 ;;
    --metadata-port) metadata_port=$2 ;;
  esac
  shift 2
done
[ -n "$iface" ] || fail "--container-iface is missing (for instance docker0)"
[ "$ip:$metadata_port" = 169.254.169.254:80 ] || fail "taskrole stands in for 169.254.169.254:80 alone, not for $ip:$metadata_port"

"${TASKROLE:-taskrole}" interception up --port "$port"

# What the old script put in: its DROP keeps the containers of other bridges from being answered.
left() {
  for table in filter nat; do
    iptables -t "$table" -S 2>/dev/null | sed -n \
      -e "s/^-A \(INPUT .*--dport $port .*-j DROP\)$/iptables -t $table -D \1/p" \
      -e "s/^-A \(PREROUTING -d 169\.254\.169\.254\/32 .*-j DNAT --to-destination [0-9.]*:$port\)$/iptables -t $table -D \1/p"
  done
}
rules=$(left)
[ -z "$rules" ] || { note "rules of the old script are still there. Take them away:"; echo "$rules"; }
