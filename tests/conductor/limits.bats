#!/usr/bin/env bats
# conductor run's limits (task 2c's cgroup as options), as the kernel holds them: v2, or v1 where
# the machine's v2 tree lacks the controller.
# shellcheck disable=SC2154 # bats's run sets output, stderr and lines
# shellcheck disable=SC2016 # inner shells expand what stands in single quotes
# shellcheck disable=SC2030,SC2031 # each test is a subshell
# shellcheck disable=SC2086 # $SLEEP is two words

load containers

# What a file of the process's own cgroup says, in whichever tree has it.
limit_of() { # PID FILE...
	local pid=$1 group file
	shift
	for group in $(cgroups_of "$pid"); do
		for file; do
			if [ -e "$group/$file" ]; then
				cat "$group/$file"
			fi
		done
	done
}

throttled() { # PID
	[ "$(limit_of "$1" cpu.stat | awk '$1 == "nr_throttled" { n += $2 } END { print n + 0 }')" -gt 0 ]
}

@test "run --cpus: half a core is 500000 of 1000000 microseconds" {
	requires cgroup_cpu
	start_sleep $c --cpus 0.5
	assert_equal "$(limit_of "$(pid_of $SLEEP)" cpu.max cpu.cfs_quota_us cpu.cfs_period_us | paste -sd ' ')" "500000 1000000"
}

# So little that it is more than the machine has left, however many work on it now.
@test "run --cpus: the kernel throttles what wants more" {
	requires cgroup_cpu
	"$CONDUCTOR" run -d --cpus 0.02 base $c -- sh -c 'while :; do :; done' >/dev/null 3>&-
	wait_until 10 throttled "$(pid_of sh -c 'while :; do :; done')"
}

@test "run --memory: so many bytes, and more are not to be had" {
	requires cgroup_memory
	start_sleep $c --memory 64M
	assert_equal "$(limit_of "$(pid_of $SLEEP)" memory.max memory.limit_in_bytes)" 67108864
	run -0 "$CONDUCTOR" stop $c
	run -137 "$CONDUCTOR" run --rm --memory 64m base $c -- tail /dev/zero
}

# What run said, but that a hybrid machine has v1 limit it.
said() {
	grep -v 'limited by v1'
}

told_of() { # NAME KEY
	"$CONDUCTOR" inspect "$1" | sed -n "s/^$2=//p"
}

@test "run --memory: whom the kernel kills for want of memory is told so, by run, ps and inspect" {
	requires cgroup_memory jq
	run -137 --separate-stderr "$CONDUCTOR" run --memory 16M base $c -- tail /dev/zero
	assert_equal "$(said <<<"$stderr")" "conductor: run: $c: out of memory: the kernel killed a process of it (its limit: 16 MiB)"
	assert_matches "$("$CONDUCTOR" ps)" "$c +base +exited \(137\) out of memory +- "
	assert_equal "$("$CONDUCTOR" ps --json | jq -c '.[0] | [.status, .out_of_memory]')" '["exited (137)",true]'
	assert_equal "$(told_of $c exit_status) $(told_of $c out_of_memory)" "137 true"
	# A shell as PID 1 says the same of its child.
	run -137 --separate-stderr "$CONDUCTOR" run --memory 16M base ${c}b -- sh -c 'tail /dev/zero; exit $?'
	assert_contains "$stderr" "${c}b: out of memory"
	assert_equal "$(told_of ${c}b out_of_memory)" true
	"$CONDUCTOR" run -d --memory 16M base ${c}d -- tail /dev/zero 3>&-
	wait_until 10 ends_as ${c}d "exited (137) out of memory"
}

ends_as() { # NAME STATUS
	[[ $("$CONDUCTOR" ps | grep "^$1 ") == *" $2 "* ]]
}

@test "run --memory: a container that outlives a child's kill has not ended for want of memory, however it ends" {
	requires cgroup_memory
	run -0 --separate-stderr "$CONDUCTOR" run --memory 16M base $c -- sh -c 'tail /dev/zero; echo "$?"'
	assert_equal "$output" 137
	refute_contains "$stderr" "out of memory"
	assert_equal "$(told_of $c status) $(told_of $c exit_status) $(told_of $c out_of_memory)" "exited 0 false"

	local end
	for end in "$CONDUCTOR stop -t 0 ${c}b" 'kill -TERM $job'; do
		in_background "$CONDUCTOR" run --memory 16M base ${c}b -- sh -c "tail /dev/zero; exec $SLEEP" 2>errors
		wait_until 10 runs $SLEEP
		assert_equal "$(told_of ${c}b status) $(told_of ${c}b oom_kills)" "running 1" # the kernel's count
		eval "$end"
		await "$job"
		assert_equal "$status" 137
		refute_contains "$(<errors)" "out of memory"
		[[ $end == *stop* ]] || assert_equal "$(told_of ${c}b out_of_memory)" false
		"$CONDUCTOR" stop ${c}b 2>/dev/null || :
	done
	job=
}

@test "run --memory: a limit that is too small for the container itself is told, too" {
	requires cgroup_memory
	run -125 --separate-stderr "$CONDUCTOR" run --memory 4K base $c -- true
	assert_contains "$stderr" "conductor: run: $c: out of memory: the kernel killed a process of it (its limit: 4 KiB)"
	assert_no_container $c
}

