"""/v1/: onemq's own API for operators and for its command line, over all protocols (docs/admin-api.md)."""
