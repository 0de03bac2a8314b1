#!/usr/bin/env bash
# tocsin check as people use it: exit codes, what goes to which stream, what it prints loads again.
#   run.sh TOCSIN SOURCES   (both as whole paths)
set -euo pipefail
tocsin=$1 sources=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export TOCSIN_LANG=en
unset TOCSIN_CONFIG

fail() {
    echo "check: $1" >&2
    for f in out err; do sed "s/^/  $f: /" "$work/$f" >&2; done
    exit 1
}
# run CODE ARGUMENT…: what it says goes to $work/out and $work/err
run() {
    local wanted=$1 code=0
    shift
    "$tocsin" check "$@" >"$work/out" 2>"$work/err" || code=$?
    [ $code = "$wanted" ] || fail "exit $code instead of $wanted: $*"
}
says() { grep -qF -- "$2" "$work/$1" || fail "no \"$2\" on $1"; }

mkdir "$work/state" "$work/sites.d"
echo secret >"$work/mqtt.password"
echo https://example.org/hook >"$work/duty.url"
cp "$work/duty.url" "$work/redgoose.url"
chmod 0600 "$work"/*.url "$work/mqtt.password"
export TOCSIN_DATADIR=$sources/rules # not installed: its packs are the sources'
sed -e "s#^relay:#relay:\n  state_dir: state#" \
    "$sources/packaging/config/tocsin.yaml" >"$work/tocsin.yaml"
cp "$sources/packaging/config/sites.d/example.yaml.sample" "$work/sites.d/fourth.yaml"

run 0 -c "$work/tocsin.yaml"
says out "yanta-1 is in order: feeds 2, sites 2, zones 5, wards 3, chats 2, rules "
[ ! -s "$work/err" ] || fail "something on standard error"
TOCSIN_CONFIG=$work/tocsin.yaml run 0

run 0 -c "$work/tocsin.yaml" --print-config
says out "fresh: 2h"
cp "$work/out" "$work/printed.yaml"
rm "$work/sites.d/fourth.yaml" # it is in what was printed
run 0 -c "$work/printed.yaml"
run 0 --manual
says out "announce_again: duration"

chmod 0644 "$work/mqtt.password"
run 1 -c "$work/tocsin.yaml"
says err "mqtt.password: anybody on this machine can read"
[ ! -s "$work/out" ] || fail "something on standard output"
chmod 0600 "$work/mqtt.password"

echo http://example.org/hook?key=693a91f6 >"$work/duty.url"
run 1 -c "$work/tocsin.yaml"
says err "allow_insecure"
! grep -q 693a91f6 "$work/err" || fail "a key was shown"
echo https://example.org/hook >"$work/duty.url"

# What a kind of chat names, with file and line; doctor says the same.
mkdir "$work/folder"
: >"$work/empty"
cat >"$work/files.yaml" <<EOF
relay: {id: a, state_dir: state}
route: {receiver: r}
receivers: [{name: r}]
chats:
  - {id: journal, type: file, audience: duty, path: folder}
  - {id: hook, type: webhook, audience: duty, url_file: duty.url, secret_file: folder}
  - {id: trusted, type: ntfy, topic: t, audience: duty, url_file: duty.url, ca_file: empty}
EOF
run 1 -c "$work/files.yaml"
says err "files.yaml:5: journal: $work/folder: is a folder: name a file in it"
says err "files.yaml:6: hook: $work/folder: is a folder: name the file in it"
says err "files.yaml:7: trusted: $work/empty: is empty"
"$tocsin" doctor -c "$work/files.yaml" >"$work/out" 2>&1 && fail "doctor is content"
says out "files.yaml:5: journal: $work/folder: is a folder"
run 1 -c "$work/folder"
says err "folder: is a folder: name the file in it"

mkdir "$work/rules"
printf -- '- id: broken\n' >"$work/rules/broken.yaml"
sed "s#^relay:#rules: {packs: [rules]}\nrelay:#" "$work/tocsin.yaml" >"$work/bad-rule.yaml"
run 1 -c "$work/bad-rule.yaml"
says err "rules/broken.yaml:1"

sed "s/audience: duty /audience: dutty /" "$work/tocsin.yaml" >"$work/bad.yaml"
run 1 -c "$work/bad.yaml"
line=$(grep -n dutty "$work/bad.yaml" | cut -d: -f1)
says err "bad.yaml:$line"': audience: `dutty` is not possible, allowed: public, volunteer, duty'
run 1 -c "$work/none.yaml"
says err "tocsin init"
run 2 -c "$work/tocsin.yaml" too-much
run 2 --print-config --manual
run 2 --no-such-option
