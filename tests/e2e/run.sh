#!/bin/sh
# End-to-end tests: the built binary, driven by curl, the official clients and a real browser, on loopback ports.
# tests/e2e/run.sh [pytest arguments]
set -eu
cd "$(dirname "$0")/../.."
[ -x build/charter ] || { echo "build/charter is missing: run 'make build' first" >&2; exit 1; }
venv=build/venv
if ! cat tests/e2e/requirements*.txt | cmp -s - "$venv/requirements.txt"; then
  rm -rf "$venv"
  /usr/bin/python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check -r tests/e2e/requirements.txt
  "$venv/bin/pip" install --quiet --disable-pip-version-check --no-deps -r tests/e2e/requirements-alone.txt
  cat tests/e2e/requirements*.txt > "$venv/requirements.txt"
fi
(cd tests/e2e/node && { cmp -s package-lock.json node_modules/.installed ||
  { npm ci --ignore-scripts --no-audit --no-fund --loglevel=error && cp package-lock.json node_modules/.installed; }; }) >&2
exec "$venv/bin/python" -m pytest -p no:cacheprovider -q --tb=short --durations=8 "${@:-tests/e2e}"
