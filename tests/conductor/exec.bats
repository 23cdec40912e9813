#!/usr/bin/env bats
# conductor exec: a further command in a running container.
# shellcheck disable=SC2154 # bats's run sets output, stderr and lines
# shellcheck disable=SC2016 # inner shells expand what stands in single quotes
# shellcheck disable=SC2030,SC2031 # each test is a subshell
# shellcheck disable=SC2086 # $SLEEP is two words

load containers

# --- where it runs ------------------------------------------------------------------------------

@test "exec: in all namespaces and the root of the container" {
	local init space
	start_sleep $c
	init=$(pid_of $SLEEP)
	in_background "$CONDUCTOR" exec $c -- sleep 3000
	wait_until 5 runs sleep 3000
	for space in uts pid net mnt ipc cgroup user; do
		assert_equal "$(namespace_of "$(pid_of sleep 3000)" $space)" "$(namespace_of "$init" $space)"
	done
	assert_equal "$(stat -Lc %d:%i "/proc/$(pid_of sleep 3000)/root")" "$(stat -Lc %d:%i "/proc/$init/root")"
	# and not in ours
	assert_different "$(namespace_of "$(pid_of sleep 3000)" pid)" "$(namespace_of self pid)"
}

@test "exec: in every cgroup of the container" {
	requires cgroup_v2
	start_sleep $c
	in_background "$CONDUCTOR" exec $c -- sleep 3000
	wait_until 5 runs sleep 3000
	assert_equal "$(cgroups_of "$(pid_of sleep 3000)")" "$(cgroups_of "$(pid_of $SLEEP)")"
	assert_different "$(cgroups_of "$(pid_of sleep 3000)")" "$(cgroups_of self)"
}

@test "exec: the container's processes are seen, and a file written is there for all" {
	start_sleep $c
	run -0 --separate-stderr "$CONDUCTOR" exec $c -- cat /proc/1/cmdline
	assert_equal "$(tr '\0' ' ' <<<"$output")" "$(tr -d ' ' <<<"$SLEEP")"
	run -0 "$CONDUCTOR" exec $c -- sh -c 'echo written >/file'
	run -0 --separate-stderr "$CONDUCTOR" exec $c -- cat /file /proc/sys/kernel/hostname
	assert_equal "$output" "written"$'\n'"$c"
}

@test "exec: the command begins in / with umask 022, whatever ours" {
	start_sleep $c
	(
		umask 077
		run -0 --separate-stderr "$CONDUCTOR" exec $c -- sh -c 'pwd; umask'
		assert_equal "$output" $'/\n0022'
	)
}

@test "exec: the command has descriptors 0 to 2 and no other" {
	start_sleep $c
	exec 7<"$BATS_TEST_FILENAME"
	in_background "$CONDUCTOR" exec $c -- sleep 3000
	wait_until 5 runs sleep 3000
	assert_equal "$(descriptors_of "$(pid_of sleep 3000)")" "0 1 2"
	exec 7<&-
}

@test "exec: nothing of our environment or ignored signals is inside" {
	start_sleep $c
	(
		trap '' TERM HUP PIPE
		run -0 --separate-stderr env SECRET=value "$CONDUCTOR" exec $c -- \
			sh -c 'env; grep SigIgn /proc/self/status'
		refute_contains "$output" SECRET
		assert_contains "$output" "SigIgn:"$'\t'0000000000000000
	)
}

# --- its command --------------------------------------------------------------------------------

@test "exec: arguments with spaces, newlines, nothing and wildcards arrive untouched" {
	local arguments=("two words" $'new\nline' "" "*" '$HOME' '`id`' "--rm" "-d" "--" "\\" "'" '"' $'tab\t' "ünï")
	start_sleep $c
	run -0 --separate-stderr "$CONDUCTOR" exec $c -- printf '[%s]\n' "${arguments[@]}"
	assert_equal "$output" "$(printf '[%s]\n' "${arguments[@]}")"
}

@test "exec: the word after NAME starts the command, with -- or without" {
	start_sleep $c
	run -0 --separate-stderr "$CONDUCTOR" exec $c echo -n -- --help
	assert_equal "$output" "-- --help"
	run -0 --separate-stderr "$CONDUCTOR" exec $c -- echo -- x
	assert_equal "$output" "-- x"
}

@test "exec: without a command it is a shell, fed by standard input" {
	start_sleep $c
	run -4 --separate-stderr bash -c 'printf "cat /proc/1/comm\nexit 4\n" | "$CONDUCTOR" exec "$1"' - $c
	assert_equal "$output" sleep
}

