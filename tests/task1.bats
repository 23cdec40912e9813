#!/usr/bin/env bats
# Task 1: namespaces with system calls.
# shellcheck disable=SC2154 # bats's run sets output, stderr and lines
# shellcheck disable=SC2119,SC2120 # arguments are optional

load helpers

setup_file() {
	require_lab
}

setup() {
	snapshot_world
}

teardown() {
	exec 8>&- 9>&-
	if [ -n "${parent:-}" ]; then
		kill -KILL "$parent" 2>/dev/null || :
	fi
	assert_world_unchanged
}

line=----------------------------------------

# What the assignment asks for, from a parent with this PID.
expected_output() { # PID
	local name parent_lines
	name=$(</proc/sys/kernel/hostname)
	parent_lines="$line
Parent Process PID: $1
Parent Hostname: $name"
	cat <<-OUTPUT
		$parent_lines
		$line
		Child1 Process PID: 1
		Child1 Hostname: Child1Hostname
		$parent_lines
		$line
		Child2 Process PID: 2
		Child2 Hostname: Child1Hostname
		$parent_lines
		$line
	OUTPUT
}

# Runs the program under a PID that is known: the shell prints its own, then becomes the program.
announced() { # [ARGUMENT...]
	# shellcheck disable=SC2016 # the inner shell expands it
	bash -c 'echo $$ >"$1"; shift; exec "$@"' - "$BATS_TEST_TMPDIR/pid" "$NAMESPACE_PROG" "$@"
}

expected() { # of the run announced last
	expected_output "$(<"$BATS_TEST_TMPDIR/pid")"
}

own_inode() { # KIND
	stat --dereference --format=%i "/proc/self/ns/$1"
}

# The inode that block number N (parent, child 1, parent, child 2, parent) shows for a namespace.
shown_inode() { # N KIND
	awk -v n="$1" -v kind="$2:" '/^---/ { block++ } block == n && $1 == kind { print $2 }' <<<"$output"
}

# Starts the program and holds it while child 2 is alive: its output goes into a pipe that has just
# as much room left as the lines before child 2's own take, so the kernel lets child 2 wait there.
# Sets parent, and child1 and child2: PIDs as seen from here.
hold_in_child2() { # [FILE for its standard error]
	local pipe=$BATS_TEST_TMPDIR/pipe gate=$BATS_TEST_TMPDIR/gate room
	mkfifo "$pipe" "$gate"
	exec 8<>"$pipe" 9<>"$gate"
	{
		read -r <&9
		exec "$NAMESPACE_PROG" 9>&-
	} >"$pipe" 2>"${1:-/dev/null}" 3>&- 8>&- &
	parent=$!
	# A pipe holds 16 pages of 4096 bytes; a line that doesn't fit into the last one waits.
	room=$(expected_output "$parent" | sed '/^Child2 Process/,$d' | wc -c)
	head -c $((65536 - room)) /dev/zero >&8
	echo go >&9
	wait_until 10 find_children
}

# Child 2 waits in the write of its PID's line: by then it has joined all that it joins.
find_children() {
	local children
	children=$(awk -v parent="$parent" '/^Pid:/ { pid = $2 } /^PPid:/ && $2 == parent { print pid }' \
		/proc/[0-9]*/status 2>/dev/null | sort -n)
	child1=$(sed -n 1p <<<"$children")
	child2=$(sed -n 2p <<<"$children")
	[ -n "$child2" ] && [ "$(namespace_of "$child1" uts)" = "$(namespace_of "$child2" uts)" ]
}

namespace_of() { # PID KIND
	readlink "/proc/$1/ns/$2"
}

in_namespace_pid() { # PID: its PID in the innermost namespace
	awk '/^NSpid:/ { print $NF }' "/proc/$1/status"
}

@test "namespace_prog: prints exactly the assignment's lines" {
	run -0 announced
	assert_equal "$output" "$(expected)"
}

@test "namespace_prog: prints the same into a file and through a pipe, no line twice" {
	announced >"$BATS_TEST_TMPDIR/out"
	assert_equal "$(<"$BATS_TEST_TMPDIR/out")" "$(expected)"
	announced | cat >"$BATS_TEST_TMPDIR/out"
	assert_equal "$(<"$BATS_TEST_TMPDIR/out")" "$(expected)"
}

