#!/bin/sh
# Unpacks Debian's Prometheus into installed/ beside this file: its programs, no service, nothing on the machine is changed.
set -eu
cd "$(dirname "$0")"
[ -x installed/usr/bin/prometheus ] && exit 0
rm -rf download && mkdir download
cd download
apt-get download prometheus || { apt-get update && apt-get download prometheus; }
dpkg -x prometheus_*.deb unpacked
mkdir -p ../installed/usr/bin
mv unpacked/usr/bin/prometheus unpacked/usr/bin/promtool ../installed/usr/bin/
cd .. && rm -rf download
