#!/bin/sh
# ec2metaproxy's run-docker.sh with taskrole: the same options. In one line:
#   taskrole serve --compat ec2metaproxy --default-iam-role ARN
# Where systemd runs the host this starts it as the unit taskrole, which ends with the next boot. To have it there after each boot:
#   taskrole check-config --compat ec2metaproxy --default-iam-role ARN > /etc/taskrole/config.yaml, and docs/install/
set -eu

taskrole=$(command -v "${TASKROLE:-taskrole}") || { echo "run-docker.sh: taskrole is not installed: see docs/install/" >&2; exit 1; }

case " $* " in
  *" -h "* | *" --help "*)
    cat <<END
run-docker.sh [--default-iam-role ARN] [--default-iam-policy JSON] [--proxy-port PORT] …

  All options of ec2metaproxy and of its scripts are understood; those without an effect are named, with the reason.
  Settings of taskrole's own can stand beside them: \`taskrole serve --help\`.
END
    exit 0
    ;;
esac

# Mistakes are said here, on the terminal, and not in a log.
"$taskrole" check-config --compat ec2metaproxy "$@" >/dev/null

if [ -d /run/systemd/system ]; then
  exec systemd-run --unit taskrole --property Restart=always --property LimitNOFILE=65536 -- \
    "$taskrole" serve --compat ec2metaproxy "$@"
fi
exec "$taskrole" serve --compat ec2metaproxy "$@"
