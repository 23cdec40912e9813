#!/usr/bin/env bats
# Older kernels, and outer containers that hide calls: tests/tools/deny answers for chosen system
# calls what a kernel without them answers. Each program then goes another way, or says in one line
# what it lacks, exits as for its own failures and leaves nothing behind. On real ones: tests/vm.
#
# Which call needs which Linux: pidfd_send_signal 5.1, pidfd_open and clone3 5.3, openat2 5.6,
# CLONE_INTO_CGROUP 5.7 (before it clone3 says E2BIG), setns with a pidfd 5.8 (EINVAL), close_range
# 5.9, its CLOSE_RANGE_CLOEXEC 5.11 (EINVAL), open_tree and move_mount 5.2, mount_setattr 5.12.
# shellcheck disable=SC2154 # bats's run sets output, stderr and lines
# shellcheck disable=SC2016 # inner shells expand what stands in single quotes
# shellcheck disable=SC2030,SC2031 # each test is a subshell
# shellcheck disable=SC2086 # $SLEEP is two words, $denied several

load conductor/containers

DENY=$TOP/tests/tools/deny
UNKNOWN='Function not implemented (a seccomp filter holds here, as in a container, and hides the call)'
OLD='(needs Linux 5.15 or newer, this is 2.6.*)'

as=() # what runs a command as somebody else
# A machine that calls itself Linux 2.6: uname(2) under personality(2)'s UNAME26.
older=(setarch --uname-2.6)

# One line, which is as the pattern: an asterisk stands for anything.
assert_told() { # TEXT PATTERN
	# shellcheck disable=SC2053 # a pattern is meant
	[[ $1 == $2 ]] || fail "expected: $2" "  actual: $1"
	assert_equal "$(grep -c '' <<<"$1")" 1
}

# each_is_told STATUS PREFIX COMMAND...: reads lines CALL=ERROR...|WHAT, what the command says then.
# ENOSYS is tried on this kernel, where a filter is to blame, and every error on an older one.
each_is_told() {
	local wanted=$1 prefix=$2 denied what tried=0
	shift 2
	while IFS='|' read -r denied what; do
		if [[ $denied == *ENOSYS ]]; then
			run -"$wanted" --separate-stderr "${as[@]}" "$DENY" $denied "$@"
			assert_told "$stderr" "$prefix$what: $UNKNOWN"
			nothing_came_of_it
		fi
		run -"$wanted" --separate-stderr "${as[@]}" "${older[@]}" "$DENY" $denied "$@"
		assert_told "$stderr" "$prefix$what: * $OLD"
		nothing_came_of_it
		tried=$((tried + 1))
	done
	[ $tried -gt 0 ]
}

nothing_came_of_it() {
	assert_no_container $c
}

# --- task 3 -------------------------------------------------------------------------------------

@test "kernels: conductor run: what it can't do without is told in one line, and no container stays" {
	requires setarch
	each_is_told 125 'conductor: run: ' "$CONDUCTOR" run base $c -- $SLEEP <<-EOF
		clone3=ENOSYS|cannot make the namespaces
		clone3=E2BIG|cannot make the namespaces
		mount_setattr=ENOSYS|$c: cannot m* /dev*
		close_range=ENOSYS|$c: cannot close the descriptors
		close_range=EINVAL|$c: cannot close the descriptors
		execveat=ENOSYS|cannot execute a copy of itself that nobody can write
		open_tree=ENOSYS memfd_create=ENOSYS|cannot execute a copy of itself that nobody can write
	EOF
	refute runs $SLEEP
}

@test "kernels: conductor run: an ordinary user is told the same" {
	requires machine_root setpriv setarch userns
	mkdir "/run/$c"
	chown 65534:65534 "/run/$c"
	export CONDUCTOR_ROOT=/run/$c/state
	roots+=("$CONDUCTOR_ROOT")
	as=(as_nobody "$(command -v env)")
	run -0 "${as[@]}" "$CONDUCTOR" build base
	each_is_told 125 'conductor: run: ' "$CONDUCTOR" run base $c -- $SLEEP <<-EOF
		clone3=ENOSYS|cannot make the namespaces
		mount_setattr=ENOSYS|$c: cannot make /dev read-only
		close_range=ENOSYS|$c: cannot close the descriptors
		memfd_create=ENOSYS|cannot execute a copy of itself that nobody can write
	EOF
	refute runs $SLEEP
	# Overlays in user namespaces are there since 5.11, and on tmpfs since 6.6.
	run -7 --separate-stderr "${as[@]}" "$DENY" setxattr=EOPNOTSUPP "$CONDUCTOR" run --rm base $c -- sh -c 'echo >/new; exit 7'
	assert_equal "$stderr" 'conductor: run: no overlay here, so the image is copied: Operation not supported'
}

