# make demo     the main job, in a network namespace of its own (root)
# make test     the first tier: ruff, mypy, pytest on this kernel and on Linux 5.10 and 7.2 (root)
# make test-all all tests, also those that are marked slow, on all kernels (root)
# make check    the part of the first tier that needs no root
# make docs     docs/compatibility.md and docs/man, from the grammar and its help texts; docs/python.md, from docstrings;
#               then the site, in build/site, whose links it checks
# make test-kernels  on Linux 5.10, 6.1, 6.12 and 7.2 as user-mode Linux, but for tests that are marked slow;
#               KERNELS="5.10 7.2" ARGS="-k timer" for some of it (root)
# make tc-testing    the kernel's own tests of tc, on Linux 7.2 and 6.12 as user-mode Linux, by tc and by pytc (root)
# make verifier  the table of the verifier's messages against the kernel's sources, and reports about its own negative
#               tests (root)
# make test-vm  on Debian's 6.1 and 6.12 in QEMU, what user-mode Linux lacks; KERNELS, ARGS (root)
# make test-compilers, make test-pythons  all test objects by each compiler; unit tests on each Python
#
# Each makes .venv and installs what it needs. See README.md.

VENV := .venv
OBJECTS := examples/bpf
LINT = $(VENV)/bin/ruff check . && $(VENV)/bin/ruff format --check --quiet . && $(VENV)/bin/mypy && $(VENV)/bin/vulture
PYTEST = $(VENV)/bin/python -m pytest -n auto --dist loadfile --no-loadscope-reorder --durations=25
# Thousands of processes import pytc: only the first compiles it.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: verifier demo docs test check test-all test-compilers test-kernels test-pythons test-vm bench objects clean tc-testing

demo:
	@.ci/prepare demo $(VENV)
	@$(VENV)/bin/python examples/demo.py

test:
	@.ci/prepare test $(VENV)
	@$(LINT)
	@.ci/prepare kernels $(VENV)
	@$(VENV)/bin/python .ci/uml.py 5.10 7.2 -- tests/kernel/test_kernel_features.py || [ $$? = 77 ]  # 77: it said why
	@PYTC_KERNEL_TESTS=1 $(PYTEST) -m "not slow"

test-all: test-compilers test-pythons
	@.ci/prepare test $(VENV)
	@$(LINT)
	@.ci/prepare kernels $(VENV)
	@$(VENV)/bin/python .ci/uml.py || [ $$? = 77 ]  # 77: it has said why this machine cannot
	@.ci/prepare vm $(VENV)
	@$(VENV)/bin/python .ci/vm.py || [ $$? = 77 ]
	@PYTC_KERNEL_TESTS=1 PYTC_FUZZ_COUNT=$${PYTC_FUZZ_COUNT:-100000} $(PYTEST) --hypothesis-profile=thorough

check:
	@.ci/prepare check $(VENV)
	@$(LINT)
	@$(PYTEST) -m "not slow" tests/unit tests/fuzz tests/test_architecture.py

test-kernels:
	@.ci/prepare kernels $(VENV)
	@$(VENV)/bin/python .ci/uml.py $(KERNELS) -- -m "not slow" $(ARGS)

# The kernel's own tests of tc, by the newest tc and by pytc; KERNELS=7.2 ARGS="-k flower" for some.
tc-testing:
	@.ci/prepare kernels $(VENV)
	@$(VENV)/bin/python .ci/toolchains.py tc-newest
	@$(VENV)/bin/python .ci/tc_testing.py $(KERNELS) $(ARGS)

verifier:
	@.ci/prepare check $(VENV)
	@$(VENV)/bin/python .ci/verifier_messages.py
	@$(VENV)/bin/python .ci/verifier_selftests.py

test-vm:
	@.ci/prepare vm $(VENV)
	@$(VENV)/bin/python .ci/vm.py $(KERNELS) $(ARGS)

# Compilers and Pythons that "make test" leaves out; ARGS="3.14" for one Python.
test-compilers:
	@.ci/prepare test $(VENV)
	@$(VENV)/bin/python .ci/toolchains.py all
	@PYTC_TESTS=all $(VENV)/bin/python -m pytest tests/compat/bpf/loader/test_compilers.py \
		tests/kernel/bpf/loader/test_newer_objects.py tests/kernel/bpf/loader/test_gcc.py

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
	@.ci/prepare docs $(VENV)
	@$(VENV)/bin/python -m docs.manual
	@NO_MKDOCS_2_WARNING=1 $(VENV)/bin/python -m mkdocs build --quiet --strict

objects:
	@$(MAKE) -C $(OBJECTS)

clean:
	rm -rf $(VENV) build dist src/*.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
