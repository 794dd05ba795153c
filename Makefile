# flowcorr: every target runs from a fresh clone with Go alone; what else a
# test needs is skipped and named at the end when it is not there.

GO ?= go

.PHONY: build report test check unit score fuzz survive others bench engines archive lines points profile cross dist container clean

build:            ## bin/flowcorr
	CGO_ENABLED=0 $(GO) build -trimpath -pgo cmd/flowcorr/flows.pgo -o bin/flowcorr ./cmd/flowcorr

report: build     ## the report on a sample
	bin/flowcorr report samples/slow-application/input

test:             ## everything the continuous integration runs
	GO="$(GO)" sh scripts/test.sh

check:            ## formatting, vet, staticcheck
	GO="$(GO)" sh scripts/check.sh

unit:             ## tests without the race detector
	$(GO) test ./...

score: build      ## how right the reports on the shared incidents are
	python3 ../shared/score/score.py --all ../shared/incidents -- bin/flowcorr report --format json --fail-on never

fuzz:             ## every fuzz target for FUZZTIME (default 30s) each
	GO="$(GO)" sh scripts/fuzz.sh $(or $(FUZZTIME),30s)

survive:          ## every shared capture, cut at a hundred places and damaged in twenty ways in 512 MB
	CUTS=100 $(GO) test -count=1 -timeout 60m -run TestSurviveCaptures ./pkg/pcapflow
	CORRUPTIONS=20 $(GO) test -count=1 -timeout 60m -v -run TestSurviveCorruption ./pkg/pcapflow

others:           ## captures of other programs' source packages against tshark (downloads them)
	GO="$(GO)" scripts/others.sh $(PACKAGES)

bench: build      ## microbenchmarks of the parts; with CAPTURES="…" whole processes beside other programs
	$(GO) test -run '^$$' -bench . -benchmem ./pkg/...
	@test -z "$(CAPTURES)" || $(GO) run ./internal/compete $(CAPTURES)
	@test -n "$(CAPTURES)" || echo 'make bench CAPTURES="a.pcap b.pcap" compares whole processes with other programs'

engines:          ## other engines read the result of batch (downloads DuckDB; CHDB=…/node_modules/chdb has ClickHouse do)
	cd internal/engines && $(GO) test ./...

archive:          ## judges batch on a cut archive: CAPTURE=x.pcap LOGS="access.log auth.log"
	scripts/archive.sh $(CAPTURE) $(LOGS)

points:           ## judges batch on a hundred thousand capture points
	scripts/points.sh

profile:          ## renews the profile that builds are optimised by: CAPTURES="a.pcap b.pcap"
	scripts/profile.sh $(CAPTURES)

lines:            ## judges match on ten million lines: CAPTURE=x.pcap LOG=access.log
	scripts/lines.sh $(CAPTURE) $(LOG)

cross:            ## builds for every supported platform
	GO="$(GO)" sh scripts/cross.sh

dist:             ## a release: programs for every platform, reproducibly
	GO="$(GO)" sh scripts/dist.sh

container:        ## an image of the released program, with podman, docker or buildah
	GO="$(GO)" sh scripts/container.sh

clean:
	rm -rf bin dist
