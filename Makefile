# `make` lists the targets. Each runs on a bare machine (Debian 12, Node >= 20.19, JDK 17 and Maven for the real Hadoop).
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
NODE ?= node
TSC := node_modules/.bin/tsc
MOCHA := node_modules/.bin/mocha
SOURCES := '{core,hadoop,runtime,api,sql,am,container,client,tools,bench,examples,test}/**/*.ts'

.PHONY: help
help: ## this list
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):[^#]*## (.*)/  make \1\t\2/' | expand -t 24

node_modules/.package-lock.json: package-lock.json
	npm ci --no-audit --no-fund --loglevel=error
	@touch $@

.PHONY: compile
compile: node_modules/.package-lock.json ## compile every room (the compiler also checks who imports whom)
	$(TSC) -b

.PHONY: build
build: compile examples/data/.ready ## compile, bundle, make the runtime archive for YARN and the example’s input
	$(NODE) dist/tools/build-runtime.js

.PHONY: kernels
kernels: compile ## WebAssembly of the byte kernels, into the runtime's sources
	$(NODE) dist/tools/build-kernels.js

.PHONY: lint
lint: compile ## forbidden imports, layout, type-aware lint
	$(NODE) dist/tools/check-layers.js
	$(NODE) dist/tools/build-kernels.js --check
	node_modules/.bin/prettier --check --log-level warn $(SOURCES)
	node_modules/.bin/oxlint --type-aware core hadoop runtime api sql am container client tools bench

.PHONY: format
format: node_modules/.package-lock.json ## lay the sources out
	node_modules/.bin/prettier --write --log-level warn $(SOURCES)

.PHONY: unit
unit: build ## unit and property tests (seconds)
	$(MOCHA) --config test/unit/.mocharc.json

.PHONY: properties
properties: build ## the unit suite with other random cases each time, and more of them (minutes)
	WEFT_PROPERTY_SEED=random WEFT_PROPERTY_RUNS=1000 $(MOCHA) --config test/unit/.mocharc.json --timeout 600000

.PHONY: it
it: build ## tests against a real pseudo-distributed Hadoop (minutes)
	$(MOCHA) --config test/integration/.mocharc.json

.PHONY: test
test: build lint ## everything CI runs; the last line counts
	$(NODE) dist/tools/run-tests.js

.PHONY: demo
demo: build examples/data/.ready ## the main job on real data in one process
	@$(NODE) bin/weft.mjs run examples/flight-delays.sql

.PHONY: demo-yarn
demo-yarn: build examples/data/.ready ## the same script on a two-node pseudo-distributed Hadoop, started and stopped here
	$(NODE) dist/tools/demo-yarn.js

.PHONY: bench
bench: build ## rows per core of every operator class and of whole jobs, beside the accepted figures (minutes; BENCH=join: some)
	@$(NODE) dist/bench/dataplane/main.js $(BENCH)

.PHONY: bench-yarn
bench-yarn: build examples/data/.ready ## submission times and memory on a pseudo-distributed Hadoop, medians of 5
	$(NODE) dist/bench/yarn/bench-yarn.js

.PHONY: fuzz
fuzz: compile ## a million hostile inputs to each of RPC frames, SASL, YARN's replies, credentials, REST bodies (30 minutes; N=20000: 1; SEED=…, ONLY=sasl,…)
	@$(NODE) --enable-source-maps dist/test/fuzz/main.js --inputs $(or $(N),1000000) --only '$(ONLY)' $(if $(SEED),--seed $(SEED))

.PHONY: memory-run
memory-run: build ## a join whose state outgrows its worker: RSS against the declared memory (20 minutes; ARGS='--minutes 4')
	$(NODE) dist/bench/memory/memory-run.js $(ARGS)

.PHONY: citizens
citizens: build ## every word of YARN on a real cluster, ROUNDS=10 times each: preemption, decommission, nodes, ResourceManager and masters killed (35 minutes; ROUNDS=1: 6; ONLY=preempted,…)
	@$(NODE) --enable-source-maps dist/test/citizens/main.js --rounds $(or $(ROUNDS),10) --only '$(ONLY)'

.PHONY: test-kerberos
test-kerberos: build ## jobs, tokens, proxy users, failures and mallory on a Kerberized Hadoop, at all three levels of protection (15 minutes; TOKEN_MINUTES=20: 35; installs a KDC)
	$(MOCHA) --config test/kerberos/.mocharc.json

.PHONY: peer-tests
peer-tests: build ## Flink's own table test programs against the SQL gateway (jars from Maven; ARGS="--filter '^join-'"; 10 minutes)
	test/peer-tests/extract.sh
	$(NODE) test/peer-tests/with-gateway.mjs $(ARGS)

.PHONY: autoscaler
autoscaler: build ## the autoscaler follows a load up and down on this machine, in threads and in processes (3 minutes)
	$(MOCHA) --config test/elastic/.mocharc.json

.PHONY: elastic
elastic: build ## containers follow a load up and down on a real cluster of four nodes: give-back, pauses, exactly-once, a plot (6 minutes)
	$(NODE) --enable-source-maps dist/test/elastic/elastic.js $(ARGS)

.PHONY: sim
sim: compile ## the control plane in a simulation: SEEDS=200 seeds of faults, or one with its transcript (SEED=17)
	@$(NODE) --enable-source-maps dist/test/sim/main.js $(if $(SEED),--seed $(SEED),--seeds $(or $(SEEDS),200))

.PHONY: sim-scale
sim-scale: compile ## 1,000 workers of 4 slots and 10,000 tasks in the simulator: what the master costs, against its limits (a minute)
	@$(NODE) --enable-source-maps dist/test/sim/scale-main.js

.PHONY: sim-mutants
sim-mutants: compile ## bugs planted in the simulator one at a time: how many the oracle finds (minutes)
	@$(NODE) --enable-source-maps dist/test/sim/mutants-main.js $(if $(SEEDS),--seeds $(SEEDS))

.PHONY: nexmark-check
nexmark-check: compile ## Nexmark's queries against the expected results, whole, with mini-batch and restored at another parallelism (2 minutes; QUERIES='q5 q18')
	$(NODE) dist/test/nexmark/nexmark-check.js $(QUERIES)

.PHONY: nexmark-bench
nexmark-bench: build ## Nexmark beside real Flink 2.3 (from Maven), events per CPU second (an hour; QUERIES='q0 q5' EVENTS=500000 PARALLELISM=1)
	@QUERIES='$(QUERIES)' EVENTS='$(EVENTS)' PARALLELISM='$(PARALLELISM)' $(NODE) dist/bench/nexmark/main.js

.PHONY: corruption
corruption: build ## damage at 2,000 random positions of a real checkpoint and savepoint: each must be found (1 minute)
	$(NODE) dist/test/corruption/corruption.js $(POSITIONS) $(SEED)

.PHONY: chaos-local
chaos-local: build ## alignment broken on purpose is found out; then exactly-once under 130 SIGKILLs of workers and master (15 minutes)
	$(NODE) dist/test/chaos/chaos-local.js --broken --workers 10 --masters 0 --rate 50000
	$(NODE) dist/test/chaos/chaos-local.js --workers 10 --masters 0 --rate 50000
	$(NODE) dist/test/chaos/chaos-local.js

.PHONY: chaos-yarn
chaos-yarn: build ## the same with 20 kills each on a pseudo-distributed Hadoop (10 minutes)
	$(NODE) dist/test/chaos/chaos-yarn.js

examples/data/.ready: dist/tools/prepare-example-data.js
	$(NODE) dist/tools/prepare-example-data.js

dist/tools/prepare-example-data.js: | compile

.PHONY: reference
reference: compile ## print docs/reference from the declarations
	$(NODE) dist/tools/print-reference.js

.PHONY: clean
clean: ## remove everything built
	rm -rf dist build examples/data
