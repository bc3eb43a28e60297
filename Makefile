# tfcnn: `make demo` builds and runs everything once, `make test` runs all tests.

GO ?= go

# Where libtensorflow is: LIBTENSORFLOW=/prefix uses one of your own.
ifneq ($(LIBTENSORFLOW),)
override LIBTENSORFLOW := $(or $(shell cd "$(LIBTENSORFLOW)" 2>/dev/null && pwd),$(LIBTENSORFLOW))
export LIBTENSORFLOW
endif
PREFIX := $(or $(LIBTENSORFLOW),$(CURDIR)/.libtensorflow)

# By these flags cgo finds it, and by the run path the programs do. They go
# behind those that are set, as go-env puts them: so plain go commands and make
# share Go's build cache. A path with spaces is quoted as `go env` quotes it.
Q        := $(if $(word 2,$(PREFIX)),')
COMPILE  := $(Q)-I$(PREFIX)/include$(Q)
LINK     := $(Q)-L$(PREFIX)/lib$(Q) $(Q)-Wl,-rpath,$(PREFIX)/lib$(Q)
OLD_COMPILE := $(shell $(GO) env CGO_CFLAGS)
OLD_LINK := $(shell $(GO) env CGO_LDFLAGS)
export CGO_CFLAGS  := $(OLD_COMPILE)$(if $(findstring $(COMPILE),$(OLD_COMPILE)),, $(COMPILE))
export CGO_LDFLAGS := $(OLD_LINK)$(if $(findstring $(LINK),$(OLD_LINK)),, $(LINK))
go-env go-env-undo: export GO := $(GO)
doctor: export CGO_CFLAGS := $(OLD_COMPILE)
doctor: export CGO_LDFLAGS := $(OLD_LINK)

# gold links a test binary with libtensorflow in a fifth of the time.
GOLD        := $(if $(shell command -v ld.gold),-ldflags=-extldflags=-fuse-ld=gold)
TEST        := $(GO) test $(GOLD)
GOFUMPT     := $(GO) run mvdan.cc/gofumpt@v0.9.1
STATICCHECK := $(GO) run honnef.co/go/tools/cmd/staticcheck@v0.6.1
# Everything that must build and pass where libtensorflow is missing.
NO_CGO      := ./graph ./graph/nets ./graph/plan ./graph/tensor ./graph/verdict ./internal/ir ./internal/bounded ./internal/quote ./internal/strict ./internal/ref ./internal/proof/... ./internal/probe ./cmd/cnndemo/internal/report ./cmd/cnndemo/internal/commandline \
               ./session/images/internal/exif ./session/images/internal/fault ./session/images/internal/jpeg ./session/images/internal/png \
               ./internal/machine/... ./internal/output ./docker/... ./docs ./cmd/doctor ./cmd/libtensorflow ./testdata ./bench ./bench/worker

.DEFAULT_GOAL := help
.NOTPARALLEL:
# The Docker images, and the base images that they are built on.
IMAGE      ?= tfcnn
GO_IMAGE   ?= golang:1.26-bookworm
BASE_IMAGE ?= debian:bookworm-slim
# What a build knows of itself.
VERSION    := $(or $(shell git describe --tags --always --dirty 2>/dev/null),unknown)
REVISION   := $(or $(shell git rev-parse HEAD 2>/dev/null),unknown)
CREATED    := $(or $(shell git show -s --format=%cI HEAD 2>/dev/null),unknown)
FACTS      := -X main.version=$(VERSION) -X main.revision=$(REVISION) -X main.created=$(CREATED)
# Programs are position-independent, and what the dynamic linker has entered in
# them is read-only (full RELRO).
PROGRAM    := $(GO) build -buildmode=pie -ldflags "-bindnow $(FACTS)"
DOCKER_BUILD = docker build --build-arg GO_IMAGE=$(GO_IMAGE) --build-arg BASE_IMAGE=$(BASE_IMAGE) \
	--build-arg VERSION=$(VERSION) --build-arg REVISION=$(REVISION) --build-arg CREATED=$(CREATED)

.PHONY: bench network-cases mutants mutants-sample nets kernels detection fusions soak soak-operations fuzz hostile sweep bundle module proof-page docker docker-test docker-cuda docker-cuda-test help libtensorflow build doctor-program demo test test-steps lint unit race no-cgo outside doctor go-env go-env-undo notices fmt clean

help: ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-17s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# SYMBOLS=1 keeps the wheel's own symbols, with the names that debuggers want.
libtensorflow: ## fetch, check and strip libtensorflow (SYMBOLS=1: do not strip; LIBTENSORFLOW=/prefix: check that one)
	@CGO_ENABLED=0 $(GO) run ./cmd/libtensorflow -prefix "$(PREFIX)" $(if $(SYMBOLS),-strip=false)

BIN ?= bin
build: libtensorflow doctor-program ## build bin/cnndemo, which runs from any folder
	$(PROGRAM) -o $(BIN)/cnndemo ./cmd/cnndemo

doctor-program:
	CGO_ENABLED=0 $(PROGRAM) -o $(BIN)/doctor ./cmd/doctor

demo: build ## run the sample images through conv2d and max_pool, and verify them; files in out/
	bin/cnndemo run --out out

# The README's figure: the page of a network's verification, as chromium shows it.
CHROMIUM ?= chromium
proof-page: build ## verify a network and write the README's figure of it (with chromium)
	mkdir -p out
	bin/cnndemo verify net alexnet --html out/proof.html
	$(CHROMIUM) --headless --no-sandbox --disable-gpu --hide-scrollbars --window-size=1280,730 \
		--screenshot=testdata/readme/proof.png "file://$(CURDIR)/out/proof.html"

# In this order; CI runs each and says how long it took.
TEST_STEPS := lint no-cgo unit race mutants-sample outside
test: libtensorflow $(TEST_STEPS) ## all tests

test-steps:
	@echo $(TEST_STEPS)

lint: libtensorflow
	@echo "== formatting, vet, staticcheck, words"
	@files=$$($(GOFUMPT) -l . testdata) || exit 1; if [ -n "$$files" ]; then echo "not gofumpt'ed: $$files"; exit 1; fi
	$(GO) vet ./... ./testdata
	$(STATICCHECK) ./... ./testdata
	$(GO) run ./internal/words
	@cd bench/gorgonia && $(GO) list -mod=readonly -deps . >/dev/null # its go.mod follows ours

no-cgo: # the packages that need no libtensorflow, without cgo
	@echo "== without cgo"
	CGO_ENABLED=0 $(GO) vet $(NO_CGO)
	CGO_ENABLED=0 $(GO) test $(NO_CGO)

# All but the packages of no-cgo, whose code is the same with cgo.
unit: libtensorflow
	@echo "== tests"
	$(TEST) $$($(GO) list ./... | grep -vxF "$$($(GO) list $(NO_CGO))")
	@echo "== sessions without session/tuned"
	$(TEST) -tags plain -skip 'Functions|Random|CaseFiles|OneDNN|Softmax|Normalisations|Resize|Fuzz|Soak' ./session

# -short leaves out the tests that compute long on one goroutine.
race: libtensorflow
	@echo "== tests with the race detector"
	$(TEST) -race -short -timeout 25m ./...

# ONLY= takes those whose names match it.
ONLY ?=
mutants: libtensorflow ## break the reference and the lowering on purpose, everywhere and by every rule: a test must notice each
	@echo "== mutants"
	GOFLAGS="$(strip $(GOFLAGS) $(GOLD))" $(GO) run ./internal/mutants $(if $(ONLY),-only '$(ONLY)')

mutants-sample: libtensorflow
	@echo "== a sample of the mutants"
	GOFLAGS="$(strip $(GOFLAGS) $(GOLD))" $(GO) run ./internal/mutants -sample 50

# Random operations until something breaks: CASES= of them, from SEED=, and NETWORKS=
# networks.
CASES ?= 1000000
NETWORKS ?= 5000
SEED  ?= 1
MINUTES ?= 10
soak-operations: build ## a long run of random operations and networks, oneDNN off and on (CASES=1000000 NETWORKS=5000 SEED=1)
	TF_ENABLE_ONEDNN_OPTS=0 bin/cnndemo verify random $(CASES) --nets $(NETWORKS) --seed $(SEED)
	TF_ENABLE_ONEDNN_OPTS=1 bin/cnndemo verify random $(CASES) --nets $(NETWORKS) --seed $(SEED)

nets: build ## verify every ready network, and print verdicts, seconds and memory (NETS=lenet5,alexnet: some)
	@$(GO) run ./internal/readynets -cnndemo $(BIN)/cnndemo $(if $(NETS),-only "$(NETS)")

kernels: libtensorflow ## each kernel that a ready network runs is one whose numbers are compared, oneDNN off and on
	@echo "== kernels"
	TFCNN_KERNELS=all $(TEST) -count=1 -timeout 30m -v -run '^TestKernels$$' ./session/verify

# NETS=a,b of the ready networks, DRAWS= of each part.
NETS  ?= alexnet,resnet18,mobilenet
DRAWS ?= 3
detection: libtensorflow ## plant 16 faults into kernels of real sizes, and count which are noticed (NETS=a,b DRAWS=3)
	$(GO) run $(GOLD) ./internal/detection -nets $(NETS) -draws $(DRAWS) -seed $(SEED)

fusions: libtensorflow ## every head × middle × activation in float32, bfloat16 and float16, and constants folded into each other; oneDNN off and on
	TFCNN_FUSIONS=all TF_ENABLE_ONEDNN_OPTS=0 $(GO) test -count=1 -timeout 60m -run "TestFusions|TestFoldedConstants" ./session
	TFCNN_FUSIONS=all TF_ENABLE_ONEDNN_OPTS=1 $(GO) test -count=1 -timeout 60m -run "TestFusions|TestFoldedConstants" ./session

# PLAIN=1 leaves session/tuned out, as a program that embeds package session does.
PLAIN ?=
soak: libtensorflow ## memory and answers under load: 200,000 runs, then MINUTES=10 of 24 goroutines (PLAIN=1: without session/tuned)
	$(PROGRAM) $(if $(PLAIN),-tags plain) -o bin/soak ./bench/soak
	bin/soak memory --runs 200000 --cycles 800 --seed $(SEED)
	bin/soak load --minutes $(MINUTES) --seed $(SEED)

# Every fuzz target, one after the other, FUZZTIME= each.
FUZZTIME ?= 60s
fuzz: libtensorflow ## fuzz every decoder of outside bytes (FUZZTIME=60s each)
	@set -e; grep -rl --include='*_test.go' '^func Fuzz' . | xargs -n1 dirname | sort -u | while read -r folder; do \
		for target in $$(grep -h '^func Fuzz' $$folder/*_test.go | sed 's/func \(Fuzz[A-Za-z0-9]*\).*/\1/'); do \
			echo "== $$folder $$target"; \
			$(GO) test -run=NONE -fuzz="^$$target\$$" -fuzztime=$(FUZZTIME) -fuzzminimizetime=1s $$folder; \
		done; \
	done

# The cgo part and sessions under everything that looks for wrong memory: see
# internal/sanitizers.
hostile: libtensorflow ## memory checks: cgocheck, checkptr, GC stress, AddressSanitizer, and a fault for each to find
	TFCNN_HOSTILE=1 $(GO) test -count=1 -timeout 4h -v ./internal/sanitizers
	TFCNN_HOSTILE=1 $(GO) test -count=1 -timeout 60m -v -run OtherPrograms ./session/tuned

sweep: libtensorflow ## measure TensorFlow's elementary functions over all float32 numbers, oneDNN off and on
	$(PROGRAM) -o bin/sweep ./cmd/sweep
	TF_ENABLE_ONEDNN_OPTS=0 bin/sweep
	TF_ENABLE_ONEDNN_OPTS=1 bin/sweep

# The Python that bench's contestants run in, outside the work tree.
BENCH_CACHE  := $(or $(TFCNN_BENCH_CACHE),$(HOME)/.cache/tfcnn-bench)
BENCH_PYTHON ?= python3.11
ROUNDS       ?= 10
# KEEP=1 puts some rows into bench/ all the same, among the earlier run's.
BENCH_FLAGS   = $(if $(ROWS),-rows "$(ROWS)") $(if $(CONTESTANTS),-contestants "$(CONTESTANTS)") -rounds $(ROUNDS) \
	$(if $(KEEP),-keep) -out $(if $(DEVICE),out/bench-$(DEVICE),$(if $(KEEP),bench,$(if $(ROWS)$(CONTESTANTS),out/bench,bench)))
# DEVICE=gpu (or cpu) measures networks there beside PyTorch, by the Python that
# BENCH_PYTHON names and that has it; nothing is fetched.
ifdef DEVICE
bench: libtensorflow
	$(PROGRAM) -o bin/bench-ours ./bench/ours
	CGO_ENABLED=0 $(GO) build -o bin/bench ./bench
	bin/bench -device "$(DEVICE)" -python "$(BENCH_PYTHON)" $(BENCH_FLAGS)
else
bench: libtensorflow ## side by side with others, into bench/ (some of it, into out/bench/: ROWS=a,b CONTESTANTS=a,b ROUNDS=10; DEVICE=gpu: on a GPU)
	@mkdir -p "$(BENCH_CACHE)"; cd "$(BENCH_CACHE)" && \
	if ! cmp -s "$(CURDIR)/bench/requirements.txt" installed.txt; then \
		echo "Python with bench/requirements.txt into $(BENCH_CACHE): 3.5 GB to fetch, 7 GB on disk" >&2; \
		$(BENCH_PYTHON) -m venv venv && venv/bin/pip install -q --no-cache-dir -r "$(CURDIR)/bench/requirements.txt" && \
		cp "$(CURDIR)/bench/requirements.txt" installed.txt; \
	fi
	$(PROGRAM) -o bin/bench-ours ./bench/ours
	$(PROGRAM) -tags plain -o bin/bench-ours-plain ./bench/ours
	cd bench/gorgonia && $(GO) vet . && $(GO) build -o ../../bin/bench-gorgonia .
	CGO_ENABLED=0 $(PROGRAM) -o bin/bench ./bench
	bin/bench -python "$(BENCH_CACHE)/venv/bin/python" $(BENCH_FLAGS)
endif

# The Python that computes the networks of case files, outside the work tree.
KERAS_CACHE := $(or $(TFCNN_KERAS_CACHE),$(HOME)/.cache/tfcnn-keras)
network-cases: ## write testdata/cases/networks_*.json anew, with Keras (1.5 GB to fetch once)
	@mkdir -p "$(KERAS_CACHE)"; cd "$(KERAS_CACHE)" && \
	if ! cmp -s "$(CURDIR)/testdata/outside/requirements.txt" installed.txt; then \
		$(BENCH_PYTHON) -m venv venv && venv/bin/pip install -q --no-cache-dir -r "$(CURDIR)/testdata/outside/requirements.txt" && \
		cp "$(CURDIR)/testdata/outside/requirements.txt" installed.txt; \
	fi
	"$(KERAS_CACHE)/venv/bin/python" testdata/outside/networks.py

outside: libtensorflow # modules of their own: one that embeds graph and session, and the README's program
	@echo "== modules outside"
	GO="$(GO)" sh testdata/outside/run.sh

# A program of your own: see docs/embedding.md.
BUNDLE ?= out/cnndemo.tar.gz
bundle: build ## bin/cnndemo, libtensorflow and the licences as one archive that runs without either (BUNDLE=out/cnndemo.tar.gz)
	@mkdir -p "$(dir $(BUNDLE))"
	@CGO_ENABLED=0 $(GO) run ./cmd/libtensorflow bundle -prefix "$(PREFIX)" -o "$(BUNDLE)" $(BIN)/cnndemo LICENSE NOTICE testdata/images/ATTRIBUTION.md

module: ## call this module by another path, in go.mod and wherever it stands (MODULE=example.com/x)
	@GO="$(GO)" .ci/module "$(MODULE)"

docker: ## build the CPU Docker image, called tfcnn (IMAGE=, GO_IMAGE=, BASE_IMAGE=)
	$(DOCKER_BUILD) -t $(IMAGE) .

docker-test: docker bundle ## build that Docker image and test it as a user would run it, and the bundle in the base image
	TFCNN_IMAGE=$(IMAGE) TFCNN_BASE_IMAGE=$(BASE_IMAGE) TFCNN_BUNDLE="$(abspath $(BUNDLE))" $(GO) test -count=1 -v ./docker

docker-cuda: ## build the CUDA Docker image, called tfcnn-cuda; 4 GB are downloaded
	$(DOCKER_BUILD) -t $(IMAGE)-cuda -f docker/Dockerfile.cuda .

docker-cuda-test: docker-cuda build ## build that Docker image and test what can be tested without a GPU
	TFCNN_IMAGE=$(IMAGE)-cuda TFCNN_VARIANT=cuda $(GO) test -count=1 -timeout 60m -v ./docker

doctor: ## print what this machine has and what is missing
	@CGO_ENABLED=0 $(GO) run ./cmd/doctor

go-env: ## let plain go commands and editors find libtensorflow (go env -w)
	@CGO_ENABLED=0 $(GO) run ./cmd/libtensorflow -prefix "$(PREFIX)" $(if $(SYMBOLS),-strip=false) -go-env

go-env-undo: ## take that back
	@CGO_ENABLED=0 $(GO) run ./cmd/libtensorflow -prefix "$(PREFIX)" -go-env-undo

notices: ## write the licence texts of all linked code into NOTICE, after a change of go.mod
	@CGO_ENABLED=0 $(GO) run ./docker/notices NOTICE

fmt: ## format
	$(GOFUMPT) -w .

clean: ## remove what was built, libtensorflow too
	rm -rf bin out .libtensorflow
