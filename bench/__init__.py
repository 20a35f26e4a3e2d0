"""Benchmarks: each runs the real peer in the same run, with the same load program."""
