#!/usr/bin/env bash
# Puts known bugs into the feed, one at a time, and sees that the trials in simulated worlds catch each of them.
#
#   bash crates/sim/mutations/run.sh                     all bugs of list.txt
#   bash crates/sim/mutations/run.sh 'copy' 'off by one' those with one of these words in their names
#
# SEEDS is how many seeds a bug may take until it is caught (1500), FROM the first of them (0), JOBS the threads (2).
# Exit codes: 0 all are caught, 1 one survives, does not compile or does not fit the source any more, or the tree is
# caught as it is.
#
# It works on a copy below the target folder and never edits the checkout. A bug that makes a trial hang is ended after
# LIMIT seconds (300) and counts as caught, for nobody would call that well.
set -euo pipefail
cd "$(dirname "$0")/../../.."

list=crates/sim/mutations/list.txt
work=${CARGO_TARGET_DIR:-$PWD/target}/mutations
tree=$work/tree
seeds=${SEEDS:-1500} from=${FROM:-0} jobs=${JOBS:-2} limit=${LIMIT:-300}
wanted=("$@")

export CARGO_TARGET_DIR=$work/build CARGO_INCREMENTAL=1

copy_tree() {
    rm -rf "$tree"
    mkdir -p "$tree"
    # New times, so that what an earlier run has built of a bug is not taken for this.
    git ls-files -z --cached --others --exclude-standard | tar -c --null -T - | tar -x -m -C "$tree"
}

build() {
    (cd "$tree" && cargo build --quiet --locked --profile sim -p tickwire-sim --bin tickwire-sim) >"$work/build.log" 2>&1
}

# What came of a trial: `hung`, `passed`, or `caught` with the seed and what is wrong in $caught_by.
try() {
    local status=0
    timeout "$limit" "$CARGO_TARGET_DIR/sim/tickwire-sim" --from "$from" --seeds "$seeds" --jobs "$jobs" --fail-fast \
        >"$work/trial.log" 2>&1 || status=$?
    caught_by=$(grep -m 1 -E '^.?(seed [0-9]+:|thread .* panicked)' "$work/trial.log" | tr -d '\r' | tr -s ' ' | cut -c -160 || true)
    case $status in
        0) outcome=passed ;;
        124) outcome=hung ;;
        *) outcome=caught ;;
    esac
}

is_wanted() {
    local part
    [ ${#wanted[@]} -eq 0 ] && return 0
    for part in "${wanted[@]}"; do
        [[ $name == *"$part"* ]] && return 0
    done
    return 1
}

report() {
    printf '%-9s %s%s\n' "$1" "$name" "${2:+: $2}"
    [ "$1" = caught ] || [ "$1" = hung ] || failed=$((failed + 1))
}

# Puts the bug of $name, $file, $find and $put into the tree, tries it, and takes it out again.
try_bug() {
    local text rest
    tried=$((tried + 1))
    text=$(cat "$tree/$file" && echo .) || { report STALE "there is no $file"; return; }
    text=${text%.}
    rest=${text#*"$find"}
    if [ "$rest" = "$text" ] || [ "${rest#*"$find"}" != "$rest" ]; then
        report STALE "what it replaces is not in $file exactly once"
        return
    fi
    printf '%s' "${text%%"$find"*}$put$rest" >"$tree/$file"
    if build; then
        try
        case $outcome in
            passed) report SURVIVED "$seeds seeds" ;;
            *) report "$outcome" "$caught_by" ;;
        esac
    else
        report BROKEN "it does not compile ($work/build.log)"
        cp "$work/build.log" "$work/broken-$tried.log"
    fi
    printf '%s' "$text" >"$tree/$file"
}

end_entry() {
    if [ -n "$name" ] && is_wanted; then
        try_bug
    fi
    name='' file='' find='' put=''
}

copy_tree
echo 'the tree as it is'
build || { cat "$work/build.log"; exit 1; }
if [ "${CLEAN:-1}" = 1 ]; then
    try
    [ "$outcome" = passed ] || { echo "it is not well: $outcome: $caught_by"; exit 1; }
fi

tried=0 failed=0 name=''
newline=$'\n'
end_entry
while IFS= read -r line <&3 || [ -n "$line" ]; do
    case $line in
        '#'*) ;;
        'bug: '*) end_entry; name=${line#bug: } ;;
        'in: '*) file=${line#in: } ;;
        'why: '* | '') ;;
        '-'*) find+=${line#-}$newline ;;
        '+'*) put+=${line#+}$newline ;;
        ' '*) find+=${line# }$newline; put+=${line# }$newline ;;
        *) echo "$list: neither a field nor a line of an edit: $line"; exit 1 ;;
    esac
done 3<"$list"
end_entry

echo "$tried bugs, $failed not caught, in $((SECONDS / 60)) min"
[ "$tried" -gt 0 ] && [ "$failed" -eq 0 ]
