#!/bin/sh
# Fetches and builds what the Node.js, Java and kcat acceptance tests need; the tests do it themselves when it was not done.
# Usage: tests/clients/setup.sh
set -eu
cd "$(dirname "$0")"
(cd node && npm install --no-package-lock --no-audit --no-fund)
(cd java && { mvn --batch-mode -q -o dependency:copy-dependencies compile || mvn --batch-mode -q dependency:copy-dependencies compile; })
(cd kafka_programs/node && npm install --no-package-lock --no-audit --no-fund)
(cd kafka_programs/java/seed_runner && { mvn --batch-mode -q -o dependency:copy-dependencies || mvn --batch-mode -q dependency:copy-dependencies; })
(cd aws_programs/node && npm install --no-package-lock --no-audit --no-fund)
(cd aws_programs/java && { mvn --batch-mode -q -o dependency:copy-dependencies || mvn --batch-mode -q dependency:copy-dependencies; })
command -v kcat >/dev/null || apt-get install --yes --no-install-recommends kcat || echo "kcat is not installed: its tests are skipped" >&2
command -v prometheus >/dev/null || monitoring/fetch.sh || echo "prometheus is not there: its tests are skipped" >&2
command -v rabbitmqadmin >/dev/null || management/fetch.sh || echo "rabbitmqadmin is not there: its tests are skipped" >&2
