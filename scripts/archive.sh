#!/bin/sh
# Judges flowcorr batch on an archive: a capture cut into rotated, compressed
# files of two capture points, with logs, some of them damaged. Prints figures and
# says what is not as it should be.
#
#   scripts/archive.sh CAPTURE.pcap LOG...
#
# FILES (500), LOGS (200), CORRUPT (20), KILLS (50), MEMORY (512MB), JOBS (2) and
# WORK (a temporary folder) may be set. KEEP=1 leaves the folder.
set -eu
cd "$(dirname "$0")/.."
files=${FILES:-500} logs=${LOGS:-200} corrupt=${CORRUPT:-20} kills=${KILLS:-50} memory=${MEMORY:-512MB} jobs=${JOBS:-2}
work=${WORK:-$(mktemp -d)}
[ -n "${KEEP:-}" ] || trap 'rm -rf "$work"' EXIT
go build -o "$work/flowcorr" ./cmd/flowcorr
go build -o "$work/cutarchive" ./internal/cutarchive
go build -o "$work/samerows" ./internal/samerows
bad=0
wrong() { echo "WRONG: $*"; bad=1; }

[ -d "$work/cut" ] || "$work/cutarchive" -captures "$files" -logs "$logs" -corrupt "$corrupt" "$work" "$@"
find "$work/cut" -type f | wc -l | sed 's/$/ files in the cut archive/'

# measure NAME COMMAND...: user and system seconds, kilobytes at most, seconds.
measure() {
	name=$1; shift
	/usr/bin/time -o "$work/$name.time" -f '%U %S %M %e' "$@" > "$work/$name.out" 2> "$work/$name.err" || wrong "$name: exit $?"
	awk -v n="$name" '{ printf "%-12s %8.2f s CPU %8.2f s %6d MB\n", n, $1+$2, $4, $3/1024 }' "$work/$name.time"
}
cpu() { awk '{ print $1+$2 }' "$work/$1.time"; }
timed() { name=$1; out=$2; in=$3; j=$4; measure "$name" "$work/flowcorr" batch "$work/$in" --out "$work/$out" --memory "$memory" --jobs "$j" --quiet; }

rm -rf "$work"/r-* "$work/killed"
timed whole r-whole whole "$jobs"
timed cut r-cut cut "$jobs"
timed again r-cut cut "$jobs"
timed one r-one cut 1
measure unpack sh -c "cat '$work'/cut/client/*.gz | gzip -dc > /dev/null; cat '$work'/cut/server/*.zst | zstd -dcq > /dev/null"
awk -v c="$(cpu cut)" -v w="$(cpu whole)" -v u="$(cpu unpack)" 'BEGIN { printf "CPU of the cut archive: %.2f x the whole and its unpacking\n", c/(w+u); exit c > 1.3*(w+u) }' || wrong "CPU"
awk -v a="$(cpu again)" -v c="$(cpu cut)" 'BEGIN { printf "second run: %.2f %% of the first\n", 100*a/c; exit a > 0.02*c }' || wrong "second run"
paste -d ' ' "$work/cut.time" "$work/one.time" | awk '{ printf "two jobs: %.2f x one\n", $8/$4 }'
# What two processors of this machine do at all: two runs of one job, side by side.
timed beside r-beside cut 1 > /dev/null &
timed side r-side cut 1 > /dev/null
wait
paste -d ' ' "$work/one.time" "$work/side.time" "$work/beside.time" | awk '{ w = $8 > $12 ? $8 : $12; printf "two runs of one job at a time: %.2f x one after the other\n", 2*$4/w }'
rm -rf "$work"/r-side "$work"/r-beside
for run in whole cut one; do
	awk -v m="$memory" 'BEGIN { sub(/MB$/, "", m) } { if ($3/1024 > m*1000000/1048576) exit 1 }' "$work/$run.time" || wrong "memory of $run"
done
"$work/samerows" "$work/r-whole" "$work/r-cut" || wrong "the cut archive gives another result"

sums() { (cd "$1" && find . -path ./index -prune -o -type f -print | LC_ALL=C sort | xargs -d '\n' sha256sum) | sha256sum; }
want=$(sums "$work/r-cut")
[ "$want" = "$(sums "$work/r-one")" ] || wrong "one job gives other bytes"
# stage says how far a run had come, whatever those before it left.
stage() {
	if [ -n "$(find "$1/index/looked" -newer "$work/begun" 2> /dev/null)" ]; then echo analysing
	elif [ -n "$(find "$1/index/files.json" -newer "$work/begun" 2> /dev/null)" ]; then echo reading
	else echo looking; fi
}
i=0
: > "$work/killed"
whole=$(awk '{ print $4 }' "$work/cut.time")
while [ "$i" -lt "$kills" ]; do
	i=$((i + 1))
	touch "$work/begun"
	"$work/flowcorr" batch "$work/cut" --out "$work/r-killed" --memory "$memory" --jobs "$jobs" --quiet > /dev/null 2>&1 &
	pid=$!
	# Every other one early: looking and reading are a small part of a run.
	sleep "$(awk -v s="$i$(wc -l < "$work/killed")" -v i="$i" -v w="$whole" 'BEGIN { srand(s); r = rand(); print (i % 2 ? r : r*r*r*r) * w / 3 }')"
	if kill -9 "$pid" 2> /dev/null; then
		stage "$work/r-killed" >> "$work/killed"
	else # it had ended: its result counts, and another begins
		[ "$want" = "$(sums "$work/r-killed")" ] || wrong "killed and resumed gives other bytes"
		rm -rf "$work/r-killed"
		i=$((i - 1))
	fi
	wait "$pid" 2> /dev/null || true
done
sort "$work/killed" | uniq -c | awk '{ printf "killed while %s: %d times\n", $2, $1 }'
timed resumed r-killed cut "$jobs"
[ "$want" = "$(sums "$work/r-killed")" ] && echo "killed $kills times: the same bytes" || wrong "killed and resumed gives other bytes"
exit $bad
