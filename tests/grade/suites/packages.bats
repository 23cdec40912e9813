#!/usr/bin/env bats
# The packages for course platforms with the real grader in them: each is unpacked as its platform
# does, and grades a submission without root's rights. What they do around a grader that fails is in
# platforms.bats. Needs the virtual machine: tests/grade/sandbox/vm build.
# shellcheck disable=SC2154 # bats's run sets output, stderr and lines

load ../../helpers

PLATFORMS=$TOP/tests/grade/platforms
SHELL_REFERENCE=$TOP/tests/grade/reference/shell
export BATS_TEST_TIMEOUT=900

setup_file() {
	require_lab
}

# Someone who has done the first task, right, and not begun the others.
setup() {
	requires python3 jq git setpriv unzip
	"$TOP/tests/grade/sandbox/vm" find >/dev/null || skip "the sandbox's machine isn't built (tests/grade/sandbox/vm build)"
	cd "$BATS_TEST_TMPDIR" || return
	mkdir submission
	cp -r "$SHELL_REFERENCE/task1" submission
	expected=$(awk -F '\t' '!/^#/ && $2 == 1 { sum += $4 } END { print sum }' "$TOP/tests/grade/rubric.tsv")
}

# As in a platform's container: root in name only. A right that was used would be missed.
without_rights() { # COMMAND...
	setpriv --bounding-set=-all --inh-caps=-all --no-new-privs \
		sh -c 'grep -q "^CapEff:.0*$" /proc/self/status && exec "$@"' - "$@"
}

package() { # PLATFORM OUT
	"$PLATFORMS/package" --vm "$("$TOP/tests/grade/sandbox/vm" find)" "$1" "$2"
}

@test "gradescope: set up and run as the platform does, without a capability: task 1 has its points" {
	package gradescope gradescope.zip
	export AUTOGRADER=$PWD/autograder
	mkdir -p autograder/source autograder/results
	mv submission autograder
	unzip -q gradescope.zip -d autograder/source
	# Here the packages are there already; what setup.sh makes for this version of QEMU is not.
	mkdir bin
	printf '#!/bin/sh\nexit 0\n' >bin/apt-get
	chmod +x bin/apt-get
	PATH=$PWD/bin:$PATH without_rights autograder/source/setup.sh
	ls autograder/source/grader/build/grade/vm-package/snapshot-tcg*
	cp autograder/source/run_autograder autograder
	without_rights autograder/run_autograder
	assert_equal "$(jq .score autograder/results/results.json)" "$expected"
	refute grep -q "grader itself failed" autograder/results/results.json
}

@test "classroom50: the bundle and the machine beside it grade the checkout, without a capability" {
	package classroom50 classroom50
	export VM_TAR=$PWD/classroom50/vm.tar.gz CLASSROOM=c ASSIGNMENT=containers SUBMISSION_TAG=submit/1 OWNER=student \
		COMMIT_URL=https://h/c RELEASE_URL=https://h/r REVIEW_URL=https://h/v ASSIGNMENT_TYPE=individual
	cd submission || return
	without_rights python3 ../classroom50/bundle/autograder.py
	assert_equal "$(jq .score result.json)" "$expected"
	grep -q "^### $expected of 100 points" release-body.md
}

@test "autolab: make beside autograde.tar and the hand-in prints the scores, without a capability" {
	package autolab autolab
	tar -C submission -cf autolab/handin.tar .
	mv autolab/autograde-Makefile autolab/Makefile
	run -0 without_rights env -u MAKEFLAGS -u MAKELEVEL make -C autolab --no-print-directory
	echo "$output"
	assert_equal "$(jq -c '.scoreboard[-1]' <<<"${lines[-1]}")" "$expected"
}
