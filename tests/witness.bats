#!/usr/bin/env bats
# The witness: programs whose doings are known are watched, and what the record says is compared with
# what they do, and with what they do unwatched.

load helpers

UNTRACED=$TOP/tests/tools/untraced

setup_file() {
	require_lab
}

setup() {
	record=$BATS_TEST_TMPDIR/record.json
	snapshot_world
}

teardown() {
	assert_world_unchanged
}

# --- helpers ------------------------------------------------------------------------------------

# Watches a command; its record goes to $record. Use with run.
watched() { # COMMAND...
	"$WITNESS" -o "$record" --json -- "$@"
}

# What jq finds in the record, a value a line.
seen() { # FILTER
	jq -r "$1" "$record"
}

# The states of one event, as this filter shows them.
states() { # EVENT FILTER
	seen ".processes[].states[] | select(.event == \"$1\") | $2"
}

# The pid namespaces that processes were in.
pid_namespaces() {
	seen '.processes[].states[].namespaces.pid' | sort -u
}

# --- what is recorded ---------------------------------------------------------------------------

@test "witness: sees task 1's two children be born into one new pid namespace, one joining the UTS" {
	requires jq
	run -0 watched "$NAMESPACE_PROG"
	assert_equal "$(seen '.schema')" witness/1
	assert_equal "$(seen '.processes | map([.n, .parent, .exit.status] | tostring) | join(" ")')" \
		"[1,null,0] [2,1,0] [3,1,0]"
	assert_equal "$(seen '.processes[] | .pids[1] // "none"')" "none"$'\n'1$'\n'2
	assert_equal "$(seen '[.processes[1:][].states[].namespaces.pid] | unique | length')" 1
	assert_equal "$(pid_namespaces | wc -l)" 2
	assert_equal "$(states sethostname '[.detail, .result, .hostname] | join(" ")')" \
		"Child1Hostname 0 Child1Hostname"
	assert_equal "$(states setns '[.detail, .result, .hostname] | join(" ")')" \
		"CLONE_NEWPID 0 $(</proc/sys/kernel/hostname)
CLONE_NEWUTS 0 Child1Hostname"
	assert_matches "$(seen '.processes[1].states[0].detail')" '^CLONE_NEWUTS\|CLONE_NEWPID\|SIGCHLD$'
	# Where its next children would be born changed for the parent, and nothing else did.
	assert_equal "$(seen '.processes[0].states[-1].namespaces.pid_for_children')" \
		"$(seen '.processes[1].states[0].namespaces.pid')"
	assert_equal "$(seen '[.processes[0].states[].namespaces.uts] | unique | length')" 1
}

@test "witness: output that is only typed in moves nothing" {
	requires jq
	"$NAMESPACE_PROG" | sed 's/^/echo "/; s/$/"/' >"$BATS_TEST_TMPDIR/forged.sh"
	run -0 watched sh "$BATS_TEST_TMPDIR/forged.sh"
	assert_line "Child1 Hostname: Child1Hostname"
	assert_equal "$(pid_namespaces | wc -l)" 1
	assert_equal "$(seen '.processes | length')" 1
	assert_equal "$(seen '[.processes[].states[].event] | join(" ")')" "birth exec exit"
}

@test "witness: sees what unshare makes, and which process is 1 in it" {
	requires jq unshare
	run -3 watched unshare -pf --mount-proc sh -c 'hostname >/dev/null; exit 3'
	assert_equal "$(states unshare '[.detail, .result] | join(" ")')" "CLONE_NEWNS|CLONE_NEWPID 0"
	assert_equal "$(seen '.processes[1] | [.parent, .pids[-1], .exit.status] | join(" ")')" "1 1 3"
	assert_equal "$(seen '.processes[0].states | map(select(.event == "unshare"))[0].namespaces.pid_for_children')" null
	assert_equal "$(seen '.processes[2] | [.parent, .pids[-1]] | join(" ")')" "2 2"
}

