#!/bin/sh
# Judges flowcorr match on a log that is far longer than its capture: ten million
# lines, those of the capture among them.
#
#   scripts/lines.sh CAPTURE.pcap ACCESS.log
#
# LINES (10000000), SECONDS_MOST (60, of one processor's time on each of two),
# MEMORY_MOST (1000, in MB) and WORK (a temporary folder) may be set. KEEP=1
# leaves the folder.
set -eu
capture=$(realpath "$1") log=$(realpath "$2")
cd "$(dirname "$0")/.."
lines=${LINES:-10000000} most=${SECONDS_MOST:-60} memory=${MEMORY_MOST:-1000}
work=${WORK:-$(mktemp -d)}
[ -n "${KEEP:-}" ] || trap 'rm -rf "$work"' EXIT
mkdir -p "$work/in/web"
go build -o "$work/flowcorr" ./cmd/flowcorr
ln -sf "$capture" "$work/in/$(basename "$capture")"
[ -s "$work/in/web/access.log" ] || go run ./internal/manylines -lines "$lines" "$log" > "$work/in/web/access.log"

/usr/bin/time -o "$work/time" -f '%U %S %M %e' "$work/flowcorr" match --format jsonl "$work/in" > "$work/pairs.jsonl"
python3 - "$work" "$log" <<'PY'
import json, sys
own = set(open(sys.argv[2], errors="replace").read().splitlines())
found, foreign, ambiguous = set(), 0, set()
for row in map(json.loads, open(sys.argv[1] + "/pairs.jsonl")):
    if row["status"] == "matched":
        if row["text"] in own: found.add(row["text"])
        else: foreign += 1
    elif row["status"] == "ambiguous":
        ambiguous.add(row["text"])
print(f"of {len(own)} different lines of the capture's log {len(found)} are matched, {len(own & ambiguous - found)} ambiguous; {foreign} lines that were added are matched")
PY
read -r user system kilobytes wall < "$work/time"
awk -v u="$user" -v s="$system" -v k="$kilobytes" -v w="$wall" -v most="$most" -v memory="$memory" 'BEGIN {
	printf "%.1f s of processors, %.1f s, %d MB\n", u+s, w, k*1024/1e6
	if (u+s > 2*most) { print "WRONG: more than " most " s on two processors"; bad = 1 }
	if (k*1024/1e6 > memory) { print "WRONG: more than " memory " MB"; bad = 1 }
	exit bad
}'