@test "kernels: conductor exec: what it can't do without is told, and the container goes on" {
	requires setarch
	start_sleep $c
	local init
	init=$(pid_of $SLEEP)
	nothing_came_of_it() {
		assert_equal "$(pid_of $SLEEP)" "$init"
		refute runs sleep 4321
	}
	each_is_told 125 'conductor: exec: ' "$CONDUCTOR" exec $c -- sleep 4321 <<-EOF
		pidfd_open=ENOSYS|$c: cannot hold its process
		setns=EINVAL|$c: cannot join its pid namespace
		clone3=ENOSYS|$c: cannot clone
		close_range=EINVAL|$c: cannot close the descriptors
		execveat=ENOSYS open_tree=ENOSYS|cannot execute a copy of itself that nobody can write
	EOF
	run -7 "$CONDUCTOR" exec $c -- sh -c 'exit 7'
}

@test "kernels: conductor stop: what can't be held or signalled goes on, and can be stopped later" {
	requires setarch
	start_sleep $c
	local init
	init=$(pid_of $SLEEP)
	nothing_came_of_it() {
		assert_equal "$(pid_of $SLEEP)" "$init"
		[ -e "$(directory_of $c)/state" ]
	}
	each_is_told 1 'conductor: stop: ' "$CONDUCTOR" stop $c <<-EOF
		pidfd_open=ENOSYS|$c: cannot hold its process
		pidfd_send_signal=ENOSYS|$c: cannot kill it
	EOF
	run -0 "$CONDUCTOR" stop -t 0 $c
	assert_no_container $c
}

@test "kernels: conductor stop: without openat2 nothing is removed by a way that could be led astray" {
	requires setarch
	start_sleep $c
	mkdir "$BATS_TEST_TMPDIR/outside"
	echo kept >"$BATS_TEST_TMPDIR/outside/file"
	"$CONDUCTOR" exec $c -- sh -c 'mkdir -p /d/e; ln -s "$1" /d/link' - "$BATS_TEST_TMPDIR/outside"
	nothing_came_of_it() {
		refute runs $SLEEP # it was ended before
		[ -e "$(directory_of $c)/state" ]
		assert_equal "$(<"$BATS_TEST_TMPDIR/outside/file")" kept
	}
	each_is_told 1 'conductor: stop: ' "$CONDUCTOR" stop -t 0 $c <<-EOF
		openat2=ENOSYS|$c: cannot remove *
	EOF
	run -0 "$CONDUCTOR" stop $c
}

@test "kernels: the sweep takes nothing from a container that it can't end" {
	requires setpriv
	"$CONDUCTOR" run -d --rm base $c -- setpriv --pdeathsig clear $SLEEP >/dev/null 3>&-
	"$CONDUCTOR" addnetwork $c >/dev/null
	local init links
	init=$(pid_of $SLEEP)
	links=$(world_links)
	kill -KILL "$(parent_of "$init")"
	run -0 "$DENY" pidfd_send_signal=ENOSYS "$CONDUCTOR" run --rm base ${c}b -- true
	assert_equal "$(pid_of $SLEEP)" "$init"
	assert_equal "$(world_links)" "$links"
	[ -e "$(directory_of $c)/state" ]
	run -0 "$CONDUCTOR" run --rm base ${c}b -- true
	assert_no_container $c
}

@test "kernels: conductor run passes signals on where there is no pidfd_send_signal" {
	in_background "$DENY" pidfd_send_signal=ENOSYS "$CONDUCTOR" run --rm base $c -- sh -c 'trap "exit 9" TERM; echo >/up; while :; do sleep 0.02; done'
	up() { [ -e "$(directory_of $c)/rootfs/up" ]; }
	wait_until 5 up
	kill -TERM "$job"
	wait_until 5 job_has_ended
	await "$job"
	assert_equal "$status" 9
	assert_no_container $c
}

@test "kernels: conductor build: what it can't do without is told, and there is no image" {
	requires setarch
	echo text >file
	printf 'FROM base\nCOPY file /file\nRUN true\n' >Conductorfile
	nothing_came_of_it() {
		assert_no_containers
		refute_contains "$("$CONDUCTOR" images)" $c
	}
	"$CONDUCTOR" images
	each_is_told 1 'conductor: build: ' "$CONDUCTOR" build $c Conductorfile <<-EOF
		openat2=ENOSYS|Conductorfile:2: COPY file
		clone3=ENOSYS|cannot make the namespaces
		mount_setattr=ENOSYS|build-*: cannot m* /dev*
		close_range=ENOSYS|build-*: cannot close the descriptors
	EOF
}

