"""Benchmarks: what each station of a study costs, beside what a user would write otherwise; no timed tests."""
