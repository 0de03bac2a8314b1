#!/bin/sh
# minute.sh NAME [SECONDS]: libFuzzer for a minute on fuzz_NAME, in preset fuzz (clang; 77 where there is none).
# What it finds stays in build/fuzz/found/NAME.
set -eu
name=$1 seconds=${2:-60}
cd "$(dirname "$0")/../.."
command -v clang >/dev/null || { echo "clang is not installed: apt-get install clang"; exit 77; }
cmake --preset fuzz >/dev/null
cmake --build --preset fuzz --target "fuzz_$name" >/dev/null
found=build/fuzz/found/$name
mkdir -p "$found/corpus"
exec "build/fuzz/tests/fuzz/fuzz_$name" -max_total_time="$seconds" -max_len=8192 -timeout=5 -rss_limit_mb=1024 \
    -artifact_prefix="$found/" -print_final_stats=1 "$found/corpus" "tests/fuzz/corpus/$name"