@test "kernels: conductor addnetwork: what it can't do without is told, and no link is made" {
	requires setarch
	start_sleep $c
	nothing_came_of_it() {
		assert_equal "$(world_links)" "$(cat "$WORLD_BEFORE/links")"
	}
	each_is_told 1 'conductor: addnetwork: ' "$CONDUCTOR" addnetwork $c <<-EOF
		pidfd_open=ENOSYS|$c: cannot hold its process
		clone3=ENOSYS|cannot make a process that enters the container's network namespace
		setns=EINVAL|cannot enter the container's network namespace
	EOF
	run -0 "$CONDUCTOR" addnetwork $c
}

@test "kernels: the commands that only look need none of these calls" {
	start_sleep $c
	local all word
	all=$(printf '%s=ENOSYS ' clone3 close_range copy_file_range execveat keyctl memfd_create mount_setattr open_tree \
		openat2 pidfd_open pidfd_send_signal seccomp setns)
	for word in ps images "logs $c" "inspect $c"; do
		run -0 --separate-stderr "$DENY" $all "$CONDUCTOR" $word
		assert_equal "$stderr" ""
		assert_equal "$output" "$("$CONDUCTOR" $word)"
	done
}

# --- fallbacks ----------------------------------------------------------------------------------

# What the container has: the kind of its /dev, whether it may make nodes, how many filters it is under.
traits() { # WORD...
	"$@" run --rm base $c -- sh -c 'sed -n "s,.* /dev [^-]*- \([^ ]*\) .*,\1,p" /proc/self/mountinfo; test -e /dev/kmsg && echo kmsg
		sed -n "s/^CapBnd:	//p; s/^Seccomp_filters:	//p" /proc/self/status'
}

@test "kernels: conductor run: without bpf the container gets a private /dev, and may make no nodes" {
	local mknod=27
	run -0 --separate-stderr traits "$DENY" bpf=ENOSYS "$CONDUCTOR"
	assert_equal "${lines[0]}" tmpfs
	assert_equal $((0x${lines[1]} >> mknod & 1)) 0
	requires machine_root cgroup_v2 # else there was no filter to begin with
	run -0 traits "$CONDUCTOR"
	refute [ "${lines[0]}" = tmpfs ]
	assert_equal $((0x${lines[-2]} >> mknod & 1)) 1
}

@test "kernels: conductor run: without seccomp(2) the filter is installed by prctl(2)" {
	local by_seccomp
	run -0 traits "$DENY" fsopen=ENOSYS "$CONDUCTOR"
	by_seccomp=${lines[-1]}
	run -0 traits "$DENY" seccomp=ENOSYS "$CONDUCTOR"
	assert_equal "${lines[-1]}" "$by_seccomp"
}

@test "kernels: conductor run: where no mount of its own file can be made it is a sealed copy in memory" {
	requires machine_root # others may make no such mount anyway
	own_file() { readlink "/proc/$(parent_of "$(pid_of $SLEEP)")/exe"; }
	start_sleep $c
	refute_contains "$(own_file)" memfd
	"$CONDUCTOR" stop -t 0 $c
	"$DENY" open_tree=ENOSYS "$CONDUCTOR" run -d base $c -- $SLEEP >/dev/null 3>&-
	assert_equal "$(own_file)" '/memfd:conductor (deleted)'
	run -7 "$DENY" open_tree=ENOSYS "$CONDUCTOR" exec $c -- sh -c 'exit 7'
}

@test "kernels: conductor: the sealed copy is asked for as a program, which a machine may demand" {
	requires machine_root unshare
	# 1: what doesn't ask is no program. It is the pid namespace's own setting (Linux 6.3).
	[ -e /proc/sys/vm/memfd_noexec ] || skip "this kernel makes no difference"
	run -7 unshare --pid --fork --mount-proc sh -c 'echo 1 >/proc/sys/vm/memfd_noexec && exec "$@"' - \
		"$DENY" open_tree=ENOSYS "$CONDUCTOR" run --rm base $c -- sh -c 'exit 7'
}

@test "kernels: files are copied the same without copy_file_range" {
	local error
	head -c 200000 /dev/urandom >file
	printf 'FROM base\nCOPY file /file\n' >Conductorfile
	for error in ENOSYS EXDEV EOPNOTSUPP; do
		run -0 "$DENY" copy_file_range=$error "$CONDUCTOR" build $c Conductorfile
		"$CONDUCTOR" run --rm $c $c -- cat /file | cmp - file
		run -0 "$DENY" copy_file_range=$error clone3=ENOSYS "$COPY_DEPS" /bin/sh "root-$error"
		cmp "root-$error/bin/sh" /bin/sh
		"$CONDUCTOR" rmi $c
		"$CONDUCTOR" rmcache
	done
}

