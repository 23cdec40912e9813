#!/bin/sh
# external-service, on port 8080: run.sh URL-OF-COUNTER-SERVICE
cd "$(dirname "$0")" && exec ./external-service 8080 "$1"
