#!/bin/sh
# One model's whole life: from generated text to a served answer, in a folder of its own. About two minutes on two cores.
#   docs/one_models_life.sh FOLDER        (`charter` must be on the path; the last line printed is the served answer)
set -eu
folder=${1:?usage: docs/one_models_life.sh FOLDER}
suites=$(cd "$(dirname "$0")/../suites" && pwd)
mkdir -p "$folder"
cd "$folder"
say() { printf '\n== %s\n' "$*" >&2; }

say "A charter in which one person decides, that person's key, and a log that begins with both"
charter init --data data

say "A small model, trained on small talk that the computer writes"
charter train --data synth:chat_en --preset 1m --tokenizer bpe:1024 --context 192 --steps "${STEPS:-160}" --seed 1 --out model

say "Evidence: every case of a pinned suite, on these very weights"
charter judge model --suite "$suites/smalltalk" --out evidence

say "A proposal that the channel 'chat' serves this model, with this evidence; one ballot; the release"
charter propose --data data --model model --channel chat --evidence evidence
charter vote --data data --for
charter release --data data

say "Anyone can check it, offline"
charter verify --data data data/models/chat

say "Served, behind the OpenAI API"
charter serve --data data --listen 127.0.0.1:0 --ready ready.json 2>serve.log &
server=$!
trap 'kill "$server" 2>/dev/null || true' EXIT
waited=0
while [ ! -s ready.json ]; do
  kill -0 "$server" 2>/dev/null || { cat serve.log >&2; exit 1; }
  waited=$((waited + 1))
  [ "$waited" -lt 600 ] || { echo "the server did not get ready" >&2; exit 1; }
  sleep 0.1
done
field() { sed -n "s/^ *\"$1\": \"\(.*\)\",*$/\1/p" ready.json; }
curl -sS --fail-with-body "$(field url)/v1/chat/completions" \
  -H "Authorization: Bearer $(field api_key)" -H "Content-Type: application/json" \
  -d '{"model": "chat", "temperature": 0, "messages": [{"role": "user", "content": "Hello, who are you?"}]}'
echo
kill "$server"
wait "$server"
