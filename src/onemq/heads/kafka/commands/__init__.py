"""Requests by family: a request in, engine calls, an answer out."""
