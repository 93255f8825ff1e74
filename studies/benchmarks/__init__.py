"""Benchmarks: how fast, beside what, on which machine. ``astrobrian bench`` runs them."""
