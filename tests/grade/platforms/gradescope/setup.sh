#!/bin/bash
# Gradescope runs this once, as root, while it builds the autograder's image.
# AUTOGRADER is the platform's directory (/autograder).
set -e
export DEBIAN_FRONTEND=noninteractive
apt-get update
apt-get install -y --no-install-recommends qemu-system-x86 bats jq python3
# Each submission then starts from a machine that has booted. Without it each boots one, which is only slower.
grader=${AUTOGRADER:-/autograder}/source/grader
"$grader/tests/grade/sandbox/vm" snapshot "$grader/build/grade/vm-package" || echo "no snapshot: each submission boots the machine"
