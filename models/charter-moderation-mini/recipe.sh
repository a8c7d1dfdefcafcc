#!/bin/sh
# Makes the bundled moderation model again, from nothing: `models/charter-moderation-mini/recipe.sh [FOLDER]`, after `make build`.
# All texts are written by Charter itself with the seed below; nothing is downloaded and nothing else is read.
# With the same C library the result is this folder's model, byte for byte.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
charter=${CHARTER:-$root/build/charter}
out=${1:-$root/build/charter-moderation-mini}

exec "$charter" moderation train "$out" --seed 1 --samples 600000
