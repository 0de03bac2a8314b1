#!/usr/bin/env bash
# Installs into an empty folder as a package would, and uses what lies there: nothing may reach back into the build.
#   install.sh CMAKE BUILD SOURCES
set -euo pipefail
cmake=$1 build=$2 sources=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unset TOCSIN_CONFIG TOCSIN_PA_CONFIG TOCSIN_DATADIR TOCSIN_LOCALEDIR

fail() { echo "install: $1" >&2; [ ! -s "$work/out" ] || sed 's/^/  /' "$work/out" >&2; exit 1; }

DESTDIR=$work/root "$cmake" --install "$build" --prefix /usr >"$work/out" 2>&1 || fail "cmake --install failed"
usr=$work/root/usr
(cd "$usr" && find . -type f | sort) >"$work/files"
for f in bin/tocsin bin/tocsin-pa share/tocsin/packs/medical/medins_phishing_sms.yaml share/tocsin/packs/medical/likeness.tsv share/doc/tocsin/schema/event.schema.json \
    share/tocsin/pa/lexicon.tsv share/tocsin/pa/holidays/2026.json share/tocsin/pa/holidays/LICENSE share/locale/zh_CN/LC_MESSAGES/tocsin.mo share/man/man1/tocsin.1 share/man/man1/tocsin-pa.1 \
    share/man/man5/tocsin.yaml.5 share/man/man5/tocsin-pa.yaml.5 share/man/zh_CN/man1/tocsin.1 \
    share/bash-completion/completions/tocsin share/bash-completion/completions/tocsin-pa lib/systemd/system/tocsin.service \
    lib/systemd/system/tocsin-backup.service lib/systemd/system/tocsin-backup.timer \
    lib/systemd/system/tocsin-pa.service share/doc/tocsin/README.zh-CN.md share/doc/tocsin/examples/tocsin.yaml \
    share/doc/tocsin/clients/feed_client.py share/doc/tocsin/clients/bank.csv share/doc/tocsin/rules/README.md share/doc/tocsin/adapters/pa/README.md \
    share/doc/tocsin/examples/pa.yaml share/doc/tocsin/examples/broker/acl share/doc/tocsin/examples/broker/tocsin.conf; do
    grep -qx "./$f" "$work/files" || fail "no $f"
done
! grep -v /clients/ "$work/files" | grep -E '\.(c|h|py|sh|am|txt)$' || fail "sources were installed"
for unit in tocsin tocsin-pa; do
    grep -q "^ExecStart=/.*/bin/$unit run$" "$usr/lib/systemd/system/$unit.service" || fail "$unit.service starts something else"
done

# Rules without a configuration and without --packs.
TOCSIN_CONFIG="$work/none.yaml" "$usr/bin/tocsin" rules test >"$work/out" 2>&1 || fail "rules test"
# The samples, as they are but for folders and secrets.
mkdir "$work/etc" "$work/etc/state"
cp "$usr/share/doc/tocsin/examples/pa.yaml" "$work/etc/"
sed "s#^relay:#relay:\n  state_dir: state#" "$usr/share/doc/tocsin/examples/tocsin.yaml" >"$work/etc/tocsin.yaml"
sed -i "s#^player:#player:\n  state_dir: pa-state#" "$work/etc/pa.yaml"
for f in mqtt.password pa.password; do echo secret >"$work/etc/$f"; done
for f in duty.url redgoose.url; do echo https://example.org/hook >"$work/etc/$f"; done
chmod 0600 "$work"/etc/*.password "$work"/etc/*.url
"$usr/bin/tocsin" check -c "$work/etc/tocsin.yaml" >"$work/out" 2>&1 || fail "check of the sample"
grep -q "配置无误" "$work/out" || fail "no Chinese: the catalogue was not found"
"$usr/bin/tocsin-pa" check -c "$work/etc/pa.yaml" >"$work/out" 2>&1 || fail "tocsin-pa check of the sample"
"$usr/bin/tocsin-pa" programme --day 2026-10-10 -c "$work/etc/pa.yaml" >"$work/out" 2>&1 || fail "programme of a day"
grep -q "国庆节 （调休上班）" "$work/out" || fail "holidays are not known without a word in the configuration"
"$usr/bin/tocsin-pa" clips list --missing -c "$work/etc/pa.yaml" >"$work/out" 2>&1 || fail "clips list finds no rules"
! "$usr/bin/tocsin" check -c "$work/etc/tocsin.yaml" --print-config | grep -F "$sources" || fail "a path of the sources"

# The manual reads without a warning, and knows every verb of the program.
for page in "$usr"/share/man/man?/*; do
    warnings=$(MANROFFSEQ='' man --warnings -E UTF-8 -l -Tutf8 -Z "$page" 2>&1 >/dev/null) || fail "$page: $warnings"
    [ -z "$warnings" ] || fail "$page: $warnings"
done
TOCSIN_LANG=en "$usr/bin/tocsin" help | sed -n 's/^  tocsin \([a-z]*\) .*/\1/p' >"$work/verbs"
while read -r verb; do
    grep -q "^\.B tocsin $verb$" "$usr/share/man/man1/tocsin.1" || fail "tocsin.1 lacks $verb"
done <"$work/verbs"
grep -q 'announce_again' "$usr/share/man/man5/tocsin.yaml.5" || fail "tocsin.yaml.5 lacks options"

# Completion offers the verbs, and the verbs of verbs.
bash -c 'set -eu; . "$1"; PATH=$2:$PATH; COMP_WORDS=(tocsin del); COMP_CWORD=1; _tocsin; [ "${COMPREPLY[*]}" = deliveries ]
    COMP_WORDS=(tocsin-pa prog); _tocsin; [ "${COMPREPLY[*]}" = programme ]
    COMP_WORDS=(tocsin rules st) COMP_CWORD=2; _tocsin; [ "${COMPREPLY[*]}" = stable ]
    COMP_WORDS=(tocsin drill p); _tocsin; [ "${COMPREPLY[*]}" = plan ]
    COMP_WORDS=(tocsin feed ""); _tocsin; [ "${COMPREPLY[*]}" = "check push sample" ]
    COMP_WORDS=(tocsin-pa clips re); _tocsin; [ "${COMPREPLY[*]}" = "readings render" ]
    COMP_WORDS=(tocsin check --man); COMP_CWORD=2; _tocsin; [ "${COMPREPLY[*]}" = --manual ]' _ \
    "$usr/share/bash-completion/completions/tocsin" "$usr/bin" || fail "completion"
