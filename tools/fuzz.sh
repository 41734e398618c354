#!/bin/sh
# fuzz.sh TIME: runs every fuzz target for TIME, and says how many inputs were tried, by each and in sum. What fails is
# kept as a seed, in testdata/fuzz of its package.
set -eu
log=$(mktemp)
trap 'rm -f "$log"' EXIT
total=0 targets=0
for package in $(go list ./...); do
	for target in $(go test -list '^Fuzz' "$package" | grep '^Fuzz' || true); do
		status=0
		go test -run '^$' -fuzz "^$target\$" -fuzztime "$1" -fuzzminimizetime 2s -parallel "${PARALLEL:-$(nproc)}" "$package" \
			>"$log" 2>&1 || status=$?
		tried=$(sed -n 's/.*execs: \([0-9]*\).*/\1/p' "$log" | tail -n 1)
		total=$((total + ${tried:-0})) targets=$((targets + 1)) note=
		# Go's fuzzer may take its own deadline for a failure, if that comes while an input runs. Then there is no failing input.
		if [ $status != 0 ]; then
			if grep -q 'context deadline exceeded' "$log" && ! grep -q 'Failing input\|panic:\|hung or terminated' "$log"; then
				note=", Go's own deadline flake"
			else
				cat "$log"
				exit $status
			fi
		fi
		echo "$package $target: ${tried:-0} inputs$note"
	done
done
echo "$targets targets: $total inputs"
