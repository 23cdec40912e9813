#!/usr/bin/env bats
# The grader's sandbox for strangers' submissions, tests/grade/sandbox/vm: a job goes in, its result
# comes out, and whatever root does there stays there. A job is a bundle with a run_scenarios of its
# own, which the guest runs as root, outside any world: it is the worst that could break out of one.
# shellcheck disable=SC2154 # bats's run sets output, stderr and lines
# shellcheck disable=SC2016 # the machine's shell expands what stands in single quotes

load ../../helpers

VM=$TOP/tests/grade/sandbox/vm

setup_file() {
	export VM_ACCEL=tcg # the same everywhere
	VM_DIRECTORY=$("$VM" find 2>/dev/null) || :
	export VM_DIRECTORY
	test_timeout $((180 * ${TEST_SLOWNESS:-1}))
}

setup() {
	[ -n "$VM_DIRECTORY" ] || skip "the virtual machine isn't built (sudo tests/grade/sandbox/vm build)"
	snapshot_world processes
}

teardown() {
	[ -n "$VM_DIRECTORY" ] || return 0
	assert_world_unchanged
}

# A bundle whose run_scenarios is the script: with $2 the directory of results.
bundle() { # NAME SCRIPT
	mkdir "$BATS_TEST_TMPDIR/$1"
	printf '#!/bin/bash\n%s\n' "$2" >"$BATS_TEST_TMPDIR/$1/run_scenarios"
	chmod 755 "$BATS_TEST_TMPDIR/$1/run_scenarios"
	tar -C "$BATS_TEST_TMPDIR/$1" -cf "$BATS_TEST_TMPDIR/$1.tar" .
}

# What run_scenarios wrote to the file "said".
job() { # NAME [OPTION...]
	local name=$1 status=0
	shift
	"$VM" run --dir "$VM_DIRECTORY" "$@" "$BATS_TEST_TMPDIR/$name.tar" "$BATS_TEST_TMPDIR/$name.out" 3>&- || status=$?
	tar -xOf "$BATS_TEST_TMPDIR/$name.out" ./said
	return $status
}

@test "vm run: another kernel, pure cgroup v2, no network device, today's date, and all binary bytes" {
	mkdir "$BATS_TEST_TMPDIR/bundle"
	head -c 3000000 /dev/urandom >"$BATS_TEST_TMPDIR/bundle/random"
	cat >"$BATS_TEST_TMPDIR/bundle/run_scenarios" <<-'SCRIPT'
		#!/bin/bash
		cp "$1/random" "$2/random"
		exec >"$2/said"
		id -u; cat /proc/self/cgroup; ls /sys/class/net; date +%s
	SCRIPT
	chmod 755 "$BATS_TEST_TMPDIR/bundle/run_scenarios"
	tar -C "$BATS_TEST_TMPDIR/bundle" -cf "$BATS_TEST_TMPDIR/bundle.tar" .
	run -0 job bundle
	assert_equal "${lines[*]:0:3}" "0 0::/session lo"
	assert_number_between "${lines[3]}" $(($(date +%s) - 60)) $(($(date +%s) + 1))
	tar -xOf "$BATS_TEST_TMPDIR/bundle.out" ./random | cmp - "$BATS_TEST_TMPDIR/bundle/random"
}

@test "vm: rubric, checks and answers aren't in the machine" {
	bundle answers 'cd /judge; find . -name "rubric*" -o -name "*.bats" -o -name namespace_prog\* -o -name simple_container\* \
		-o -name service-orchestrator\* -o -name grading >$2/said; [ -s tests/grade/scenarios/task1 ]'
	run -0 job answers
	assert_equal "$output" ""
}

@test "vm run: it needs no root, no capability and not the directory that it was made in" {
	requires setpriv
	bundle plain 'echo fine >$2/said'
	cd /
	run -0 setpriv --bounding-set=-all --inh-caps=-all --no-new-privs "$VM" run --dir "$VM_DIRECTORY" \
		"$BATS_TEST_TMPDIR/plain.tar" "$BATS_TEST_TMPDIR/plain.out"
	assert_equal "$output" ""
	assert_equal "$(tar -xOf "$BATS_TEST_TMPDIR/plain.out" ./said)" fine
}

