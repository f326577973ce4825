# Everything is installed into this folder (.venv and .local); nothing needs Docker, sudo or an account.

# The Python to build on. Once .venv stands it is used again, unless another is asked for: make PYTHON=python3.12 ...
ifeq ($(origin PYTHON),undefined)
PYTHON := $(if $(wildcard .venv/.installed),$(wildcard .venv/bin/python))
endif
ifeq ($(PYTHON),)
PYTHON := python3
endif

VENV := .venv/bin
RUN := $(VENV)/python -m
# SAM CLI keeps its settings in this folder, too, and reports to nobody.
SAM := SAM_CLI_TELEMETRY=0 __SAM_CLI_APP_DIR="$(CURDIR)/.local/sam" $(RUN) samcli

# What make build builds for; a layer has bytecode only if .venv is of the same Python.
RUNTIME := python3.13
ARCHITECTURE := arm64

.DEFAULT_GOAL := help
.PHONY: help tools host-build run demo time-machine test e2e stripe-contract check format build logs lock openapi states simulate crash-points mutations mutants \
	verify-log reconcile redrive events replay-events clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

run: tools ## Start the local cloud, deploy into it, play the demo, stay up until Ctrl-C
	@$(RUN) local.cloud run

demo: tools ## The same, but leave after the demo; fails if a booking ends where it should not
	@$(RUN) local.cloud demo

time-machine: tools ## One event from 60 days before to 120 days after, offline, in under a minute
	@PYTHONPATH=layers/holdfast $(RUN) local.time_machine

test: tools host-build ## Every test: unit, integration, template, packaging, simulation, end to end
	@echo "End to end, against the template deployed into the local cloud:"
	@$(RUN) pytest tests/e2e
	@echo "The proof: invariants, crash points, orders of events, histories:"
	@$(RUN) pytest tests/simulation --numprocesses 2
	@echo "Everything else:"
	@$(RUN) pytest --ignore=tests/e2e --ignore=tests/simulation --numprocesses 2 --cov --cov-report=term

crash-points: tools ## Everything that can go wrong at every call of every flow, on all cores (ARGS='"cancel late"' for one)
	@PYTHONPATH=.:layers/holdfast $(RUN) tests.simulation.run_crash_points $(ARGS)

e2e: tools host-build ## Only the end-to-end tests, against the template deployed into the local cloud
	@$(RUN) pytest tests/e2e

stripe-contract: tools ## Check the simulator against Stripe's test mode: STRIPE_SECRET_KEY=sk_test_... make stripe-contract
	@$(RUN) pytest -p tests.simulator.against_stripe --against-stripe tests/simulator/test_reference_*.py -v $(ARGS)

check: tools ## Formatting, lint, types, the template, and what is generated: all up to date?
	@echo "ruff format" && $(RUN) ruff format --check --quiet .
	@echo "ruff check" && $(RUN) ruff check --quiet .
	@echo "mypy" && $(RUN) mypy
	@echo "sam validate --lint" && $(SAM) validate --lint --region us-east-1
	@echo "lock files" && $(RUN) local.lock --check
	@echo "openapi" && $(RUN) local.openapi
	@echo "states" && $(RUN) local.states

format: tools ## Format the code and mend what ruff can mend
	@$(RUN) ruff check --fix --quiet . ; $(RUN) ruff format .

logs: tools ## Fetch what the functions of the running local cloud have logged into .local/logs/functions
	@$(RUN) local.cloud logs

build: tools ## Build for AWS into .aws-sam, for sam deploy (RUNTIME=python3.13 ARCHITECTURE=arm64)
	@LAYER_UV="$(CURDIR)/$(VENV)/uv" LAYER_PYTHON="$(CURDIR)/$(VENV)/python" \
		LAYER_RUNTIME=$(RUNTIME) LAYER_ARCHITECTURE=$(ARCHITECTURE) \
		$(SAM) build --parameter-overrides PythonRuntime=$(RUNTIME) Architecture=$(ARCHITECTURE)
	@$(VENV)/python -c 'import sys; v = "python%d.%d" % sys.version_info[:2]; v == "$(RUNTIME)" or print("\nThe layers have no bytecode, so cold starts take twice as long: .venv is of %s. For bytecode: make build PYTHON=$(RUNTIME)" % v)'

lock: tools ## Choose new versions and write every lock file
	@$(RUN) local.lock

openapi: tools ## Write the OpenAPI document from the functions
	@$(RUN) local.openapi --write

states: tools ## Draw docs/states.md from the tables in booking.py
	@$(RUN) local.states --write

simulate: tools ## Random histories on all cores: make simulate N=1000 (FROM=0, OPERATIONS=100000), or SEED=42 to be told one
	@PYTHONPATH=layers/holdfast $(RUN) tests.simulation --histories $(or $(N),1000) --first $(or $(FROM),0) \
		$(if $(OPERATIONS),--operations $(OPERATIONS)) $(if $(SEED),--seed $(SEED)) $(ARGS)

mutations: tools ## Break the protocol in each of the listed ways, and say which test noticed (ARGS='"contest"' for some)
	@$(RUN) tests.mutations $(ARGS)

mutants: tools ## mutmut over the pure modules: is every change of theirs noticed? (ARGS="money coverage" for some modules)
	@$(RUN) tests.mutants $(ARGS)

verify-log: tools ## Check the hash chain of every booking's log, and derive every amount again from it (ARGS="--stack NAME" for one on AWS)
	@PYTHONPATH=layers/holdfast $(RUN) operate.verify_log $(ARGS)

reconcile: tools ## Compare Stripe with the book: make reconcile ARGS="--from 2026-11-01 --to 2026-11-30" (--mend, --report, --json, --stack NAME)
	@PYTHONPATH=layers/holdfast $(RUN) operate.reconcile $(ARGS)

redrive: tools ## Give dead letters back: make redrive QUEUE=steps or QUEUE=stripe-events (ARGS="--look")
	@PYTHONPATH=layers/holdfast $(RUN) operate.redrive $(QUEUE) $(ARGS)

events: tools ## Print domain events as they happen (ARGS="--json", ARGS="--stack NAME" for one on AWS)
	@PYTHONPATH=layers/holdfast $(RUN) operate.watch_events $(ARGS)

replay-events: tools ## Publish lines of the log once more: make replay-events ARGS="--from TIME" (ARGS=--help)
	@PYTHONPATH=layers/holdfast $(RUN) operate.replay_events $(ARGS)

host-build: tools
	@$(RUN) local.cloud build

clean: ## Remove everything that the commands made
	rm -rf .venv .local .aws-sam .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

tools:
	@command -v "$(PYTHON)" >/dev/null || { echo "$(PYTHON) was not found. Choose a Python of 3.11, 3.12, 3.13 or 3.14: make PYTHON=python3.12 ..." >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; v = sys.version_info[:2]; (3, 11) <= v <= (3, 14) or sys.exit("Holdfast needs Python 3.11, 3.12, 3.13 or 3.14, but %s is %d.%d. Choose another: make PYTHON=python3.12 ..." % (sys.executable, v[0], v[1]))'
	@"$(PYTHON)" local/bootstrap.py
