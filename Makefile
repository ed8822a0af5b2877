# make demo     the main job, in a network namespace of its own (root)
# make test     ruff, mypy, pytest, on the real kernel (root)
# make check    the part of it that needs no root
# make docs     docs/compatibility.md and docs/pytc.8, from the grammar and its help texts
# make test-compilers, make test-pythons  all test objects by each compiler; unit tests on each Python
# make test-vm  the loader on Debian's 6.1 kernel in a VM; ARGS="-k timer" for some of it (root)
#
# Each makes .venv and installs what it needs. See README.md.

VENV := .venv
OBJECTS := examples/bpf

.PHONY: demo docs test check test-compilers test-pythons test-vm bench objects clean

demo:
	@.ci/prepare demo $(VENV)
	@$(VENV)/bin/python examples/demo.py

test:
	@.ci/prepare test $(VENV)
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check --quiet .
	@$(VENV)/bin/mypy
	@PYTC_KERNEL_TESTS=1 PYTC_FUZZ_COUNT=$${PYTC_FUZZ_COUNT:-100000} $(VENV)/bin/python -m pytest
	@.ci/prepare vm $(VENV)
	@$(VENV)/bin/python .ci/vm.py || [ $$? = 77 ]  # 77: it has said why this machine cannot

check:
	@.ci/prepare check $(VENV)
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check --quiet .
	@$(VENV)/bin/mypy
	@$(VENV)/bin/python -m pytest tests/unit tests/fuzz tests/test_architecture.py

test-vm:
	@.ci/prepare vm $(VENV)
	@$(VENV)/bin/python .ci/vm.py $(ARGS)

# Compilers and Pythons that "make test" leaves out; ARGS="3.14" for one Python.
test-compilers:
	@.ci/prepare test $(VENV)
	@$(VENV)/bin/python .ci/toolchains.py all
	@PYTC_TESTS=all $(VENV)/bin/python -m pytest tests/compat/test_compilers.py tests/kernel/bpf/test_newer_objects.py \
		tests/kernel/bpf/test_gcc.py

test-pythons:
	@.ci/prepare check $(VENV)
	@$(VENV)/bin/python .ci/pythons.py $(ARGS)

bench:
	@.ci/prepare test $(VENV)
	@$(VENV)/bin/python bench/command_line.py
	@$(VENV)/bin/python bench/batch.py
	@$(VENV)/bin/python bench/loader.py
	@$(VENV)/bin/python bench/maps.py
	@$(VENV)/bin/python bench/prog_run.py

docs:
	@.ci/prepare check $(VENV)
	@$(VENV)/bin/python -m manual

objects:
	@$(MAKE) -C $(OBJECTS)

clean:
	rm -rf $(VENV) build dist src/*.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
