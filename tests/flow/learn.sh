#!/usr/bin/env bash
# What `learn` makes of texts is what a rule with learned goes by: a wording that no rule has is found, by the right kind, and a
# text of everyday is not.   usage: learn.sh LEARN TOCSIN
set -euo pipefail
learn=$1 tocsin=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export TOCSIN_LANG=en
fail() { echo "learn: $1" >&2; exit 1; }

who=(王阿姨 李大爷 您 大姐 老人家 师傅 同志 乡亲 邻居 家长 老同学 表姐)
for i in "${!who[@]}"; do
    w=${who[$i]}
    echo "{\"text\":\"${w}，我是神医的徒弟，祖传秘方包治百病，先付$((i + 3))00元诚意金\",\"label\":\"medical_scam\",\"category\":\"healer\"}"
    echo "{\"text\":\"${w}的儿子出车祸在抢救，急等$((i + 3))万手术费，快汇到这个账号\",\"label\":\"medical_scam\",\"category\":\"kin\"}"
    echo "{\"text\":\"${w}，门诊时间改到$((i % 5 + 1))点，请带好病历到窗口取号\",\"label\":\"benign\"}"
    echo "{\"text\":\"${w}，您网购的鞋子有质量问题，给您退$((i + 3))00元，请加客服\",\"label\":\"other_scam\"}"
done >"$work/texts.jsonl"
mkdir "$work/pack"
cat >"$work/pack/r.yaml" <<'END'
- {id: healer_1, rev: 1, status: test, title: t, category: healer, level: red, match: {all: ['没有这样的话'], learned: {enough: 40}}}
- {id: kin_1, rev: 1, status: test, title: t, category: kin, level: red, match: {all: ['没有这样的话'], learned: {enough: 40}}}
END
"$learn" "$work/texts.jsonl" >"$work/pack/likeness.tsv" 2>"$work/said" || fail "$(cat "$work/said")"
grep -q '^learn: healer: 12 texts' "$work/said" || fail "does not tell what it learned: $(cat "$work/said")"

found() { "$tocsin" rules eval --packs "$work/pack" <<<"{\"id\":\"1\",\"text\":\"$1\"}" | jq -r '[.matches[].rule] | join(" ")'; }
expect() { [ "$(found "$1")" = "$2" ] || fail "$1: found by '$(found "$1")', not '$2'"; }
expect '这位神医有祖传秘方，包治百病，诚意金先付一千' healer_1
expect '你女儿出车祸，正在抢救，急等手术费，汇到账号里' kin_1
expect '赵叔，门诊时间改到6点，请带好病历到窗口' ''
expect '大哥，您网购的鞋子有质量问题，给您退800元' ''
"$tocsin" rules explain --packs "$work/pack" '这位神医有祖传秘方，诚意金先付一千' | grep -q 'learned: it is [0-9]* % like' || fail "explain does not say why"

echo '{"text":"没有标签"}' >"$work/bad.jsonl"
! "$learn" "$work/texts.jsonl" "$work/bad.jsonl" >/dev/null 2>"$work/said" || fail "takes a line without a label"
grep -q 'bad.jsonl:1: wants' "$work/said" || fail "does not name the line: $(cat "$work/said")"
