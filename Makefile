# Two commands do everything on a fresh Debian 12: `make run` and `make test`. Both install what is missing first.
PRESET   ?= release
BUILD    := build/$(PRESET)
DATA     ?= $(CURDIR)/data
LISTEN   ?= 127.0.0.1:8080
FUZZTIME ?= 60

# A warm ccache is shared between checkouts; nothing depends on there being one.
export CCACHE_BASEDIR := $(CURDIR)
export CCACHE_NOHASHDIR := 1

.PHONY: run build test bench bench-gateway fmt lint fuzz simulate clean setup configure page

run: build
	build/charter serve --data "$(DATA)" --listen "$(LISTEN)" $(if $(READY),--ready "$(READY)")

build: configure
	cmake --build $(BUILD) --target charter
	ln -sfn $(PRESET)/src/cli/charter build/charter

test: configure
	cmake --build $(BUILD)
	ln -sfn $(PRESET)/src/cli/charter build/charter
	ctest --test-dir $(BUILD) --output-on-failure --timeout 900
	tests/e2e/run.sh

bench: configure
	cmake --build $(BUILD) --target charter charter_bench
	ln -sfn $(PRESET)/src/cli/charter build/charter
	$(BUILD)/bench/charter_bench --out build/bench.json

# What a gateway adds to a provider's answer. A peer takes part where its program is installed: nginx from
# Debian; the others by the variables that bench/gateway/targets.cc names.
bench-gateway: configure
	cmake --build $(BUILD) --target charter charter_gateway_bench
	ln -sfn $(PRESET)/src/cli/charter build/charter
	$(BUILD)/bench/charter_gateway_bench run --charter build/charter --out build/bench_gateway.json

# Each fuzz target for FUZZTIME seconds, from the corpus that the ordinary tests replay.
fuzz: setup
	cmake --preset fuzz
	tools/fuzz.sh build/fuzz $(FUZZTIME)

# Seeded histories of small houses, every invariant of the governance core checked after every step.
HISTORIES ?= 1000000
simulate: configure
	cmake --build $(BUILD) --target simulate
	$(BUILD)/tests/simulator/simulate --histories $(HISTORIES) --jobs $$(nproc)

fmt:
	git ls-files 'src/*.h' 'src/*.cc' 'tests/*.cc' 'bench/*.cc' 'tools/*.cc' | xargs clang-format-19 -i

lint: configure
	git ls-files 'src/*.cc' | grep -v _fuzz.cc | xargs -P 2 -n 4 clang-tidy-19 --quiet -p $(BUILD)

clean:
	rm -rf build

setup:
	setup/install.sh

page: setup
	tools/build_page.sh $(BUILD)/web_dist

configure: page
	cmake --preset $(PRESET)
