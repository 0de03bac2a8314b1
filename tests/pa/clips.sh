#!/usr/bin/env bash
# tocsin-pa clips: readings of the whole pack are sure, recordings are checked, and `render` speaks every text.
# usage: clips.sh PLAYER SOURCE readings|add|render
set -euo pipefail
player=$1 source=$2 part=$3
export TOCSIN_LANG=en
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat > "$work/pa.yaml" <<YAML
player: {site: test-1, state_dir: $work/state, name: 交大一附院, help: 门诊一楼警务室}
speech: {lexicon: [$source/adapters/pa/player/data/lexicon.tsv]}
reminders: [{id: valuables, text: 请看管好您的随身物品。}]
zones: [{id: hall, class: hall, outputs: [drop]}]
outputs: [{id: drop, type: file, dir: wav}]
YAML
pa() { "$player" "$@" --config "$work/pa.yaml" --packs "$source/rules/packs/medical"; }

case $part in
readings) pa clips readings ;;
render)
    pa clips render | tail -1
    # Every text fits where it is to be said: an announcement once, and a slot's text.
    pa clips render | awk '$2 == "s" && $1 > 20 {print "too long:", $0; bad = 1} END {exit bad}'
    ;;
add)
    refused() { # what it must say, then the command
        local want=$1
        shift
        if out=$("$@" 2>&1); then echo "not refused: $*"; exit 1; fi
        case $out in *"$want"*) ;; *) echo "wanted '$want', got: $out"; exit 1 ;; esac
    }
    id=$(pa clips list --missing | grep reminder.valuables | cut -c1-8)
    pa clips list --missing --json | jq -e --arg id "$id" 'any(.[]; .clip == $id and .clips == 0)' > /dev/null
    voice() { espeak-ng -v cmn-latn-pinyin -w "$work/$1.wav" "$2"; }
    voice good 请看管好您的随身物品。
    sox -q -n -r 16000 "$work/silent.wav" trim 0 3
    sox -q "$work/good.wav" "$work/soft.wav" gain -40
    sox -q -D -r 16000 -n "$work/clipped.wav" synth 3 sine 200 gain 20
    sox -q "$work/good.wav" "$work/long.wav" repeat 5
    echo text > "$work/text.wav"
    refused silent pa clips add "$work/silent.wav" --for "$id" --by 张播音
    refused soft pa clips add "$work/soft.wav" --for "$id" --by 张播音
    refused clipped pa clips add "$work/clipped.wav" --for "$id" --by 张播音
    refused "is it the right one" pa clips add "$work/long.wav" --for "$id" --by 张播音
    refused "not a sound file" pa clips add "$work/text.wav" --for "$id" --by 张播音
    refused "there is no text" pa clips add "$work/good.wav" --for nothing --by 张播音
    refused usage pa clips add "$work/good.wav" --for "$id"
    pa clips add "$work/good.wav" --for "$id" --by 张播音
    pa clips add "$work/good.wav" --for reminder.valuables --by 李播音 # another way of saying it
    [ -f "$work/state/clips/$id.wav" ] && [ -f "$work/state/clips/$id.2.wav" ]
    grep -q 张播音 "$work/state/clips/clips.tsv"
    if pa clips list --missing | grep -q valuables; then echo "still missing"; exit 1; fi
    ;;
esac
