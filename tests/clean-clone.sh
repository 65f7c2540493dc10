#!/usr/bin/env bash
# Does what a newcomer does, on a machine as a newcomer has it: another user where this one is root, an empty home folder, a clone of HEAD, and the two
# commands at the top of README.md.
#
# tests/clean-clone.sh [ARGUMENTS OF NPM START ...]   (where the ports are taken: --port 8080 --irc-port 6668)
# NPM_TEST='npm run test:unit' runs that in place of `npm test`.
set -euo pipefail
cd "$(dirname "$0")/.."

folder=$(mktemp -d "${TMPDIR:-/tmp}/clean-clone-XXXXXX")
mkdir "$folder/home" "$folder/tmp"
git clone --quiet . "$folder/ircd-websocket"
as=()
if ((EUID == 0)); then
  as=(setpriv --reuid=nobody --regid=nogroup --clear-groups)
  chown -R nobody:nogroup "$folder"
fi
path=$(tr ':' '\n' <<<"$PATH" | grep -v 'node_modules/\.bin' | paste -sd:)
clean() {
  (cd "$folder/ircd-websocket" && exec env -i "PATH=$path" "HOME=$folder/home" "TMPDIR=$folder/tmp" npm_config_yes=false "${as[@]}" "$@")
}
server=
finish() {
  [[ -z $server ]] || kill -- "-$server" 2>/dev/null || true
  rm -rf "$folder"
}
trap finish EXIT

echo '$ npm ci'
clean npm ci >"$folder/npm-ci.log" 2>&1 || { cat "$folder/npm-ci.log"; exit 1; }
cat "$folder/npm-ci.log"
if grep -iE 'warn|EBADENGINE|deprecated' "$folder/npm-ci.log"; then
  echo 'npm ci printed a warning' >&2
  exit 1
fi

echo "\$ npm start $*"
set -m # A process group of its own, to be ended as a whole.
if (($# > 0)); then clean npm start -- "$@" >"$folder/npm-start.log" 2>&1 & else clean npm start >"$folder/npm-start.log" 2>&1 & fi
server=$!
set +m
until grep -q 'the web client' "$folder/npm-start.log"; do
  kill -0 "$server" 2>/dev/null || { cat "$folder/npm-start.log"; exit 1; }
  sleep 0.2
done
cat "$folder/npm-start.log"
page=$(sed -n 's/^ *the web client *//p' "$folder/npm-start.log")
node -e 'fetch(process.argv[1]).then(async (answer) => {
  const text = await answer.text();
  console.log(`${process.argv[1]}: ${answer.status}, ${text.length} characters`);
  if (answer.status !== 200 || !text.includes("<title>")) process.exitCode = 1;
})' "$page"
kill -- "-$server"
wait "$server" || true
server=

echo "\$ ${NPM_TEST:-npm test}"
began=$SECONDS
clean bash -c "${NPM_TEST:-npm test}" </dev/null
echo "green in $((SECONDS - began)) s"

changed=$(git -C "$folder/ircd-websocket" -c safe.directory='*' status --porcelain)
if [[ -n $changed ]]; then
  echo "the tests changed the clone: $changed" >&2
  exit 1
fi
