#!/usr/bin/env bats
# conductor stop: ends a container's processes and takes away all that it had.
# shellcheck disable=SC2154 # bats's run sets output, stderr and lines
# shellcheck disable=SC2016 # inner shells expand what stands in single quotes
# shellcheck disable=SC2030,SC2031 # each test is a subshell
# shellcheck disable=SC2086 # $SLEEP is two words

load containers

milliseconds() {
	local now=$EPOCHREALTIME
	echo $((${now/[.,]/} / 1000))
}

@test "stop: kills every process, whoever started it" {
	"$CONDUCTOR" run -d base $c -- sh -c "sleep 3000 & (sleep 4000 &) ; $SLEEP" >/dev/null
	in_background "$CONDUCTOR" exec $c -- sleep 5000
	wait_until 5 runs sleep 3000
	wait_until 5 runs sleep 4000
	wait_until 5 runs sleep 5000
	run -0 "$CONDUCTOR" stop $c
	assert_equal "$output" ""
	runs_not sleep 3000
	runs_not sleep 4000
	runs_not sleep 5000
	runs_not $SLEEP
}

@test "stop: takes away cgroups, links, firewall elements, mounts and directory" {
	local group groups
	start_sleep $c
	"$CONDUCTOR" addnetwork $c -i -e 80-3000 >/dev/null
	groups=$(cgroups_of "$(pid_of $SLEEP)" | grep "/conductor/$c-" || :)
	[ -z "$groups" ] || [ -d "$(head -n 1 <<<"$groups")" ]
	assert_different "$(world_links)" "$(cat "$WORLD_BEFORE/links")" # so there is something
	run -0 "$CONDUCTOR" stop $c
	assert_no_container $c
	for group in $groups; do
		refute [ -e "$group" ]
	done
	# teardown compares mounts, links, cgroups, processes and firewall
}

@test "stop: the name is free at once" {
	for _ in 1 2 3; do
		start_sleep $c
		"$CONDUCTOR" addnetwork $c >/dev/null
		run -0 "$CONDUCTOR" stop $c
	done
}

@test "stop: SIGTERM comes first, so that the command can end by itself" {
	in_background "$CONDUCTOR" run base $c -- sh -c "trap 'echo bye; exit 9' TERM; $SLEEP & wait" >out
	wait_until 5 runs $SLEEP
	run -0 "$CONDUCTOR" stop $c
	await "$job"
	assert_equal "$status" 9
	assert_equal "$(cat out)" bye
}

@test "stop -t: SIGKILL for a command that doesn't end by then" {
	local began took
	"$CONDUCTOR" run -d base $c -- sh -c "trap : TERM; $SLEEP & while :; do wait; done" >/dev/null
	wait_until 5 runs $SLEEP
	began=$(milliseconds)
	run -0 "$CONDUCTOR" stop -t 1 $c
	took=$(($(milliseconds) - began))
	assert_number_between $took 1000 $((5000 * ${TEST_SLOWNESS:-1}))
	runs_not $SLEEP
}

@test "stop: a PID 1 that would never get SIGTERM is not waited for" {
	local began
	start_sleep $c
	began=$(milliseconds)
	run -0 "$CONDUCTOR" stop $c
	assert_number_between $(($(milliseconds) - began)) 0 $((5000 * ${TEST_SLOWNESS:-1})) # of 10000
}

@test "stop: a container that has exited goes too" {
	run -0 "$CONDUCTOR" run base $c -- true
	[ -d "$(directory_of $c)" ]
	run -0 "$CONDUCTOR" stop $c
	assert_no_container $c
}

@test "stop: what there is not is an error, also the second time" {
	start_sleep $c
	run -0 "$CONDUCTOR" stop $c
	run -1 "$CONDUCTOR" stop $c
	assert_equal "$output" "conductor: stop: $c: no such container"
}

@test "stop: a number of seconds that is none is wrong usage, and nothing is stopped" {
	local value
	start_sleep $c
	for value in -1 x 1x "" 1.5 99999999999999999999; do
		run -2 --separate-stderr "$CONDUCTOR" stop -t "$value" $c
		assert_matches "$stderr" "^conductor: stop: -t $value: not a number of seconds \\(usage: "
	done
	runs $SLEEP
}

@test "stop: of several at once none leaves anything or hangs" {
	local i pids=() succeeded=0
	start_sleep $c
	for i in {1..8}; do
		"$CONDUCTOR" stop $c 2>>errors 3>&- &
		pids+=($!)
	done
	for i in "${pids[@]}"; do
		await "$i"
		[ "$status" != 0 ] || succeeded=$((succeeded + 1))
	done
	assert_number_between $succeeded 1 8
	assert_equal "$(grep -vx "conductor: stop: $c: no such container" errors || :)" ""
	assert_no_container $c
}

@test "stop: one container's end is not another's" {
	start_sleep $c
	"$CONDUCTOR" run -d base ${c}b -- sleep 3000 >/dev/null
	run -0 "$CONDUCTOR" stop $c
	runs sleep 3000
	run -0 "$CONDUCTOR" exec ${c}b -- true
}