# --- tasks 1, 2 and 4, the lab and the witness --------------------------------------------------

@test "kernels: namespace_prog: what it can't do without is told, and no child stays" {
	requires setarch
	each_is_told 1 'namespace_prog: ' "$NAMESPACE_PROG" <<-EOF
		pidfd_open=ENOSYS|cannot open a pidfd of child 1
		setns=EINVAL|cannot join child 1's PID namespace
	EOF
	run -0 "${older[@]}" "$DENY" clone3=ENOSYS close_range=ENOSYS mount_setattr=ENOSYS openat2=ENOSYS "$NAMESPACE_PROG"
}

@test "kernels: task 2: without close_range nothing runs that would have its caller's descriptors" {
	requires setarch
	"$COPY_DEPS" /bin/ls root >/dev/null
	mkdir root/within
	nothing_came_of_it() {
		refute_contains "$output" within
		refute_contains "$output" "Files in the root directory"
	}
	exec 9</ # a way out
	each_is_told 1 'copy_deps: ' "$COPY_DEPS" /bin/ls root -- /bin/ls / <<-EOF
		close_range=ENOSYS|cannot close the descriptors
	EOF
	each_is_told 1 'simple_container: 2a: ' "$SIMPLE_CONTAINER" 2a <<-EOF
		close_range=EINVAL|cannot close the descriptors
	EOF
	# Were they to run, it would show; and nothing else is missing.
	local others="clone3=ENOSYS pidfd_open=ENOSYS mount_setattr=ENOSYS openat2=ENOSYS memfd_create=ENOSYS"
	run -0 "${older[@]}" "$DENY" $others "$COPY_DEPS" /bin/ls root -- /bin/ls /
	assert_contains "$output" within
	run -0 "${older[@]}" "$DENY" $others "$SIMPLE_CONTAINER" 2a
	assert_contains "$output" "Files in the root directory"
}

@test "kernels: service-orchestrator: what it or its conductor can't do without is told, and nothing stays" {
	requires setarch
	nothing_came_of_it() {
		assert_no_containers
		refute [ -e /run/service-orchestrator ]
	}
	cd "$TOP"
	each_is_told 1 'service-orchestrator: up: step ' "$ORCHESTRATOR" up <<-EOF
		memfd_create=ENOSYS|1, build the images: * images
		pidfd_open=ENOSYS|1, build the images: * images
		clone3=ENOSYS|2, run the containers: conductor: run: cannot make the namespaces
		close_range=EINVAL|2, run the containers: * run
	EOF
}

@test "kernels: service-orchestrator down: what it can't stop stays up, and can be taken down later" {
	[ "$("$COPY_DEPS" --list "$COUNTER_SERVICE" | wc -l)" = 1 ] || skip "the services need libraries, and so an image of their own"
	cd "$TOP"
	"$ORCHESTRATOR" up >/dev/null 3>&-
	local before
	before=$("$CONDUCTOR" ps)
	run -1 --separate-stderr "$DENY" pidfd_open=ENOSYS "$ORCHESTRATOR" down
	assert_equal "$("$CONDUCTOR" ps)" "$before"
	assert_equal "$(grep -cF ": $UNKNOWN" <<<"$stderr")" 2
	run -0 "$ORCHESTRATOR" down
}

@test "kernels: lab: what it can't do without is told, and no lab stays" {
	requires setarch
	nothing_came_of_it() {
		assert_equal "$output" ""
	}
	each_is_told 125 'lab: ' "$LAB" -- echo here <<-EOF
		clone3=ENOSYS|cannot make the lab's namespaces
		open_tree=ENOSYS|cannot take * along
		move_mount=ENOSYS|cannot mount *
		mount_setattr=ENOSYS|cannot make the machine's files read-only
	EOF
	run -0 "$DENY" pidfd_open=ENOSYS openat2=ENOSYS "$LAB" -- echo here
	assert_equal "$output" here
}

@test "kernels: witness: what it can't do without is told" {
	requires setarch
	nothing_came_of_it() {
		assert_equal "$output" ""
	}
	each_is_told 125 'witness: ' "$WITNESS" -- echo here <<-EOF
		ptrace=ENOSYS|cannot trace echo
		seccomp=ENOSYS|cannot install the seccomp filter
	EOF
}
