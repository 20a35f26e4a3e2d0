"""Declarations of other brokers, read into our own form, and that form declared on a running broker."""
