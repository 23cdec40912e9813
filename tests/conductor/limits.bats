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