@test "witness: keeps command line, program, directories and time of each exec" {
	requires jq
	cd /tmp
	run -0 watched sh -c 'exec "$@"' - /bin/echo "two words" ''
	assert_equal "$output" "two words "
	assert_equal "$(states exec '.argv | tostring' | tail -n 1)" '["/bin/echo","two words",""]'
	assert_equal "$(states exec '[.cwd, .root, .detail == .exe] | join(" ")' | tail -n 1)" "/tmp / true"
	assert_equal "$(states exec '.exe' | tail -n 1)" "$(realpath /bin/echo)"
	assert_equal "$(seen '[.processes[0].states[].us] | . == sort')" true
	assert_equal "$(states exec '[.root_mount.ino, .root_mount.dev] | join(" ")' | tail -n 1 | cut -d ' ' -f 1)" \
		"$(stat -c %i /)"
}

@test "witness: sees a chroot, whatever it is called inside" {
	requires jq
	command -v chroot >/dev/null || skip "chroot is not installed"
	mkdir "$BATS_TEST_TMPDIR/new root"
	run -127 watched chroot "$BATS_TEST_TMPDIR/new root" /missing
	assert_equal "$(states chroot '[.detail, .result, .root] | join("|")')" \
		"$BATS_TEST_TMPDIR/new root|0|$BATS_TEST_TMPDIR/new root"
	assert_equal "$(states chroot '.root_mount.ino')" "$(stat -c %i "$BATS_TEST_TMPDIR/new root")"
}

@test "witness: keeps the error of a call that failed" {
	requires jq nsenter
	run -1 watched nsenter --uts=/dev/null true
	assert_equal "$(states setns '[.result, .target] | join(" ")' | sort -u)" "-22 /dev/null"
}

@test "witness: sees a hostname that was set without a call" {
	requires jq unshare machine_root # who alone may write there
	run -0 watched unshare --uts sh -c 'echo written >/proc/sys/kernel/hostname; /bin/true; exit'
	assert_equal "$(states exec '.hostname' | tail -n 1)" written
	assert_equal "$(states sethostname .)" ""
	refute assert_equal "$(</proc/sys/kernel/hostname)" written
}

@test "witness: keeps cgroup and limits as they are at each moment" {
	requires jq cgroup_pids
	local tree name
	tree=$(cgroup_tree pids)
	name=$(random_name)
	mkdir "$tree/$name"
	echo 77 >"$tree/$name/pids.max"
	# shellcheck disable=SC2016 # the inner shell expands it
	run -0 watched sh -c 'echo $$ >"$1/cgroup.procs"; exec sh -c "echo 78 >\"$1/pids.max\""' - "$tree/$name"
	rmdir "$tree/$name"
	assert_equal "$(states exec '.limits["pids.max"]' | tail -n 1)" 77
	assert_equal "$(states exit '.limits["pids.max"]')" 78
	assert_matches "$(states exec '.cgroup[]' | tail -n "$(wc -l </proc/self/cgroup)")" "/$name"$'(\n|$)'
}

@test "witness: sees a child that shares its parent's memory until it executes (vfork)" {
	requires jq
	mkdir "$BATS_TEST_TMPDIR/root"
	run -0 watched "$COPY_DEPS" "$(realpath /bin/sh)" "$BATS_TEST_TMPDIR/root"
	[ "$(states birth '.detail // empty' | grep -c CLONE_VFORK)" -ge 1 ] || fail "no vfork was seen"
	assert_equal "$(seen '[.processes[] | select(.exit.status != 0)] | length')" 0
}

@test "witness: threads are no processes, and the one that executes becomes the process" {
	requires jq python3
	run -0 watched "$(python3 -c 'import sys; print(sys.executable)')" -c '
import os, threading, time
threads = [threading.Thread(target=lambda: None) for _ in range(20)]
[t.start() for t in threads]
[t.join() for t in threads]
threading.Thread(target=lambda: os.execv("/bin/sh", ["sh", "-c", "exit 0"])).start()
time.sleep(60)'
	assert_equal "$(seen '.processes | length')" 1
	assert_equal "$(states exec '.argv[0]' | tail -n 1)" sh
	assert_equal "$(seen '.processes[0].states[-1].event')" exit
}

@test "witness: no process escapes by CLONE_UNTRACED" {
	requires jq
	local call
	for call in clone clone3; do
		run -7 watched "$UNTRACED" $call sh -c 'exit 7'
		assert_equal "$(seen '[.processes[].exit.status] | tostring')" "[7,7]"
		assert_equal "$(states exec '.argv[0]' | tail -n 1)" sh
		assert_equal "$(seen '.warnings | length')" 0
	done
}

