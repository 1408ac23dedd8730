"""Benchmarks a user runs: the routing core alone, the proxy beside its peers, a canary from first to last weight."""
