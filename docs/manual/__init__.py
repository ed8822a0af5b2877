"""What makes docs/compatibility.md and docs/pytc.8: ``python -m docs.manual`` writes them anew."""