@test "witness: keeps up with 1,000 processes" {
	requires jq
	# shellcheck disable=SC2016 # the inner shell expands it
	run -0 watched bash -c 'for ((i = 0; i < 1000; i++)); do (exit $((i % 3))); done; true'
	assert_equal "$(seen '[.processes[] | select(.parent == 1)] | length')" 1000
	assert_equal "$(seen '[.processes[] | select(.parent == 1 and .exit.status == 2)] | length')" 333
	assert_equal "$(seen '[.processes[] | .states[0].event, .states[-1].event] | unique | join(" ")')" "birth exit"
	assert_equal "$(seen '.unrecorded')" 0
}

@test "witness: the end of a whole pid namespace by SIGKILL is seen for each process in it" {
	requires jq unshare
	mkfifo "$BATS_TEST_TMPDIR/ready"
	# shellcheck disable=SC2016 # the inner shell expands it
	run -0 watched bash -c 'unshare -pf --kill-child sh -c "sleep 60 & sleep 60 & echo; wait" >"$1" &
		read -r <"$1"; kill -KILL $!; wait' - "$BATS_TEST_TMPDIR/ready"
	assert_equal "$(seen '[.processes[] | select(.exit == null)] | length')" 0
	assert_equal "$(seen '[.processes[] | select(.exit.signal == 9)] | length')" 4
}

# --- the command goes on as if alone ------------------------------------------------------------

@test "witness: input, output and exit status are the command's own" {
	run -0 --separate-stderr "$WITNESS" -o /dev/null -- "$NAMESPACE_PROG"
	local watched=$output
	run -0 "$NAMESPACE_PROG"
	local pid='Parent Process PID: +([0-9])'
	shopt -s extglob
	assert_equal "${watched//$pid/Parent}" "${output//$pid/Parent}"
	run -5 --separate-stderr "$WITNESS" -o /dev/null -- sh -c 'cat; echo complaint >&2; exit 5' <<<"some input"
	assert_equal "$output" "some input"
	# shellcheck disable=SC2154 # bats sets it
	assert_equal "$stderr" complaint
	run -143 "$WITNESS" -o /dev/null -- sh -c 'kill -TERM $$'
	run -137 "$WITNESS" -o /dev/null -- sh -c 'kill -KILL $$'
}

@test "witness: the command has no descriptor, signal or mask more than without it" {
	# shellcheck disable=SC2016 # the inner shell expands it
	local look='ls -l /proc/self/fd | wc -l; grep -E "^Sig(Blk|Ign|Cgt)" /proc/self/status'
	run -0 sh -c "$look" </dev/null
	local alone=$output
	run -0 --separate-stderr "$WITNESS" -o "$record" --json -- sh -c "$look" </dev/null
	assert_equal "$output" "$alone"
	run -0 --separate-stderr "$WITNESS" -- sh -c "$look" </dev/null
	assert_equal "$output" "$alone"
}

@test "witness: says what it can't run, as a shell does" {
	run -127 "$WITNESS" -- "$BATS_TEST_TMPDIR/missing"
	assert_equal "$output" "witness: cannot run $BATS_TEST_TMPDIR/missing: No such file or directory"
	run -126 "$WITNESS" -- /etc/passwd
	assert_equal "$output" "witness: cannot run /etc/passwd: Permission denied"
}

@test "witness: stopped jobs stay stopped, and go on when told to" {
	# shellcheck disable=SC2016 # the inner shell expands it
	run -143 "$WITNESS" -o /dev/null -- bash -c 'set -m; sleep 60 & kill -STOP %1
		until jobs | grep -q Stopped; do :; done
		for i in {1..20}; do grep -q "^State:.[Tt]" /proc/$!/status || exit 3; done
		kill -CONT %1; until grep -q "^State:.S" /proc/$!/status; do :; done
		kill %1; wait %1' 2>/dev/null
}

