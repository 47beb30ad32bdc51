# Two commands: `make demo` shows the walkthrough happening, `make test` runs everything CI runs.

.DEFAULT_GOAL := help
SHELL := bash

.PHONY: help demo test bench docs codegen
help:
	@echo "make demo     build, start the sandbox, and run the walkthrough with Terraform: plan, apply, proof, destroy"
	@echo "make test     everything that CI runs"
	@echo "make bench    sizes and times, printed as ratios against what runs beside them"
	@echo "make docs     write docs/ from the schema and the templates"
	@echo "make codegen  write the generated protocol code"

demo:
	@scripts/demo

test:
	@scripts/ci

bench:
	@scripts/bench

docs:
	@cargo xtask docs

codegen:
	@cargo xtask codegen
