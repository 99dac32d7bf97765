"""Grading what nobody trusts: collect, run in a sandbox, decide elsewhere, report."""