@test "witness: SIGTERM is passed on, SIGINT is not" {
	local ready=$BATS_TEST_TMPDIR/ready pid
	mkfifo "$ready"
	# shellcheck disable=SC2016 # the inner shell expands it
	env --default-signal "$WITNESS" -o /dev/null -- bash -c 'trap "exit 9" TERM; trap "exit 8" INT
		echo >"$1"; while :; do sleep 0.05; done' - "$ready" 3>&- &
	pid=$!
	read -r <"$ready"
	kill -INT $pid
	kill -TERM $pid
	await $pid
	assert_equal "$status" 9
}

@test "witness: what outlives the command is noted, and can still do all it could" {
	requires jq unshare
	local done=$BATS_TEST_TMPDIR/done go=$BATS_TEST_TMPDIR/go
	mkfifo "$go"
	# shellcheck disable=SC2016 # the inner shell expands it
	run -5 watched bash -c '(read -r <"$1"; unshare --uts hostname other && /bin/true && echo yes >"$2") \
		>/dev/null 2>&1 3>&- & exit 5' - "$go" "$done"
	assert_equal "$(seen '[.processes[] | select(.exit == null and .ended_us == null) | .n] | tostring')" "[2]"
	assert_equal "$(seen '.status')" 5
	echo >"$go"
	wait_until 10 test -s "$done"
}

@test "witness: --linger waits for what ends a little later" {
	requires jq
	run -0 "$WITNESS" --linger 20000 -o "$record" --json -- sh -c 'sleep 0.3 & exit 0'
	assert_equal "$(seen '[.processes[].exit.status] | tostring')" "[0,0]"
}

@test "witness: after its command's end a signal goes to no other process, but ends it" {
	local ready=$BATS_TEST_TMPDIR/ready pid command
	mkfifo "$ready"
	# shellcheck disable=SC2016 # the inner shell expands it
	"$WITNESS" --linger 60000 -o /dev/null -- sh -c 'sleep 60 & echo $$ >"$1"' - "$ready" 3>&- &
	pid=$!
	read -r command <"$ready"
	wait_until 10 refute test -e "/proc/$command"
	kill -TERM $pid
	await $pid
	assert_equal "$status" 143
}

@test "witness: when it is killed, nothing of the command stays" {
	local ready=$BATS_TEST_TMPDIR/ready pid child
	mkfifo "$ready"
	# shellcheck disable=SC2016 # the inner shell expands it
	"$WITNESS" -o /dev/null -- sh -c 'sleep 60 & echo $! >"$1"; wait' - "$ready" 3>&- &
	pid=$!
	read -r child <"$ready"
	kill -KILL $pid
	await $pid
	wait_until 5 refute test -e "/proc/$child"
}

# --- how it is written --------------------------------------------------------------------------

@test "witness: text tells who was born of whom, where, and what was joined" {
	run -0 --separate-stderr "$WITNESS" -- "$NAMESPACE_PROG"
	local text
	text=$(sed -E 's/^ +[0-9]+\.[0-9] +//; s/ +/ /g; s/pid [0-9]+/pid N/; s/402653[0-9]{4}/INODE/' <<<"$stderr")
	output=$text
	assert_line "#2 namespace_prog born of #1 by clone(CLONE_NEWUTS|CLONE_NEWPID): pid N, which is 1 in the new pid namespace INODE"
	assert_line " its next children will be born in pid namespace INODE, which #1 made"
	assert_line "#3 namespace_prog setns(CLONE_NEWUTS, pidfd of #2)"
	assert_line " is now in uts namespace INODE, which #1 made"
	assert_line "#3 namespace_prog ends: exit status 0"
	assert_line " INODE made by #1 (clone) #2 #3"
	assert_contains "$output" " one for all: "
}

@test "witness: several formats go to several files in one run" {
	requires jq
	cd "$BATS_TEST_TMPDIR"
	run -0 "$WITNESS" --json -o a --text -o b --svg -o c true
	assert_equal "$(jq -r .schema a)" witness/1
	assert_matches "$(<b)" '^witness: true'
	assert_matches "$(<c)" '^<svg '
	run -2 "$WITNESS" --json --svg true
	assert_equal "$output" "witness: 2 formats need as many -o FILE"
}