@test "run: of a container that is killed for another reason, nothing is said of memory" {
	requires cgroup_memory
	start_sleep $c --memory 16M
	kill -KILL "$(pid_of $SLEEP)"
	wait_until 5 ends_as $c "exited (137)"
	assert_equal "$(told_of $c out_of_memory)" false
}

@test "run --pids-limit: so many processes, and fork fails beyond" {
	requires cgroup_pids
	start_sleep $c --pids-limit 4
	assert_equal "$(limit_of "$(pid_of $SLEEP)" pids.max)" 4
	run "$CONDUCTOR" exec $c -- sh -c 'for i in 1 2 3 4; do sleep 100 >/dev/null 2>&1 & done'
	refute [ "$status" = 0 ]
	assert_matches "$output" '[Ff]ork'
}

@test "run: several limits together, and a container without any has none" {
	requires cgroup_cpu cgroup_memory cgroup_pids
	start_sleep $c --cpus 2 --memory 1G --pids-limit 100
	assert_equal "$(limit_of "$(pid_of $SLEEP)" memory.max memory.limit_in_bytes pids.max | sort -n | paste -sd ' ')" \
		"100 1073741824"
	"$CONDUCTOR" run -d base ${c}b -- sleep 3000 >/dev/null 3>&-
	refute_contains "$(limit_of "$(pid_of sleep 3000)" memory.max memory.limit_in_bytes pids.max)" 1073741824
	refute_line 100
}

@test "run: limits hold for exec, too" {
	requires cgroup_pids
	start_sleep $c --pids-limit 50
	in_background "$CONDUCTOR" exec $c -- sleep 3000
	wait_until 5 runs sleep 3000
	assert_equal "$(limit_of "$(pid_of sleep 3000)" pids.max)" 50
}

@test "run: inside, its cgroups look like the root" {
	requires cgroup_pids
	run -0 --separate-stderr "$CONDUCTOR" run --rm --pids-limit 50 base $c -- cat /proc/self/cgroup
	refute_contains "$output" "conductor"
	refute_contains "$output" "$c"
	start_sleep $c --pids-limit 50
	assert_contains "$(cat "/proc/$(pid_of $SLEEP)/cgroup")" "$c" # as the host sees it
}

# Processes of ours, which are not in the container's pid namespace: PID 1's end is not theirs. The
# move comes before the command, so that what it forks is there, too.
move_to_cgroup() { # DIRECTORY COMMAND...
	# shellcheck disable=SC2016 # the inner shell expands it
	sh -c 'echo $$ >"$0/cgroup.procs" && exec "$@"' "$@" 3>&- &
	outsider=$!
	wait_until 5 is_in_cgroup "$outsider" "$1"
}

is_in_cgroup() { # PID DIRECTORY
	[[ $(cgroups_of "$1") == *"$2"* ]]
}

@test "stop, and the sweep: what lives in the container's cgroup ends with it, by cgroup.kill or, where there is none, one by one" {
	requires cgroup_pids
	local end group groups outsider outsiders
	for end in "$CONDUCTOR stop -t 0 $c" 'kill -KILL "$(parent_of "$(pid_of $SLEEP)")" && wait_until 5 runs_not $SLEEP && "$CONDUCTOR" run --rm base ${c}b -- true'; do
		start_sleep $c --pids-limit 50
		mapfile -t groups < <(cgroups_of "$(pid_of $SLEEP)" | grep "/$c-")
		[ ${#groups[@]} -gt 0 ]
		outsiders=()
		for group in "${groups[@]}"; do # on a hybrid machine v2's, and v1's of pids
			move_to_cgroup "$group" sh -c 'sleep 1234 & wait'
			outsiders+=("$outsider")
		done
		eval "$end"
		for outsider in "${outsiders[@]}"; do
			await "$outsider"
			assert_equal "$status" 137
		done
		for group in "${groups[@]}"; do
			refute test -e "$group"
		done
		"$CONDUCTOR" stop $c 2>/dev/null || :
	done
}

@test "stop: a privileged container may have made cgroups below its own; they go with it" {
	requires machine_root cgroup_v2
	local group
	"$CONDUCTOR" run -d --privileged base $c -- sh -c "mkdir /tmp/own && mount -t cgroup2 none /tmp/own &&
		mkdir -p /tmp/own/a/b && echo made && exec $SLEEP"
	wait_until 5 runs $SLEEP
	group=$(cgroups_of "$(pid_of $SLEEP)" | grep "/$c-" | head -n 1)
	[ -d "$group/a/b" ]
	run -0 "$CONDUCTOR" stop -t 0 $c
	refute test -e "$group"
}

@test "run: a limit that can't be held is an error, never ignored; without one no cgroup is needed (R14, podman#18712)" {
	requires unshare
	# All that is mounted there, one upon another. Who may not do this may write none, either.
	local hide='while umount -R -l /sys/fs/cgroup 2>/dev/null; do continue; done'
	run -125 --separate-stderr unshare --mount bash -c "$hide; "'"$CONDUCTOR" run --cpus 0.5 base "$1" -- true' - $c
	assert_matches "$stderr" "^conductor: run: $c: (no cgroup here controls cpu$|cannot limit cpu: cannot make a cgroup)"
	assert_equal "$(wc -l <<<"$stderr")" 1
	assert_no_container $c
	run -0 unshare --mount bash -c "$hide; "'"$CONDUCTOR" run --rm base "$1" -- true' - $c
}
