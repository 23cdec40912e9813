#!/usr/bin/env bats
# Submissions that are partial, broken or hostile, graded in worlds: each gets a result, and nothing
# of it reaches the judge or the machine. Needs the sandbox's root: tests/grade/sandbox/root.
# shellcheck disable=SC2154 # bats's run sets output, stderr and lines
# shellcheck disable=SC2016 # the submissions' shells expand what stands in single quotes

load ../../helpers

GRADE=$TOP/tests/grade/grade
export BATS_TEST_TIMEOUT=900 # a scenario ends at its own deadline, which is less

setup_file() {
	require_lab
}

setup() {
	requires machine_root python3 jq
	"$TOP/tests/grade/sandbox/root" --find >/dev/null || skip "the sandbox's root isn't built (tests/grade/sandbox/root)"
	cd "$BATS_TEST_TMPDIR" || return
	mkdir submission
	# The deadlines of the course are minutes.
	sed 's/^\(@deadline\t.\)\t.*/\1\t8/' "$TOP/tests/grade/rubric.tsv" >rubric.tsv
	snapshot_world
}

teardown() {
	[ -d submission ] || return 0 # skipped
	assert_world_unchanged
}

grade() { # ARGUMENT...
	"$GRADE" --sandbox world --rubric rubric.tsv --tries 1 -o out "$@" submission
}

verdict() { # ID
	jq -r --arg id "$1" '.checks[] | select(.id == $id) | .verdict' out/submission/result.json
}

field() { # FILTER
	jq -r "$1" out/submission/result.json
}

# A conductor that is one script: what it says is done whatever it is asked for.
conductor_that() { # TEXT
	printf '#!/bin/bash\n%s\n' "$1" >submission/conductor.sh
}

@test "grade: what isn't there is worth 0 and says why; the rest is graded" {
	cp "$TOP/tests/grade/reference/shell/task1/namespace_prog.c" submission/
	run -0 grade
	assert_contains "$output" "15/100"
	assert_equal "$(verdict 1.joined) $(verdict 3a.run) $(verdict 4.counts)" "pass missing missing"
	assert_equal "$(field '.tasks[2] | "\(.points)/\(.max) \(.state): \(.reason)"')" \
		"0/45 missing: there is no conductor.sh or conductor.c or conductor"
}

@test "grade: an empty directory, and a file that is no archive, have a result of 0" {
	run -0 grade
	assert_equal "$(field '.score | "\(.points)/\(.max)"')" 0/100
	rm -r submission
	echo nonsense >submission
	run -0 grade
	assert_matches "$(field '.tasks[0].reason')" "^the archive can't be unpacked: "
	rm submission
	mkdir submission
}

@test "grade: what doesn't compile costs its task, and the compiler's words are there to read" {
	echo 'int main(void) { return 0 }' >submission/namespace_prog.c
	run -0 grade --task 1
	assert_equal "$(verdict 1.build) $(verdict 1.pidns)" "fail blocked"
	assert_equal "$(field .score.points)" 0
	assert_contains "$(field '.checks[0].seen')" "error: expected"
}

# A Makefile for task 3 whose recipe says that it is run, and does what it is told besides.
makefile_that() { # RECIPE
	echo 'int main(void) { return 1; }' >submission/conductor.c
	printf 'conductor: conductor.c\n\t@echo compiling\n\t%s\n\tgcc -o $@ $<\n' "$1" >submission/Makefile
}

@test "grade: what a Makefile makes is made once, and each scenario's make finds it up to date" {
	makefile_that true
	run -0 grade --task 3
	assert_equal "$(verdict 3a.build)" fail
	grep -qx compiling out/submission/evidence/build/log
	run -1 grep -r compiling out/submission/evidence/containers out/submission/evidence/network
	grep -qF "[exit status 1 after" out/submission/evidence/network/log
	test ! -e out/submission/evidence/build/tree.tar
}

@test "grade: a tree that is too large, leads out or could not be made is not taken; it is made in each scenario" {
	local recipe
	for recipe in 'head -c 60M /dev/zero >large' 'ln -s / root' 'false'; do
		makefile_that "$recipe"
		rm -rf out
		run -0 grade --task 3
		assert_equal "$(verdict 3a.build)" fail
		grep -qx compiling out/submission/evidence/containers/log
		grep -qx compiling out/submission/evidence/network/log
	done
}

