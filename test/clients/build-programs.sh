#!/usr/bin/env bash
# Builds the client programs in programs/ into "${CLIENTS_CACHE:-/var/cache/taskrole-clients}/programs/NAME",
# one executable each, and leaves alone those whose sources are as they were. As root on Debian 12.
#
# Each program resolves credentials afresh for every line on stdin and prints one line of JSON:
# {"accessKeyId":…,"arn":…}, {"metadata":…} or {"error":…}. With --version it names its library's version.
#
# Debian 12 has no Go (1.21 or later: it brings the version that go.mod asks for) and no Rust (1.94.1 or later)
# new enough for these clients, so both must be there. All else is installed.
# shellcheck disable=SC2317  # what make_program is given to run
set -uo pipefail

sources=$(cd "$(dirname "${BASH_SOURCE[0]}")/programs" && pwd)
script=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/$(basename "${BASH_SOURCE[0]}")
cache=${CLIENTS_CACHE:-/var/cache/taskrole-clients}
programs=$cache/programs # what is run
lib=$cache/lib           # what it is made of: jars, classes, scripts
build=$cache/build       # stamps, logs, the compiler's own

go_programs="go-v2 go-v1 minio-go tf-base vault-v2 go-discover"
rust_programs="rust-sdk rust-s3 rusoto"
java_programs="java-v2 java-v1 java-v2-imds minio-java kotlin"
script_programs="ruby/ruby.rb ruby/fog-aws.rb php/php-async-aws.php perl/perl-vm-ec2.pl"

mkdir -p "$programs" "$lib" "$build/stamps" "$build/logs" || exit
exec 9>"$build/lock"
flock 9
renice -n 10 $$ >/dev/null

# stamp_of PATH...: what a program is made from, the way of making it included.
stamp_of() {
  { (cd "$sources" && find "$@" -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum) && cat "$script"; } | sha256sum
}

is_current() { # NAME PATH...
  [ -x "$programs/$1" ] && [ "$(cat "$build/stamps/$1" 2>/dev/null)" = "$(stamp_of "${@:2}")" ]
}

# make_program NAME COMMAND... -- PATH...: runs the command and stamps what it made.
make_program() {
  local name=$1 command=() started=$SECONDS
  shift
  while [ "$1" != -- ]; do command+=("$1"); shift; done
  shift
  is_current "$name" "$@" && return
  rm -f "$build/stamps/$name"
  # Taken before: what is edited meanwhile is built again.
  local stamp
  stamp=$(stamp_of "$@")
  if "${command[@]}" >"$build/logs/$name" 2>&1; then
    echo "$stamp" >"$build/stamps/$name"
    echo "$name: built in $((SECONDS - started)) s"
  else
    { echo "$name: cannot be built:"; tail -n 20 "$build/logs/$name" | sed 's/^/  /'; } >&2
    false
  fi
}

# launcher NAME COMMAND: an executable script which may call its own folder $lib, wherever the cache is mounted.
launcher() {
  # shellcheck disable=SC2016  # the launcher's own $0 and $lib
  printf '#!/bin/sh\nlib=$(dirname "$(readlink -f "$0")")/../lib\nexec %s "$@"\n' "$2" >"$programs/$1.new" &&
    chmod 755 "$programs/$1.new" && mv "$programs/$1.new" "$programs/$1"
}

install_packages() {
  local wanted="ruby-aws-sdk-core ruby-fog-aws php-cli php-async-aws-core libvm-ec2-perl libjson-perl gcc libc6-dev libssl-dev pkg-config" missing
  command -v javac >/dev/null || wanted+=" openjdk-17-jdk-headless"
  command -v mvn >/dev/null || wanted+=" maven"
  # shellcheck disable=SC2086  # one word a package
  missing=$(comm -13 <(dpkg-query -W -f '${db:Status-Status} ${Package}\n' $wanted 2>/dev/null | sed -n 's/^installed //p' | sort) <(printf '%s\n' $wanted | sort))
  [ -z "$missing" ] && return
  # shellcheck disable=SC2086
  if { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=600 install -qy --no-install-recommends $missing; } >"$build/logs/apt" 2>&1; then
    return
  fi
  tail -n 20 "$build/logs/apt" >&2
  echo "cannot install: ${missing//$'\n'/ }" >&2
  exit 1
}

