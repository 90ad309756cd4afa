# Set-up is part of every target: what is missing is installed with apt-get (as root, or through sudo).

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help demo build test fuzz bench clean

help: ## What there is
	@sed -nE 's/^([a-z]+):[^#]*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

demo: ## A private Postgres with sample data, pgveil in front of it; ARGS="--once --port 7000"
	@.ci/packages build postgres
	@cargo run --quiet --release --locked -p pgveil -- demo $(ARGS)

build: ## The release binary
	@.ci/packages build
	cargo build --release --locked -p pgveil

test: ## Formatting, clippy, all tests
	@.ci/packages build postgres drivers rust
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	cargo test --workspace --exclude pgveil-tests --locked
	@# With what the tests print: seeds, and the shares of statements that are judged and refused.
	cargo test -p pgveil-tests --locked -- --show-output
	@if cargo deny --version >/dev/null 2>&1; then cargo deny check; fi

fuzz: ## Twin databases, random statements and texts, until Ctrl-C
	@.ci/packages build postgres
	@# All at once: none of them ends.
	PGVEIL_FUZZ=1 cargo test --release --locked -p pgveil-tests --test suite -- twins:: fuzz:: total:: --nocapture --test-threads 8

bench: ## Beside PgBouncer and the direct connection; QUICK=1 for a glance, WRITE=1 for docs/benchmarks.md
	@.ci/packages build postgres bench
	@cargo run --quiet --release --locked -p pgveil-benches -- $(if $(QUICK),--quick) $(if $(WRITE),--write) $(ARGS)

clean: ## Removes what was built, and the caches of demo and tests
	cargo clean
	rm -rf "$${XDG_CACHE_HOME:-$$HOME/.cache}/pgveil"
	if [ "$$(id -u)" = 0 ]; then rm -rf /var/cache/pgveil; fi