@test "namespace_prog: the kernel sees both children in one new UTS and one new PID namespace" {
	hold_in_child2
	local kind
	for kind in uts pid; do
		assert_equal "$(namespace_of "$child1" $kind)" "$(namespace_of "$child2" $kind)"
		refute assert_equal "$(namespace_of "$child1" $kind)" "$(namespace_of "$parent" $kind)"
		assert_equal "$(namespace_of "$parent" $kind)" "$(namespace_of $$ $kind)"
	done
	for kind in cgroup ipc mnt net user; do
		assert_equal "$(namespace_of "$child1" $kind)" "$(namespace_of "$parent" $kind)"
		assert_equal "$(namespace_of "$child2" $kind)" "$(namespace_of "$parent" $kind)"
	done
}

@test "namespace_prog: the kernel numbers the children 1 and 2 in their namespace" {
	hold_in_child2
	assert_equal "$(in_namespace_pid "$child1")" 1
	assert_equal "$(in_namespace_pid "$child2")" 2
	assert_equal "$(in_namespace_pid "$parent")" "$parent"
}

@test "namespace_prog: only the parent's next children are born in child 1's namespace" {
	hold_in_child2
	assert_equal "$(namespace_of "$parent" pid_for_children)" "$(namespace_of "$child1" pid)"
	refute assert_equal "$(namespace_of "$parent" pid)" "$(namespace_of "$child1" pid)"
}

@test "namespace_prog: the children's hostname is theirs alone" {
	local before
	before=$(</proc/sys/kernel/hostname)
	hold_in_child2
	refute assert_equal "$before" Child1Hostname
	assert_equal "$(</proc/sys/kernel/hostname)" "$before"
	requires nsenter
	assert_equal "$(nsenter --target "$child2" --uts cat /proc/sys/kernel/hostname)" Child1Hostname
}

@test "namespace_prog: when the parent is killed, no child stays" {
	hold_in_child2
	kill -KILL "$parent"
	exec 8>&- # nobody reads any more: child 2's write ends
	wait_until 5 refute test -e "/proc/$child1"
	wait_until 5 refute test -e "/proc/$child2"
}

@test "namespace_prog: a child 2 that is killed is told, and makes the exit status 1" {
	hold_in_child2 "$BATS_TEST_TMPDIR/errors"
	kill -KILL "$child2"
	exec 8>&- # a program that wrongly goes on must not wait in the pipe for ever
	await "$parent"
	assert_equal "$status" 1
	assert_equal "$(<"$BATS_TEST_TMPDIR/errors")" "namespace_prog: child 2 was killed by signal 9"
}

@test "namespace_prog: a child 1 that is killed takes its namespace along; both are told" {
	hold_in_child2 "$BATS_TEST_TMPDIR/errors"
	kill -KILL "$child1"
	wait_until 5 refute test -e "/proc/$child2" # or SIGPIPE could be quicker
	exec 8>&- # a program that wrongly goes on must not wait in the pipe for ever
	await "$parent"
	assert_equal "$status" 1
	assert_equal "$(<"$BATS_TEST_TMPDIR/errors")" "namespace_prog: child 2 was killed by signal 9
namespace_prog: child 1 was killed by signal 9"
}

@test "namespace_prog: uses clone, pidfd_open and setns, and setns never on the parent's UTS" {
	requires strace
	strace -f -qq -o "$BATS_TEST_TMPDIR/trace" -e trace=clone,pidfd_open,setns,sethostname "$NAMESPACE_PROG" >/dev/null
	run -0 cat "$BATS_TEST_TMPDIR/trace"
	assert_matches "${lines[0]}" '^([0-9]+) +clone\(.*CLONE_NEWUTS\|CLONE_NEWPID\|SIGCHLD'
	local parent_pid=${BASH_REMATCH[1]}
	assert_matches "$output" "$parent_pid +pidfd_open\("
	assert_matches "$output" "$parent_pid +setns\([0-9]+, CLONE_NEWPID(\)| <unfinished)"
	assert_matches "$output" '[0-9]+ +setns\([0-9]+, CLONE_NEWUTS(\)| <unfinished)'
	run -1 grep -E "^$parent_pid +(sethostname|setns\(.*CLONE_NEWUTS)" "$BATS_TEST_TMPDIR/trace"
}

@test "namespace_prog --namespaces: shows which namespaces are shared" {
	run -0 "$NAMESPACE_PROG" --namespaces
	local kind block
	for kind in cgroup ipc mnt net pid user uts; do
		for block in 1 3 5; do
			assert_equal "$(shown_inode $block $kind)" "$(own_inode $kind)"
		done
		assert_equal "$(shown_inode 2 $kind)" "$(shown_inode 4 $kind)"
	done
	for kind in cgroup ipc mnt net user; do
		assert_equal "$(shown_inode 2 $kind)" "$(own_inode $kind)"
	done
	for kind in pid uts; do
		refute assert_equal "$(shown_inode 2 $kind)" "$(own_inode $kind)"
	done
	# What setns did to the parent: before, and after.
	assert_equal "$(shown_inode 3 pid_for_children)" "$(own_inode pid)"
	assert_equal "$(shown_inode 5 pid_for_children)" "$(shown_inode 4 pid)"
}