@test "witness --svg: is well-formed, without script or anything from elsewhere" {
	command -v xmllint >/dev/null || skip "xmllint is not installed"
	run -0 "$WITNESS" -o "$BATS_TEST_TMPDIR/a.svg" --svg -- "$NAMESPACE_PROG"
	xmllint --noout "$BATS_TEST_TMPDIR/a.svg"
	assert_equal "$(xmllint --xpath 'count(//*[local-name() = "use" and @href = "#setns"])' "$BATS_TEST_TMPDIR/a.svg")" 3
	assert_contains "$(<"$BATS_TEST_TMPDIR/a.svg")" '#3 born of #1'
	run -1 grep -iE '<script|<image|http:|https:|url\([^#]|javascript' \
		<(sed 's,xmlns="http://www.w3.org/2000/svg",,' "$BATS_TEST_TMPDIR/a.svg")
}

@test "witness --svg: a loop's 1,000 processes share a lane" {
	command -v xmllint >/dev/null || skip "xmllint is not installed"
	# shellcheck disable=SC2016 # the inner shell expands it
	run -0 "$WITNESS" -o "$BATS_TEST_TMPDIR/a.svg" --svg -- bash -c 'for ((i = 0; i < 1000; i++)); do (exit 0); done; exit 0'
	xmllint --noout "$BATS_TEST_TMPDIR/a.svg"
	assert_matches "$(<"$BATS_TEST_TMPDIR/a.svg")" '#4 … #1001: 998 more'
	assert_number_between "$(wc -c <"$BATS_TEST_TMPDIR/a.svg")" 10000 500000
}

@test "witness: no word of the command's can pass for more than a text" {
	requires jq
	local words=($'a"b\\c\n' $'\e[2J\u202e' $'bad \xff\xc0\xaf\xed\xa0\x80 bytes' '</title><script>alert(1)</script>&')
	cd "$BATS_TEST_TMPDIR"
	run -0 "$WITNESS" --json -o a --text -o b --svg -o c true "${words[@]}"
	assert_equal "$(jq -r '.processes[0].states[1].argv[1]' a)" "${words[0]%$'\n'}"
	assert_equal "$(jq -r '.processes[0].states[1].argv[3]' a)" "bad $(printf '\ufffd%.0s' 1 2 3 4 5 6) bytes"
	assert_equal "$(LC_ALL=C grep -c $'\e' b c | tr '\n' ' ')" "b:0 c:0 "
	assert_contains "$(<b)" '\x1b[2J\x202e'
	run -1 grep -F '<script' c
	if command -v xmllint >/dev/null; then
		xmllint --noout c
	fi
}

# --- wrong use, and machines that don't let it --------------------------------------------------

@test "witness: wrong usage is said, and nothing is run" {
	local ran=$BATS_TEST_TMPDIR/ran
	run -2 "$WITNESS"
	assert_contains "$output" "usage: witness"
	run -2 "$WITNESS" --colour touch "$ran"
	run -2 "$WITNESS" --linger soon touch "$ran"
	run -2 "$WITNESS" -o a -o b -- touch "$ran"
	run -125 "$WITNESS" -o /missing/file touch "$ran"
	assert_equal "$output" "witness: cannot write to /missing/file: No such file or directory"
	refute test -e "$ran"
}

@test "witness: a record that can't be written is a failure of its own" {
	run -125 "$WITNESS" -o /dev/full --json true
	assert_equal "$output" "witness: cannot write to /dev/full: No space left on device"
}

@test "witness: refuses a /proc whose numbers are another pid namespace's" {
	requires unshare
	run -125 unshare -pf "$WITNESS" true
	assert_equal "$output" "witness: cannot read /proc: No such process (/proc is another pid namespace's)"
}

@test "witness: says that it can't watch what is watched already" {
	requires strace
	run strace -f -qq -o /dev/null "$WITNESS" true
	assert_equal "$output" "witness: cannot trace true: Operation not permitted (it is traced already, or /proc/sys/kernel/yama/ptrace_scope forbids it)"
	assert_equal "$status" 125
}

@test "witness: an ordinary user sees all of what is the user's own" {
	requires machine_root setpriv unshare jq
	as_nobody "$WITNESS" --json -- unshare --user --map-root-user --uts hostname inside 2>"$record" ||
		skip "user namespaces are not allowed here"
	assert_equal "$(states sethostname '[.detail, .result, .hostname] | join(" ")')" "inside 0 inside"
	assert_equal "$(seen '[.processes[].states[].namespaces.user] | unique | length')" 2
}