# Unoptimised, as the Rust ones are: they are started a few times, and the time that counts is the compiler's.
go_build() { # NAME
  (cd "$sources/go" && CGO_ENABLED=0 go build -p 1 -trimpath -gcflags='all=-N -l' -ldflags='-s -w' -o "$programs/$1" "./$1")
}

rust_build() { # NAME
  (cd "$sources/rust" && CARGO_TARGET_DIR=$build/rust cargo build --quiet --locked --jobs 1 --bin "$1") &&
    install "$build/rust/debug/$1" "$programs/$1"
}

# fetch_jars NAME...: what the poms name, with what that needs in its turn.
fetch_jars() {
  local modules="$*"
  rm -rf "${@/#/$lib/}"
  mvn -B -ntp --strict-checksums --fail-at-end -f "$sources/java/pom.xml" -pl "${modules// /,}" -Djars="$lib" \
    dependency:copy-dependencies >"$build/logs/maven" 2>&1
}

# The jars are those of jars.sha256, no more and no fewer. For another version: change the pom,
# build, and take the new list over from the log.
check_jars() { # NAME
  (cd "$lib/$1" && LC_ALL=C sha256sum -- *.jar) | diff -u "$sources/java/$1/jars.sha256" - ||
    { grep -a ERROR "$build/logs/maven"; false; }
}

java_build() { # NAME
  check_jars "$1" &&
    javac -d "$lib/$1/classes" -cp "$lib/$1/*" "$sources/java/program/Program.java" "$sources/java/$1/Main.java" &&
    java_launcher "$1" Main
}

kotlin_build() {
  local classpath
  classpath=$(printf '%s:' "$lib"/kotlin/*.jar)
  check_jars kotlin && check_jars kotlin-compiler &&
    javac -d "$lib/kotlin/classes" "$sources/java/program/Program.java" &&
    java -cp "$lib/kotlin-compiler/*" org.jetbrains.kotlin.cli.jvm.K2JVMCompiler -no-stdlib -no-reflect \
      -cp "$classpath$lib/kotlin/classes" -d "$lib/kotlin/classes" "$sources/java/kotlin/Main.kt" &&
    java_launcher kotlin MainKt
}

java_launcher() { # NAME CLASS
  # shellcheck disable=SC2016  # $lib is the launcher's
  launcher "$1" "$(printf 'java -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -cp "$lib/%s/classes:$lib/%s/*" %s' "$1" "$1" "$2")"
}

script_build() { # LANGUAGE/FILE
  local language=${1%/*} file=${1#*/}
  mkdir -p "$lib/$language" && cp "$sources/$language"/* "$lib/$language/" &&
    launcher "${file%.*}" "$language \"\$lib/$1\""
}

all_scripts() {
  local program failed=0
  for program in $script_programs; do
    make_program "$(basename "${program%.*}")" script_build "$program" -- "${program%/*}" || failed=1
  done
  return "$failed"
}

all_rust() {
  local name failed=0
  for name in $rust_programs; do
    make_program "$name" rust_build "$name" -- rust/Cargo.toml rust/Cargo.lock rust/program "rust/$name" || failed=1
  done
  return "$failed"
}

all_go() {
  local name failed=0
  for name in $go_programs; do
    make_program "$name" go_build "$name" -- go/go.mod go/go.sum go/program "go/$name" || failed=1
  done
  return "$failed"
}

java_parts() { # NAME
  echo java/pom.xml java/program "java/$1"
  [ "$1" != kotlin ] || echo java/kotlin-compiler
}

# Each program's own parts are one word a path.
# shellcheck disable=SC2046
all_java() {
  local name stale=() failed=0
  for name in $java_programs; do is_current "$name" $(java_parts "$name") || stale+=("$name"); done
  [ ${#stale[@]} -gt 0 ] || return 0
  local modules=("${stale[@]}")
  [[ " ${stale[*]} " != *" kotlin "* ]] || modules+=(kotlin-compiler)
  # What is missing afterwards is named program by program.
  fetch_jars "${modules[@]}"
  for name in "${stale[@]}"; do
    if [ "$name" = kotlin ]; then
      make_program kotlin kotlin_build -- $(java_parts kotlin) || failed=1
    else
      make_program "$name" java_build "$name" -- $(java_parts "$name") || failed=1
    fi
  done
  rm -rf "$lib/kotlin-compiler"
  return "$failed"
}

install_packages
# Two lanes of one job each, of about the same length.
all_rust &
rust=$!
failed=0
all_scripts || failed=1
all_java || failed=1
all_go || failed=1
wait "$rust" || failed=1
exit "$failed"
