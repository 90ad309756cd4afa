# Set-up is part of every target: what is missing is installed with apt-get (as root, or through sudo).

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help demo build test test-clients test-regress test-servers soak fuzz bench clean

help: ## What there is
	@sed -nE 's/^([a-z-]+):[^#]*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 22

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
	@# Always the whole workspace: dependencies built for a part of it have other features, and are built once more.
	cargo test --workspace --locked --lib --bins --test judge
	cargo test --workspace --locked --doc
	@# With what the tests print: seeds, and the shares of statements that are judged and refused.
	@# More at once than there are cores: many of them wait.
	cargo test --workspace --locked --test suite -- --show-output --test-threads $$((2 * $$(nproc)))
	@if cargo deny --version >/dev/null 2>&1; then cargo deny check; fi

test-clients: ## Real clients: drivers, ORMs, dbt, JDBC, ODBC, Node.js, psql, pgbench, pipelines of libpq
	@.ci/packages build postgres drivers clients
	cargo test --workspace --locked --test clients -- --show-output

test-regress: ## PostgreSQL's own regression and isolation tests through pgveil; PGVEIL_REGRESS_DIR=sources
	@.ci/packages build postgres regress
	cargo test --workspace --locked --test regress -- --show-output

test-servers: ## PostgreSQL 14 to 18, each with logins, twins, attacks and drivers in short
	@.ci/packages build postgres drivers servers
	@# Each takes minutes: what is said is shown as it comes. PGVEIL_SERVERS=17,18 for some of them.
	cargo test --workspace --locked --test servers -- --nocapture

soak: ## 5,000 idle and 200 active clients for ten minutes (MINUTES=1 for a glance); values of 1 GB
	@.ci/packages build postgres
	@# The proxy is a process of its own, so that its memory is too. The whole workspace: the test's dependencies are the same then.
	cargo build --release --workspace --locked --bins
	PGVEIL_SOAK_MINUTES=$(or $(MINUTES),10) cargo test --release --workspace --locked --test soak -- --show-output
	PGVEIL_FUZZ=1 cargo test --release --workspace --locked --test suite -- wire::memory::large --show-output

fuzz: ## Twin databases, random statements and texts, until Ctrl-C
	@.ci/packages build postgres
	@# All at once: none of them ends.
	PGVEIL_FUZZ=1 cargo test --release --workspace --locked --test suite -- twins:: fuzz:: total:: wire::differential:: --nocapture --test-threads 8

bench: ## Beside PgBouncer and the direct connection; QUICK=1 for a glance, WRITE=1 for docs/benchmarks.md
	@.ci/packages build postgres bench
	@cargo run --quiet --release --locked -p pgveil-benches -- $(if $(QUICK),--quick) $(if $(WRITE),--write) $(ARGS)

clean: ## Removes what was built, and the caches of demo and tests
	cargo clean
	rm -rf "$${XDG_CACHE_HOME:-$$HOME/.cache}/pgveil"
	if [ "$$(id -u)" = 0 ]; then rm -rf /var/cache/pgveil; fi
