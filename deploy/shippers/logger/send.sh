#!/bin/bash
# Sends what stands on standard input, a line an event, to an input of `protocol: tcp`: for scripts and for trying out.
# logger cuts at 1 KiB unless it is told otherwise.
set -euo pipefail
exec logger --server hecate.example.com --port 514 --tcp --octet-count --rfc5424 --size 64KiB --tag sysmon