@test "exec: standard input, output and error are the command's" {
	start_sleep $c
	run -0 --separate-stderr bash -c 'head -c 300000 /dev/zero | "$CONDUCTOR" exec "$1" -- cat | wc -c' - $c
	assert_equal "$((output))" 300000
	run -0 --separate-stderr "$CONDUCTOR" exec $c -- sh -c 'echo out; echo err >&2'
	assert_equal "$output" out
	assert_equal "$stderr" err
}

@test "exec: the exit status is passed on, and 128 and the number of a signal" {
	local wanted
	start_sleep $c
	for wanted in 0 1 7 125 255; do
		run -$wanted "$CONDUCTOR" exec $c -- sh -c "exit $wanted"
	done
	run -143 "$CONDUCTOR" exec $c -- sh -c 'kill -TERM $$'
	run -137 "$CONDUCTOR" exec $c -- sh -c 'kill -KILL $$'
}

@test "exec: 127 for a command that isn't there, 126 for one that can't be run" {
	start_sleep $c
	run -127 "$CONDUCTOR" exec $c -- /no/such
	assert_equal "$output" "conductor: exec: $c: /no/such: cannot run it: No such file or directory"
	run -126 "$CONDUCTOR" exec $c -- /etc/passwd
	assert_equal "$output" "conductor: exec: $c: /etc/passwd: cannot run it: Permission denied"
	run -126 "$CONDUCTOR" exec $c -- /etc
}

@test "exec: on a terminal the command has it" {
	requires script
	start_sleep $c
	run -5 script -qec "$CONDUCTOR exec $c -- sh -c 'test -t 0 && test -t 1 && test -t 2 && echo a terminal; exit 5'" /dev/null
	assert_contains "$output" "a terminal"
}

# Whoever stays behind may write without end, and as fast as the screen takes it.
@test "exec: on a terminal it ends with its command, though another goes on writing there" {
	requires script
	start_sleep $c
	# Slower than who writes, as screens are; no event is waited for.
	screen() { while IFS= read -r -N 512 _; do sleep 0.001; done; }
	export -f screen
	run -0 bash -c 'timeout 20 script -qec "$1" /dev/null | screen; exit "${PIPESTATUS[0]}"' - \
		"$CONDUCTOR exec $c -- sh -c 'trap \"\" HUP; (echo; : >/begun; exec yes) & until [ -e /begun ]; do :; done'"
}

# --- its end ------------------------------------------------------------------------------------

@test "exec: SIGTERM to it ends the command, and the container goes on" {
	start_sleep $c
	in_background "$CONDUCTOR" exec $c -- sleep 3000
	wait_until 5 runs sleep 3000
	kill -TERM "$job"
	await "$job"
	assert_equal "$status" 143
	runs_not sleep 3000
	runs $SLEEP
}

@test "exec: its command dies with it, and with the container" {
	start_sleep $c
	in_background "$CONDUCTOR" exec $c -- sleep 3000
	wait_until 5 runs sleep 3000
	kill -KILL "$job"
	wait_until 5 runs_not sleep 3000
	runs $SLEEP

	in_background "$CONDUCTOR" exec $c -- sleep 4000
	wait_until 5 runs sleep 4000
	kill -KILL "$(pid_of $SLEEP)"
	await "$job"
	assert_equal "$status" 137
	runs_not sleep 4000
}

# --- refused ------------------------------------------------------------------------------------

@test "exec: a container that has exited, or that there is not, is refused" {
	run -3 "$CONDUCTOR" run base $c -- sh -c 'exit 3'
	run -125 "$CONDUCTOR" exec $c -- true
	assert_equal "$output" "conductor: exec: $c: it has exited (status 3)"
	run -125 "$CONDUCTOR" exec no-such -- true
	assert_equal "$output" "conductor: exec: no-such: no such container"
}

@test "exec: a container that is still being made isn't entered, as its root would be the host's" {
	requires strace
	local canary=$BATS_TEST_TMPDIR/canary seen
	touch "$canary"
	in_background strace -f -qq -o /dev/null -e trace=pivot_root \
		-e inject=pivot_root:delay_enter=500000 "$CONDUCTOR" run base $c -- $SLEEP
	entered() {
		seen=$("$CONDUCTOR" exec $c -- ls -d "$canary" / 2>/dev/null)
		[ -n "$seen" ]
	}
	wait_until 10 entered
	"$CONDUCTOR" stop $c # first, as strace ends with what it traces
	await "$job"
	job=
	assert_equal "$seen" /
}
