#!/bin/sh
# Judges flowcorr batch on very many capture points: a tiny capture from each of a
# hundred thousand hosts, with the access logs of the servers that they ask.
#
#   scripts/points.sh
#
# POINTS (100000), MINUTES_MOST (10), MEMORY (512MB), JOBS (2) and WORK (a temporary
# folder) may be set. KEEP=1 leaves the folder.
set -eu
cd "$(dirname "$0")/.."
points=${POINTS:-100000} most=${MINUTES_MOST:-10} memory=${MEMORY:-512MB} jobs=${JOBS:-2}
work=${WORK:-$(mktemp -d)}
[ -n "${KEEP:-}" ] || trap 'rm -rf "$work"' EXIT
go build -o "$work/flowcorr" ./cmd/flowcorr
[ -d "$work/in" ] || go run ./internal/manypoints -points "$points" -logs "$work/in"
rm -rf "$work/out"
/usr/bin/time -o "$work/time" -f '%U %S %M %e' "$work/flowcorr" batch "$work/in" --out "$work/out" --memory "$memory" --jobs "$jobs" --quiet | tail -1
rows=$("$work/flowcorr" batch --query --out "$work/out" --format jsonl | wc -l)
[ "$rows" = "$points" ] || { echo "WRONG: $rows journeys of $points hosts"; exit 1; }
read -r user system kilobytes wall < "$work/time"
awk -v u="$user" -v s="$system" -v k="$kilobytes" -v w="$wall" -v most="$most" 'BEGIN {
	printf "%.1f s of processors, %.1f s, %d MB\n", u+s, w, k/1024
	if (w > 60*most) { print "WRONG: more than " most " minutes"; exit 1 }
}'
