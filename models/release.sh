#!/bin/sh
# Releases a bundled model in its makers' name with the evidence in MODEL_DIR/evidence (`charter judge` writes it): proposes,
# votes and releases it in a house that lives as long as this script. Its private keys go with it, so nobody can ever
# release another model under the same pin.
# usage: models/release.sh [MODEL_DIR]   (from the root of the repository; afterwards build again: the pin is built in)
set -eu
model=${1:-models/charter-mini}
charter=${CHARTER:-build/charter}
house=$(mktemp -d)
trap 'rm -rf "$house"' EXIT

rm -rf "$model/release"
"$charter" init --one-person p.makers --data "$house"
"$charter" propose --model "$model" --evidence "$model/evidence" --channel chat --name "$(basename "$model")" --data "$house"
"$charter" vote --for --data "$house"
"$charter" release --data "$house"
"$charter" verify "$house/models/chat" --data "$house"

mkdir -p "$model/release" charters/makers
cp "$house/models/chat/release/bundle.json" "$model/release/bundle.json"
cp "$house/models/chat/manifest.json" "$model/manifest.json"
cp "$house/charter/charter.toml" "$house/charter/pin.json" charters/makers/
