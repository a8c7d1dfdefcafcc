#!/bin/sh
# Builds the page (web/) into the folder that the binary embeds. Does nothing when no source is newer than the result.
set -eu
out=$1
cd "$(dirname "$0")/.."
mkdir -p "$out"
out=$(cd "$out" && pwd)
stamp=$out.stamp
if [ -f "$stamp" ] && [ -z "$(find web -path web/node_modules -prune -o -type f -newer "$stamp" -print | head -1)" ]; then
  exit 0
fi
cd web
npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2
npm run --silent check >&2
npm run --silent build -- "$out" >&2
touch "$stamp"
