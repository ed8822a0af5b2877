"""The golden record: what pytc sends, prints and returns for each line of tests/compat/lines and tests/golden/commands.

``python -m tests.golden`` writes it into ``records/KERNEL``, and ``test_golden.py`` compares. See docs/testing.md.
"""
