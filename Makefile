# `make` lists the targets. Everything runs from .venv, which `make install` fills.

.DEFAULT_GOAL := help
SHELL := /bin/sh
BIN := .venv/bin
STAMP := .venv/installed
PYTHONS := $(or $(PYTHON),python3 python3.13 python3.12 python3.11)

# What a caller gives reaches the shell as a variable, never as text of the command.
STEPS ?= 1
NAME ?=
RANGE ?= main..HEAD
SESSIONS ?= 1000000
FEEDS ?= 10000
FILE ?=
override STEPS := $(value STEPS)
override NAME := $(value NAME)
override RANGE := $(value RANGE)
override SESSIONS := $(value SESSIONS)
override FEEDS := $(value FEEDS)
override FILE := $(value FILE)
export STEPS NAME RANGE SESSIONS FEEDS FILE

# pyright comes with pip and is pinned: it need not look for a newer one.
export PYRIGHT_PYTHON_IGNORE_WARNINGS := 1

SQL_QUERIES := $(filter-out sql/queries/table.%,$(wildcard sql/queries/*.sql))
SQL_SQLITE := $(filter %.sqlite.sql,$(SQL_QUERIES)) sql/migrations/sqlite
SQL_POSTGRES := $(filter %.postgres.sql,$(SQL_QUERIES)) sql/migrations/postgres
# The dialects indent ON CONFLICT ... DO UPDATE differently: common files keep to PostgreSQL's way.
# (The option replaces the list of .sqlfluff, so that stands here too.)
JUDGED_ONCE := references.qualification,aliasing.self_alias.column,ambiguous.order_by,layout.indent
IMPORT_QUERIES := $(wildcard sql/import/*/*.sql)
IMPORT_SQLITE := $(filter-out %.postgres.sql,$(IMPORT_QUERIES))
IMPORT_POSTGRES := $(filter-out %.sqlite.sql,$(IMPORT_QUERIES))
SQL_COMMON := $(filter-out %.sqlite.sql %.postgres.sql,$(SQL_QUERIES))

.PHONY: help install run demo test lint fmt type sql-lint check prepare release-sql review-sql mutate-sql schema check-schema \
	migrate rollback status backup restore new-migration bench-overhead bench-startup bench-voice bench-feeds clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: $(STAMP) ## Make .venv with everything in it, pinned (PYTHON=python3.12 to choose one)

$(STAMP): pyproject.toml constraints.txt
	@if [ ! -x $(BIN)/python ]; then \
		for python in $(PYTHONS); do \
			if $$python -c 'import sys, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
				echo "Making .venv with $$($$python --version)"; \
				$$python -m venv .venv && break; \
				echo "$$python could not make .venv, see above" >&2; exit 1; \
			fi; \
		done; \
	fi
	@[ -x $(BIN)/python ] || { \
		echo "pwrbot needs Python 3.11 or newer, with venv; none of these is: $(PYTHONS)." >&2; \
		echo "Install one, or name it: make install PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(BIN)/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo ".venv has a Python older than 3.11: remove it with 'make clean', then 'make install'" >&2; exit 1; }
	@echo "Installing what constraints.txt pins; this takes a minute or so"
	@PIP_CONSTRAINT=constraints.txt PIP_BUILD_CONSTRAINT=constraints.txt PIP_DISABLE_PIP_VERSION_CHECK=1 \
		$(BIN)/python -m pip install --quiet --editable '.[test,dev,bench]' --constraint constraints.txt
	@touch $@

run: $(STAMP) ## Start the bot (settings: .env.example)
	@exec $(BIN)/pwrbot run

demo: $(STAMP) ## Watch the bot work on a community of its own: no token, no server
	@exec $(BIN)/pwrbot demo

test: $(STAMP) ## Run every test, on SQLite and on a PostgreSQL of its own
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist worksteal

lint: $(STAMP) ## Check the Python code's style and format
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

fmt: $(STAMP) ## Format the Python code and mend what can be mended
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

type: $(STAMP) ## Check the types, those of the data layer by two checkers
	$(BIN)/pyright
	$(BIN)/mypy

sql-lint: $(STAMP) ## Check the SQL's style, each file as the engines that read it
	$(BIN)/sqlfluff lint --disable-progress-bar --dialect sqlite $(SQL_SQLITE)
	$(BIN)/sqlfluff lint --disable-progress-bar --dialect sqlite --exclude-rules $(JUDGED_ONCE) $(SQL_COMMON)
	$(BIN)/sqlfluff lint --disable-progress-bar --dialect postgres $(SQL_COMMON) $(SQL_POSTGRES)
	$(BIN)/sqlfluff lint --disable-progress-bar --dialect sqlite --exclude-rules $(JUDGED_ONCE) $(IMPORT_SQLITE)
	$(BIN)/sqlfluff lint --disable-progress-bar --dialect postgres $(IMPORT_POSTGRES)
	$(BIN)/squawk sql/migrations/postgres/*.sql

check: $(STAMP) ## Check every query on both engines, or on what is recorded of PostgreSQL
	$(BIN)/python -m tools.postgres --optional -- $(BIN)/pwrbot sql check

prepare: $(STAMP) ## Write sql/prepared/ anew: what both engines say of every query
	$(BIN)/python -m tools.postgres -- $(BIN)/pwrbot sql prepare

release-sql: $(STAMP) ## Keep this version's statements, for the next one to be held against
	$(BIN)/python -m tools.postgres -- $(BIN)/pwrbot sql release

review-sql: $(STAMP) ## Say what a change of SQL means, in Markdown (RANGE=main..HEAD)
	@$(BIN)/python -m tools.postgres --optional -- $(BIN)/pwrbot sql review "$$RANGE"

mutate-sql: $(STAMP) ## Break the SQL and its classes in many ways: the check finds each
	$(BIN)/python -m tools.postgres -- $(BIN)/python -m tools.mutate_sql

schema: $(STAMP) ## Write sql/schema/ anew from the migrations
	$(BIN)/python -m tools.postgres -- $(BIN)/pwrbot schema

check-schema: $(STAMP) ## Fail where sql/schema/ is not what the migrations make
	$(BIN)/python -m tools.postgres -- $(BIN)/pwrbot schema --check

migrate: $(STAMP) ## Bring the database up to date
	@$(BIN)/pwrbot migrate

rollback: $(STAMP) ## Take back the last migration (STEPS=n: the last n)
	@$(BIN)/pwrbot rollback --steps "$$STEPS"

status: $(STAMP) ## Say which migrations the database has
	@$(BIN)/pwrbot status

backup: $(STAMP) ## Write a backup into BACKUP_DIR, while the bot runs or not
	@$(BIN)/pwrbot backup

restore: $(STAMP) ## Bring a backup back into an empty database (FILE=backup)
	@[ -n "$$FILE" ] || { echo "usage: make restore FILE=backup" >&2; exit 2; }
	@$(BIN)/pwrbot restore -- "$$FILE"

new-migration: $(STAMP) ## Make the four files of a migration (NAME=what_it_does)
	@[ -n "$$NAME" ] || { echo "usage: make new-migration NAME=what_it_does" >&2; exit 2; }
	@$(BIN)/pwrbot new-migration -- "$$NAME"

bench-overhead: $(STAMP) ## Measure the query layer against raw drivers, aiosql and SQLAlchemy
	$(BIN)/python -m bench.overhead

bench-startup: $(STAMP) ## Measure what the start spends on reading, binding and checking queries
	$(BIN)/python -m bench.startup

bench-voice: $(STAMP) ## Measure voice answers beside pwr-bot's (SESSIONS=1000000 to 10000000)
	@$(BIN)/python -m bench.voice --sessions "$$SESSIONS"

bench-feeds: $(STAMP) ## Measure the polling of feeds beside the library reader (FEEDS=1000)
	$(BIN)/python -m bench.feeds --feeds "$$FEEDS"

clean: ## Remove what the tools made, .venv too; data/ stays
	rm -rf .venv .pytest_cache .ruff_cache .hypothesis build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
