# The project's commands. `make` alone lists them.

SWIFT   ?= swift
SECONDS ?=
SEEDS   ?= 20000
MINUTES ?= 10
COUNT   ?= 100
STRICT  ?=
# CI sets STRICT=1: no warning passes, and each room's imports are those that Package.swift declares.
STRICT_FLAGS = $(if $(STRICT),-Xswiftc -warnings-as-errors --explicit-target-dependency-import-check error)
RELEASE_FLAGS = -c release --static-swift-stdlib --product
WEIR = .build/release/weir

.PHONY: help deps build dist demo test clients deploy-check lint format check docs bench regression profile \
  compare-desync simulate fuzz test-asan test-tsan soak chaos upgrades clean

help:
	@echo "make demo    weir in front of a simulated provider, with traffic, until Ctrl-C (SECONDS=5 ends by itself)"
	@echo "make build   the release binary, $(WEIR)"
	@echo "make test    every test: rooms, the relay on a fake kernel, real sockets, real clients"
	@echo "make check   format lint, warnings as errors, imports"
	@echo "make bench   weir against nginx, HAProxy, Envoy and Caddy, in one run (a quarter of an hour)"
	@echo "make regression  instructions per event and request, against what is written down"
	@echo "make profile  which branches the bench takes, for the compiler; then make regression UPDATE=1"
	@echo "make simulate SEEDS=N  N worlds of the relay on a fake kernel, each from its seed"
	@echo "make fuzz MINUTES=N  every grammar, dialect, settings and the hub, each for N minutes"
	@echo "make test-asan, make test-tsan  the rooms' tests under a sanitizer"
	@echo "make soak MINUTES=N, make chaos MINUTES=N, make upgrades COUNT=N  a whole weir, for long"
	@echo "make compare-desync  raw HTTP that parsers disagree about, through weir, nginx and HAProxy"
	@echo "make dist    the release binary without symbols, .build/dist/weir"
	@echo "make deploy-check  dashboards, Prometheus rules and deploy/ by the tools that will read them"
	@echo "make docs    writes the documents anew that are made from the code"
	@echo "make format  formats the sources"

# libssl-dev and pkg-config, if they are missing.
deps:
	@scripts/install-dependencies

build: deps
	$(SWIFT) build $(STRICT_FLAGS) $(RELEASE_FLAGS) weir

demo: build
	@$(WEIR) demo $(if $(SECONDS),--seconds $(SECONDS))

test: deps
	$(SWIFT) build $(STRICT_FLAGS) --build-tests
	$(SWIFT) test $(STRICT_FLAGS) --skip-build --disable-xctest
	@scripts/test-clients .build/debug/weir
	@scripts/test-operations .build/debug/weir

# Dashboards, rules and deployments alone, against the release binary.
deploy-check: build
	@scripts/install-deploy-tools
	@scripts/test-operations $(WEIR)

# The release binary without symbols, as an image or a package wants it.
dist: build
	@mkdir -p .build/dist
	strip --strip-all -o .build/dist/weir $(WEIR)

lint:
	$(SWIFT) format lint -r -p --strict Package.swift Sources Tests Fuzz

format:
	$(SWIFT) format -i -r -p Package.swift Sources Tests Fuzz

check: lint
	@$(MAKE) --no-print-directory build STRICT=1

docs: deps
	dashboards/build
	deploy/kubernetes/generate-rule
	WEIR_REGENERATE=1 $(SWIFT) test --disable-xctest --filter 'weirTests|TelemetryTests'

bench: build
	$(SWIFT) build $(STRICT_FLAGS) $(RELEASE_FLAGS) weir-bench
	@bench/install-peers
	.build/release/weir-bench --weir $(WEIR) --blind --tls $(BENCH_ARGUMENTS)

# What a release build is laid out by; after changes to what events and requests pass through. The next
# build begins from nothing, because the compiler does not notice a profile that has changed.
profile: build
	$(SWIFT) build $(STRICT_FLAGS) $(RELEASE_FLAGS) weir-bench
	@bench/profile $(SWIFT)
	rm -rf .build/release.yaml .build/*/release

# UPDATE=1 writes the counts down anew.
regression: build
	$(SWIFT) build $(STRICT_FLAGS) $(RELEASE_FLAGS) weir-bench
	@bench/regression $(if $(UPDATE),--update)

simulate: deps
	$(SWIFT) build $(STRICT_FLAGS) $(RELEASE_FLAGS) weir-seeds
	@scripts/simulate .build/release/weir-seeds $(SEEDS)

fuzz: deps
	@scripts/fuzz $(if $(SECONDS),$(SECONDS),$$(($(MINUTES) * 60))) $(TARGETS)

test-asan: deps
	@scripts/test-sanitized address

test-tsan: deps
	@scripts/test-sanitized thread

# A thousand streams at a time; everything going wrong beside two thousand; upgrades under load.
soak: build
	@scripts/endure $(WEIR) soak $(MINUTES)

chaos: build
	@scripts/endure $(WEIR) chaos $(MINUTES)

upgrades: build
	@scripts/endure $(WEIR) upgrades $(COUNT)

# Messages that two parsers could read differently, through weir, nginx and HAProxy.
compare-desync: build
	@bench/install-peers
	python3 Tests/Desync/compare.py $(WEIR) docs/desynchronisation.md

clean:
	rm -rf .build
