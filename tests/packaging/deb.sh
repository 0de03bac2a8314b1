#!/usr/bin/env bash
# Builds the Debian package, lists it, unpacks it, and uses what is inside.
#   deb.sh SOURCES
set -euo pipefail
sources=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unset TOCSIN_CONFIG TOCSIN_PA_CONFIG TOCSIN_DATADIR TOCSIN_LOCALEDIR
fail() { echo "deb: $1" >&2; exit 1; }

"$sources/packaging/deb" --out "$work" >/dev/null || fail "packaging/deb failed"
package=$(echo "$work"/tocsin_*.deb)
[ -s "$package" ] || fail "no package"
dpkg-deb -c "$package" >"$work/list"
for f in ./usr/bin/tocsin ./usr/bin/tocsin-pa ./usr/share/tocsin/packs/medical/medins_phishing_sms.yaml ./usr/share/tocsin/packs/medical/likeness.tsv \
    ./usr/share/tocsin/pa/lexicon.tsv ./usr/share/tocsin/pa/holidays/2026.json ./usr/lib/systemd/system/tocsin.service ./usr/lib/systemd/system/tocsin-pa.service \
    ./usr/lib/systemd/system/tocsin-backup.service ./usr/lib/systemd/system/tocsin-backup.timer \
    ./usr/share/man/man1/tocsin.1.gz ./usr/share/man/zh_CN/man5/tocsin.yaml.5.gz ./usr/share/doc/tocsin/copyright ./etc/tocsin/; do
    grep -q " $f\$" "$work/list" || fail "no $f"
done
! grep -qv ' root/root ' "$work/list" || fail "something does not belong to root: $(grep -v ' root/root ' "$work/list" | head -n 1)"
! grep -qE '^.{5}w|^.{8}w' "$work/list" || fail "others may write something"

depends=$(dpkg-deb -f "$package" Depends)
for library in libmosquitto1 libcurl4 libpcre2-8-0 libsqlite3-0 libmicrohttpd12 libyaml-0-2 libsndfile1 libspandsp2 adduser; do
    case "$depends" in *"$library"*) ;; *) fail "depends lack $library: $depends" ;; esac
done
dpkg-deb -e "$package" "$work/control"
for script in postinst prerm postrm; do sh -n "$work/control/$script" || fail "$script"; done
grep -q 'adduser .*--group .* tocsin$' "$work/control/postinst" || fail "postinst makes no user and group"

! grep -q 'enable.*tocsin-backup' "$work/control/postinst" || fail "nobody asked for backups"
grep -q 'disable --now .*tocsin-backup.timer' "$work/control/prerm" || fail "the timer outlives the package"

dpkg-deb -x "$package" "$work/root"
(cd "$work/root" && md5sum --quiet -c "$work/control/md5sums") || fail "sums"
TOCSIN_CONFIG="$work/none" "$work/root/usr/bin/tocsin" rules test >/dev/null || fail "rules test from the package"
"$work/root/usr/bin/tocsin" rules page --packs "$work/root/usr/share/tocsin/packs/medical" -o "$work/page.html" >/dev/null || fail "no page for writing rules"
[ "$("$work/root/usr/bin/tocsin" --version)" = "tocsin $(dpkg-deb -f "$package" Version)" ] || fail "another version"
! grep -qaF "$sources" "$work/root/usr/bin/tocsin" "$work/root/usr/bin/tocsin-pa" || fail "a program knows where it was built"
{ grep -q 'NateScarlet' "$work/root/usr/share/doc/tocsin/copyright" && grep -q '^ Permission is hereby granted' "$work/root/usr/share/doc/tocsin/copyright"; } ||
    fail "copyright does not say whose the holidays are"
readelf -hd "$work/root/usr/bin/tocsin" >"$work/elf"
{ grep -q 'DYN' "$work/elf" && grep -q 'NOW' "$work/elf"; } || fail "the program is not hardened (PIE, relro, now)"
if command -v systemd-analyze >/dev/null; then
    mkdir -p "$work/root/bin" && cp /bin/kill "$work/root/bin/"
    for unit in tocsin.service tocsin-pa.service tocsin-backup.service tocsin-backup.timer; do
        said=$(systemd-analyze verify --man=no --recursive-errors=no --root="$work/root" "$unit" 2>&1) || fail "$unit: $said"
        ! echo "$said" | grep -F "$unit" || fail "$unit: $said"
    done
fi


# What the timer starts, with the folder and the count that the administrator has set: the newest stay.
mkdir "$work/state"
cat >"$work/tocsin.yaml" <<END
relay: {id: a, state_dir: state}
broker: {host: 127.0.0.1, port: 1}
http: {listen: []}
rules: {packs: [$work/root/usr/share/tocsin/packs/medical]}
route: {receiver: r}
receivers: [{name: r}]
END
timeout 3 "$work/root/usr/bin/tocsin" run -c "$work/tocsin.yaml" 2>"$work/log" || true # it makes the store
read -ra start <<<"$(sed -n 's/^ExecStart=//p' "$work/root/usr/lib/systemd/system/tocsin-backup.service")"
# shellcheck disable=SC2016 # systemd's words, not the shell's
start=("${start[@]//'${FOLDER}'/$work/copies}")
# shellcheck disable=SC2016
start=("${start[@]//'${KEEP}'/2}")
for _ in 1 2 3; do
    TOCSIN_CONFIG="$work/tocsin.yaml" "$work/root${start[0]}" "${start[@]:1}" >/dev/null || fail "the unit's backup: ${start[*]}"
    sleep 1
done
copies=("$work"/copies/*/tocsin.db)
[ ${#copies[@]} = 2 ] || fail "not the newest two: ${copies[*]}"

# The same sources make the same package.
mkdir "$work/again"
"$sources/packaging/deb" --out "$work/again" >/dev/null
cmp "$package" "$work/again/$(basename "$package")" || fail "two builds differ"
