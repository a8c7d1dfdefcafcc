#!/bin/sh
# tools/fuzz.sh BUILD SECONDS: builds every *_fuzz.cc and runs each for a bounded time from its corpus. New inputs go
# to BUILD/corpus; a crash leaves its input beside it and stops the run with an error.
set -eu
build=$1
seconds=$2
cd "$(dirname "$0")/.."
for source in $(git ls-files 'src/*_fuzz.cc'); do
  target=$(basename "$source" .cc)
  folder=$(echo "$source" | cut -d/ -f2)
  cmake --build "$build" --target "$target" >&2
  mkdir -p "$build/corpus/$target"
  echo "fuzz: $target for $seconds s" >&2
  "$build/src/$folder/$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -verbosity=0 -print_final_stats=1 \
    -artifact_prefix="$build/corpus/$target-" "$build/corpus/$target" "tests/corpus/$target"
done
