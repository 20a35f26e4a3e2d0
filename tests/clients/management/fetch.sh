#!/bin/sh
# Unpacks rabbitmqadmin out of Debian's RabbitMQ package into installed/ beside this file: one script, no server, nothing is installed.
set -eu
cd "$(dirname "$0")"
[ -x installed/rabbitmqadmin ] && exit 0
rm -rf download && mkdir download
cd download
apt-get download rabbitmq-server || { apt-get update && apt-get download rabbitmq-server; }
dpkg -x rabbitmq-server_*.deb unpacked
found=$(find unpacked -name rabbitmqadmin -path '*/www/cli/*' | head -n 1)
mkdir -p ../installed
cp "$found" ../installed/rabbitmqadmin
chmod +x ../installed/rabbitmqadmin
cd .. && rm -rf download
