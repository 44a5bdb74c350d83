#!/bin/sh
# Runs the test suite once against the PostgreSQL of the system (Debian 12: 15) instead of the one from npm:
#   sh scripts/test-postgres15.sh [jest arguments]
set -eu
cd "$(dirname "$0")/.."

bin=
for directory in /usr/lib/postgresql/15/bin /usr/lib/postgresql/*/bin; do
  if [ -x "$directory/postgres" ] && [ -x "$directory/initdb" ]; then
    bin=$directory
    break
  fi
done
if [ -z "$bin" ]; then
  echo 'skipped: no PostgreSQL in /usr/lib/postgresql (Debian: apt-get install postgresql)'
  exit 0
fi

# postgres refuses to run as root.
if [ "$(id -u)" -ne 0 ]; then
  as() { "$@"; }
elif id postgres >/dev/null 2>&1; then
  as() { setpriv --reuid=postgres --regid="$(id -g postgres)" --clear-groups "$@"; }
else
  as() { setpriv --reuid=nobody --regid="$(id -g nobody)" --clear-groups "$@"; }
fi

root=$(mktemp -d "${TMPDIR:-/tmp}/haishin-pg15-XXXXXX")
chmod 0755 "$root"
cluster=$root/cluster
stop() {
  (cd "$root" && as "$bin/pg_ctl" -D "$cluster" -m immediate -w stop >/dev/null 2>&1) || true
  rm -rf "$root"
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

mkdir "$cluster" "$root/socket"
if [ "$(id -u)" -eq 0 ]; then
  owner=$(as id -u)
  chown "$owner" "$cluster" "$root/socket"
fi
(
  cd "$root"
  as "$bin/initdb" -D "$cluster" -U haishin --auth=trust --encoding=UTF8 --locale=C.UTF-8 --no-sync >/dev/null
  as "$bin/pg_ctl" -D "$cluster" -w -l "$cluster/log" \
    -o "-c listen_addresses='' -c unix_socket_directories=$root/socket -c fsync=off -c max_connections=100" start >/dev/null
)
echo "testing against $("$bin/postgres" --version)"

TEST_DATABASE_URL="postgresql://haishin@/postgres?host=$root/socket"
export TEST_DATABASE_URL
npm run test:only -- "$@"
