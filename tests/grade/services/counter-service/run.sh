#!/bin/sh
# counter-service, on port 8080: run.sh [THREADS]
cd "$(dirname "$0")" && exec ./counter-service 8080 "${1:-4}"