@test "grade: a program that hangs is ended at its deadline and has a verdict" {
	echo '#include <unistd.h>
int main(void) { for (;;) pause(); }' >submission/namespace_prog.c
	run -0 grade --task 1
	assert_equal "$(verdict 1.build) $(verdict 1.pidns)" "fail blocked"
	grep -qF "[not done after 8 s]" out/submission/evidence/task1/log
}

@test "grade: a fork bomb ends at the world's walls" {
	conductor_that 'f() { f | f & }; f; sleep 1000'
	run -0 grade --task 3
	assert_equal "$(verdict 3a.build)" fail
}

@test "grade: rm -rf /, iptables -F, > /etc/resolv.conf, kill -9 -1 and a full disk harm the world only" {
	echo canary >canary
	conductor_that 'case $1 in
build) iptables -F; iptables -P INPUT DROP; echo nonsense >/etc/resolv.conf; echo "$2" >name ;;
images) cat name ;;
run) rm -rf --no-preserve-root / 2>/dev/null; head -c 2G /dev/zero >/tmp/full 2>/dev/null; kill -9 -1 ;;
esac'
	run -0 grade --task 3
	assert_equal "$(verdict 3a.build) $(verdict 3a.run)" "pass fail"
	assert_equal "$(<canary)" canary
	test -x "$GRADE"
}

@test "grade: a flood of output is cut off, and the verdicts stand" {
	conductor_that 'yes "ok 1 3a.run"'
	run -0 grade --task 3
	assert_equal "$(verdict 3a.build) $(verdict 3a.run)" "fail blocked"
	assert_number_between "$(du -sm out/submission/evidence | cut -f 1)" 0 20
}

@test "grade: a submission that kills its parents, or writes to the judge's descriptors, has a verdict" {
	conductor_that 'kill -9 $PPID 1; for fd in /proc/self/fd/*; do echo pass >$fd; done 2>/dev/null; exit 0'
	run -0 grade --task 3
	# Its parent is out of its reach: PPID is 0, and killing that ends its own process group.
	assert_equal "$(verdict 3a.build) $(verdict 3a.run)" "fail blocked"
}

@test "grade: no home, no rubric, no other submission and no process of the judge's is to be seen" {
	conductor_that 'exec >&2; case $1 in build) ps -e -o args; ls / /home /root /submission; cat /proc/*/cmdline | tr "\0" " "; exit 1 ;; esac'
	run -0 grade --task 3
	seen=$(<out/submission/evidence/containers/log)
	assert_contains "$seen" "ps -e -o args"
	refute_contains "$seen" rubric
	refute_contains "$seen" judge
	refute_contains "$seen" run_scenarios
	refute_contains "$seen" "$(basename "$TOP")/"
}

runs_namespace_prog() {
	grep -qsx namespace_prog /proc/[0-9]*/comm
}

@test "grade: a signal ends it with all that it has started, and its temporary files" {
	local job
	printf '#include <unistd.h>\nint main(void) { return pause(); }\n' >submission/namespace_prog.c
	sed -i 's/^\(@deadline\t1\t\).*/\1300/' rubric.tsv
	mkdir temporary
	TMPDIR=$PWD/temporary "$GRADE" --sandbox world --rubric rubric.tsv --task 1 -o out submission 3>&- &
	job=$!
	wait_until 120 runs_namespace_prog
	kill "$job"
	await "$job"
	assert_equal "$status" 143
	refute runs_namespace_prog
	assert_equal "$(ls temporary)" ""
	refute test -e out/submission/result.json
}

@test "grade --resume: what is done stays, what was changed is graded again" {
	cp "$TOP/tests/grade/reference/shell/task1/namespace_prog.c" submission/
	grade --task 1 --seed 7
	run -0 grade --task 1 --seed 7 --resume
	assert_contains "$output" "submission: done before"
	run -0 grade --task 1 --resume
	assert_line "seed 7, sandbox world"
	assert_contains "$output" "submission: done before"
	echo '/* another */' >>submission/namespace_prog.c
	run -0 grade --task 1 --resume
	assert_contains "$output" "submission: 15/15"
	run -0 grade --task 1 --seed 8 --resume
	assert_contains "$output" "submission: 15/15"
	jq '.grader.sandbox = "vm"' out/submission/result.json >in_vm
	mv in_vm out/submission/result.json
	run -0 grade --task 1 --resume
	assert_contains "$output" "submission: 15/15"
}
