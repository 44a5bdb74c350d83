#!/bin/sh
# Installs and builds what is missing, then runs everything at once: sample upstream, embedded database, server.
set -eu
cd "$(dirname "$0")/.."
if [ ! -x node_modules/.bin/node ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
  echo "installing dependencies ..." >&2
  npm ci --no-audit --no-fund --loglevel=error
fi
PATH="$PWD/node_modules/.bin:$PATH"
export PATH
if [ ! -f dist/cli.js ] || [ -n "$(find src tsconfig.json package.json -newer dist/cli.js 2>/dev/null | head -n 1)" ]; then
  echo "building ..." >&2
  npm run --silent build
fi
exec node dist/cli.js quickstart "$@"