@test "stop: deleting follows no link that the container made" {
	mkdir victim
	touch victim/file
	run -0 "$CONDUCTOR" run base $c -- ln -s "$PWD/victim" /link
	[ -L "$(directory_of $c)/rootfs/link" ]
	run -0 "$CONDUCTOR" stop $c
	[ -e victim/file ]
}

@test "stop: deleting never crosses a mount, also of the same file system (R1, moby#22260, kata#11183)" {
	mkdir "$CONDUCTOR_ROOT/victim"
	touch "$CONDUCTOR_ROOT/victim/file"
	run -0 "$CONDUCTOR" run base $c -- mkdir /mounted
	mount --bind "$CONDUCTOR_ROOT/victim" "$(directory_of $c)/rootfs/mounted"
	run "$CONDUCTOR" stop $c
	umount "$(directory_of $c)/rootfs/mounted"
	[ -e "$CONDUCTOR_ROOT/victim/file" ]
	assert_equal "$status" 1
	assert_matches "$output" "^conductor: stop: $c: cannot remove (upper|copy): .*\\(something is mounted inside\\)$"
	run -0 "$CONDUCTOR" stop $c # it can be said again
	rm -r "$CONDUCTOR_ROOT/victim"
}

@test "stop: nobody who stands in its root, or holds its mounts, is in the way (R1, containerd#10704)" {
	requires nsenter
	start_sleep $c
	cd "$(directory_of $c)/rootfs"
	in_background nsenter --target "$(pid_of $SLEEP)" --mount sleep 3000
	wait_until 5 runs sleep 3000
	run -0 "$CONDUCTOR" stop $c
	cd "$BATS_TEST_TMPDIR"
	runs sleep 3000
	assert_no_container $c
	run -0 "$CONDUCTOR" run --rm base $c -- ls /etc/passwd
}

@test "stop: deletes directories that are deep, closed or oddly named" {
	run -0 "$CONDUCTOR" run base $c -- sh -c '
		mkdir -p /closed/inside && chmod 0 /closed
		touch "/-rf" "/a b" "/new
line"
		i=0; while [ $i -lt 300 ]; do mkdir deep_directory_name && cd deep_directory_name; i=$((i + 1)); done'
	run -0 "$CONDUCTOR" stop $c
	assert_no_container $c
}

@test "stop: deletes more levels of directories than it may have descriptors" {
	# In two steps, since no path may be as long; and with names that are in the way of moving them.
	run -0 "$CONDUCTOR" run base $c -- sh -c '
		half=$(printf "d/%.0s" $(seq 1500))
		mkdir -p "/$half" /1/full /2 && touch /3 && env -C "/$half" mkdir -p "$half"'
	run -0 bash -c 'ulimit -Sn 1024 && "$0" stop "$1"' "$CONDUCTOR" $c
	assert_equal "$output" ""
	assert_no_container $c
}

@test "stop: the file rootfs of a container leads nowhere after its end" {
	local link
	start_sleep $c
	link=$(readlink "$(directory_of $c)/rootfs")
	[ -d "$link/" ]
	run -0 "$CONDUCTOR" stop $c
	refute [ -e "$link" ]
}

@test "stop: of a container without its parent nothing is taken away before its PID 1 has ended" {
	requires strace
	local init link tracer
	mkfifo gate
	in_background "$CONDUCTOR" run --rm base $c -- sh -c "read line; echo >/file; $SLEEP" <>gate
	wait_until 5 grep -q ^up=1 "$(directory_of $c)/state"
	init=$(sed -n 's/^pid=//p' "$(directory_of $c)/state")
	link=$(readlink "$(directory_of $c)/rootfs")
	# A tracer keeps it in a call, and then also from its end.
	strace -qq -o trace -e trace=openat -e inject=openat:delay_enter=60000000 -p "$init" 3>&- &
	tracer=$!
	wait_until 5 grep -Eq "^TracerPid:.$tracer$" "/proc/$init/status"
	echo go >gate
	wait_until 5 grep -q openat trace
	kill -KILL "$job"
	await "$job"
	job=
	run -0 "$CONDUCTOR" run --rm base ${c}b -- true # sweeps
	assert_equal "$output" ""
	[ -d "/proc/$init" ]
	assert_equal "$(readlink "$(directory_of $c)/rootfs")" "$link"
	kill -TERM $tracer
	await $tracer
	wait_until 5 refute [ -d "/proc/$init" ]
	run -0 "$CONDUCTOR" run --rm base ${c}b -- true
	assert_no_container $c
}

@test "stop: a container that is still being made ends too, with its cgroup, and its name is free" {
	for _ in {1..30}; do
		"$CONDUCTOR" run base $c -- $SLEEP >/dev/null 2>&1 3>&- &
		job=$!
		wait_until 5 "$CONDUCTOR" stop $c 2>/dev/null
		await "$job"
		job=
		assert_no_container $c
	done
}
