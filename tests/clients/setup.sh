#!/bin/sh
# Fetches and builds what the Node.js and Java acceptance tests need; the tests do it themselves when it was not done.
# Usage: tests/clients/setup.sh
set -eu
cd "$(dirname "$0")"
(cd node && npm install --no-package-lock --no-audit --no-fund)
(cd java && { mvn --batch-mode -q -o dependency:copy-dependencies compile || mvn --batch-mode -q dependency:copy-dependencies compile; })
