"""What makes docs/compatibility.md and docs/pytc.8: ``python -m manual`` writes them anew."""
