# taskrole in a container of its own. How to build and start it, and what it then may: docs/install/container.md
ARG BASE=debian:12-slim
FROM $BASE

# What the daemon runs: nft; ip and ss; lsns and setpriv (util-linux, which every Debian has). Empty for a base that has them.
ARG PACKAGES="nftables iproute2 libcap2-bin"
# The host's nft has to read what this one writes, and bridge rules of nft 1.1.3 or later make 1.0.6 crash. So the image has
# the oldest that is supported; another is taken when it is named here, by whoever knows that no host has an older one.
ARG NFT=1.0.6
RUN set -eu; \
    if [ -n "$PACKAGES" ]; then \
      apt-get update; \
      apt-get install -y --no-install-recommends $PACKAGES; \
      rm -rf /var/lib/apt/lists/*; \
    fi; \
    for program in nft ip ss lsns setpriv setcap; do \
      command -v $program >/dev/null || { echo "the base has no $program, and PACKAGES brings none" >&2; exit 1; }; \
    done; \
    nft --version | grep -q "^nftables v$NFT " || { \
      echo "this base has $(nft --version), not $NFT: take another base, or say --build-arg NFT=VERSION when no host has an older one" >&2; \
      exit 1; \
    }; \
    find / -xdev -type f -perm /6000 -exec chmod a-s {} +; \
    setcap cap_net_admin,cap_sys_ptrace+p "$(command -v setpriv)"

COPY deploy/container/entrypoint.sh /usr/local/bin/taskrole-entrypoint
ARG PROGRAM=dist/taskrole
COPY $PROGRAM /usr/local/bin/taskrole

ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="taskrole" \
      org.opencontainers.image.description="Gives each container on an EC2 host its own IAM role" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION"

# A number that neither people's accounts nor those of distributions or systemd have: https://systemd.io/UIDS-GIDS/
USER 65530:65530
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=2 CMD ["taskrole", "health"]
ENTRYPOINT ["taskrole-entrypoint"]
CMD ["serve"]
