#!/usr/bin/env bash
# Runs the tests again and again beside busy processes: none may depend on how fast the machine is.
#
# tests/under-load.sh [ROUNDS [VITEST-ARGUMENTS ...]]   (default: 10 rounds of `--project unit`; BUSY=6 processes)
# Prints a line for each round. Exit status 1 where a round failed; its output is kept, and named.
set -uo pipefail
cd "$(dirname "$0")/.."

rounds=${1:-10}
(($# > 0)) && shift
(($# > 0)) || set -- --project unit
busy=()
trap 'kill "${busy[@]}" 2>/dev/null' EXIT
for ((i = 0; i < ${BUSY:-6}; i++)); do
  # For ever, but not longer than whoever started it.
  node -e 'const parent = process.ppid; while (process.ppid === parent) for (let i = 0; i < 1e8; i++);' &
  busy+=($!)
done

failed=0
for ((round = 1; round <= rounds; round++)); do
  output=$(mktemp "${TMPDIR:-/tmp}/under-load-XXXXXX.log")
  began=$SECONDS
  if node node_modules/vitest/vitest.mjs run --config tests/vitest.config.ts "$@" >"$output" 2>&1; then
    state=green
  else
    state="FAILED, see $output"
    failed=1
  fi
  echo "round $round of $rounds, beside ${#busy[@]} busy processes: $(tail -1 "$output") in $((SECONDS - began)) s: $state"
  [[ $state == green ]] && rm "$output"
done
exit "$failed"