@test "vm run: a world in it, with limits that v2 enforces, and nothing of the judge's to be seen" {
	bundle world 'exec >$2/said 2>&1
		cd /judge/tests
		lab/lab -- bash -c "grade/sandbox/world start /tmp/w && grade/sandbox/world exec /tmp/w -- bash -c \"
			mkdir /sys/fs/cgroup/half && echo 50000 100000 >/sys/fs/cgroup/half/cpu.max && cat /sys/fs/cgroup/half/cpu.max
			cat /proc/self/cgroup; ls -d /judge /debian /bundle; ps -e -o comm=\"
			grade/sandbox/world stop /tmp/w"'
	run -0 job world
	assert_equal "$output" "50000 100000
0::/session
ls: cannot access '/judge': No such file or directory
ls: cannot access '/debian': No such file or directory
ls: cannot access '/bundle': No such file or directory
init
ps"
}

@test "vm run: two at once see nothing of each other, nor random numbers that are the same" {
	local name first
	for name in one two; do
		bundle $name 'exec >$2/said; od -An -N 8 -tx1 /dev/urandom; touch /tmp/$(cat /proc/sys/kernel/random/uuid)
			sleep 2; ls /tmp | wc -l'
	done
	job one >"$BATS_TEST_TMPDIR/one.said" 3>&- &
	first=$!
	run -0 job two
	assert_equal "${lines[1]}" 1
	wait $first
	refute cmp -s "$BATS_TEST_TMPDIR/one.said" <(echo "$output")
}

@test "vm run: what takes too long ends with 3, and what it had found out is there" {
	bundle slow 'echo found >$2/said; sleep 1000'
	run -3 job slow --seconds 2
	assert_line found
	assert_line "tests/grade/sandbox/vm: run_scenarios exited with 124"
}

@test "vm run: sysrq-trigger, core_pattern, raw disk writes, rm -rf / harm nothing outside" {
	local before
	before=$(cat "$VM_DIRECTORY"/* | sha256sum; cat /proc/sys/kernel/core_pattern)
	bundle attack 'exec >$2/said 2>&1
		echo "|/bin/evil" >/proc/sys/kernel/core_pattern && echo written
		dd if=/dev/zero of=/dev/vda bs=1M count=1 conv=notrunc || echo refused
		dd if=/dev/zero of=/dev/vdb bs=1M count=1 conv=notrunc || echo refused'
	run -0 job attack
	assert_line written
	assert_equal "$(grep -c refused <<<"$output")" 2
	bundle reboot 'echo 1 >/proc/sys/kernel/sysrq; echo b >/proc/sysrq-trigger'
	run -1 "$VM" run --dir "$VM_DIRECTORY" "$BATS_TEST_TMPDIR/reboot.tar" "$BATS_TEST_TMPDIR/none"
	assert_equal "$output" "tests/grade/sandbox/vm: the machine ended without a result"
	refute test -e "$BATS_TEST_TMPDIR/none"
	bundle empty 'rm -rf --no-preserve-root / 2>/dev/null'
	run -1 "$VM" run --dir "$VM_DIRECTORY" --seconds 60 "$BATS_TEST_TMPDIR/empty.tar" "$BATS_TEST_TMPDIR/none"
	assert_equal "$(cat "$VM_DIRECTORY"/* | sha256sum; cat /proc/sys/kernel/core_pattern)" "$before"
	# The next one finds it as it was.
	bundle after 'cat /proc/sys/kernel/core_pattern >$2/said'
	run -0 job after
	assert_equal "$output" core
}

@test "vm run: a snapshot of another QEMU is not taken: the machine boots afresh" {
	local copy=$BATS_TEST_TMPDIR/copy
	mkdir "$copy"
	ln -s "$VM_DIRECTORY"/{vmlinuz,initramfs,debian.img,judge.img} "$copy/"
	bundle fresh 'cut -d . -f 1 /proc/uptime >$2/said'
	VM_DIRECTORY=$copy run -0 job fresh
	# And so does one that is broken.
	head -c 1000000 "$VM_DIRECTORY/snapshot-tcg" >"$copy/snapshot-tcg"
	cp "$VM_DIRECTORY/snapshot-tcg.version" "$copy/"
	VM_DIRECTORY=$copy run -0 job fresh
}

@test "vm run: a wrong call is 2; what can't be read, or holds no machine, is 1 and a line" {
	run -2 "$VM" run
	run -2 "$VM" run --seconds many a b
	run -2 "$VM" nonsense
	run -1 "$VM" run --dir "$VM_DIRECTORY" /nowhere.tar "$BATS_TEST_TMPDIR/none"
	assert_equal "$output" "tests/grade/sandbox/vm: /nowhere.tar: cannot be read"
	run -1 "$VM" run --dir "$BATS_TEST_TMPDIR" "$VM" "$BATS_TEST_TMPDIR/none"
	assert_equal "$output" "tests/grade/sandbox/vm: $BATS_TEST_TMPDIR: no machine (vmlinuz is missing)"
}