@test "namespace_prog --namespaces: is the plain output with lines in between" {
	run -0 announced --namespaces
	assert_equal "$(grep -v '^    ' <<<"$output")" "$(expected)"
}

@test "namespace_prog: an ordinary user is told of sudo and of the lab" {
	requires machine_root setpriv
	run -1 --separate-stderr as_nobody "$NAMESPACE_PROG"
	assert_equal "$stderr" "namespace_prog: cannot clone into new UTS and PID namespaces: Operation not permitted (needs root: try sudo, or tests/lab/lab task1/namespace_prog, which needs none)"
}

# Replaces what differs from run to run: PIDs but 1 and 2, and inode numbers, each by how many others
# came before it.
anonymous() {
	sed -E 's/^(Parent Process PID: ).*/\1PID/' |
		awk '/^    / { if (!($2 in seen)) seen[$2] = ++count; $2 = "inode " seen[$2] } { print }'
}

@test "README of task 1: its transcripts are what namespace_prog prints" {
	assert_equal "$("$NAMESPACE_PROG" | anonymous)" \
		"$(transcript task1/README.md 'tests/lab/lab task1/namespace_prog' | anonymous)"
	assert_equal "$("$NAMESPACE_PROG" --namespaces | tail -n 25 | anonymous)" \
		"$(transcript task1/README.md 'tests/lab/lab task1/namespace_prog --namespaces | tail -n 25' | anonymous)"
}

@test "README of task 1: and what an ordinary user sees" {
	requires machine_root setpriv
	run -1 as_nobody "$NAMESPACE_PROG"
	assert_equal "$(anonymous <<<"$output")" \
		"$(transcript task1/README.md 'task1/namespace_prog' | sed 's/^\(Parent Hostname: \).*/\1lab/' | anonymous)"
}

@test "namespace_prog: says so when no UTS namespace may be made" {
	requires userns
	# The root of that namespace may not enter a home that is its owner's alone: a copy.
	cp "$NAMESPACE_PROG" "$BATS_TEST_TMPDIR/namespace_prog"
	# shellcheck disable=SC2016 # the inner shell expands it
	run -1 --separate-stderr unshare --user --map-root-user bash -c \
		'echo 0 >/proc/sys/user/max_uts_namespaces && exec "$1"' - "$BATS_TEST_TMPDIR/namespace_prog"
	assert_equal "$stderr" "namespace_prog: cannot clone into new UTS and PID namespaces: No space left on device (a limit below /proc/sys/user/max_*_namespaces is reached)"
}

@test "namespace_prog: any system call that fails makes it fail, with one line that says which" {
	requires strace
	local call text
	while read -r call text; do
		run -1 --separate-stderr timeout 20 strace -f -qq -o /dev/null -e "inject=$call" "$NAMESPACE_PROG"
		assert_equal "$stderr" "namespace_prog: $text"
	done <<-'CALLS'
		clone:error=EAGAIN:when=1 cannot clone into new UTS and PID namespaces: Resource temporarily unavailable
		pipe2:error=EMFILE:when=2 cannot make a pipe: Too many open files
		sethostname:error=EPERM child 1: cannot set the hostname: Operation not permitted
		pidfd_open:error=ENOSYS cannot open a pidfd of child 1: Function not implemented
		setns:error=EINVAL:when=1 cannot join child 1's PID namespace: Invalid argument (this kernel lacks one of these namespaces)
		clone:error=EAGAIN:when=2 cannot fork child 2: Resource temporarily unavailable
	CALLS
}

full() { # COMMAND...
	"$@" >/dev/full
}

@test "namespace_prog: output that can't be written makes it fail" {
	run -1 --separate-stderr full "$NAMESPACE_PROG"
	assert_equal "$stderr" "namespace_prog: cannot write to standard output: No space left on device"
}

@test "namespace_prog: an unknown argument is wrong usage" {
	local word
	for word in --help-me -n "" extra; do
		run -2 --separate-stderr "$NAMESPACE_PROG" "$word"
		assert_equal "$stderr" "namespace_prog: usage: namespace_prog [--namespaces]"
		assert_equal "$output" ""
	done
	run -2 "$NAMESPACE_PROG" --namespaces extra
}
