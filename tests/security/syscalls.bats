#!/usr/bin/env bats
# System calls that a container has no use for, and the side doors to them.
# shellcheck disable=SC2154 # bats's run sets output, stderr and lines
# shellcheck disable=SC2016 # inner shells expand what stands in single quotes
# shellcheck disable=SC2030,SC2031 # each test is a subshell

load attack

calls() { # all that attack knows, but for those given
	local call
	for call in $("$ATTACK" tries); do
		[[ " $* " == *" $call "* ]] || echo "$call"
	done
}

dangerous_calls() {
	run --separate-stderr way /attack try "$@"
	assert_refused "$output" EPERM
	assert_equal "$(wc -l <<<"$output")" $#
}

# --- by name ------------------------------------------------------------------------------------

@test "syscalls: bpf, userfaultfd, perf_event_open, io_uring, kexec, modules, swap, reboot, clocks, mounts, namespaces, keys are refused" {
	# shellcheck disable=SC2046 # words
	each_way dangerous_calls $(calls clone3-user)
}

@test "syscalls: the same for an ordinary user" {
	ordinary_user
	# shellcheck disable=SC2046
	each_way dangerous_calls $(calls clone3-user)
}

# By name, so that no test above is green because the kernel lacks the call.
@test "syscalls: without the confinement most of them come through" {
	requires machine_root
	# shellcheck disable=SC2046
	run --separate-stderr raw /attack try $(calls)
	assert_equal "$(grep -cE ': (EPERM|SIGSYS)$' <<<"$output")" 0
	[ "$(grep -c ': ok$' <<<"$output")" -ge 25 ] || fail "$output"
}

# glibc and others fall back to clone(2) for ENOSYS only. Its flags lie in memory, which no filter sees.
@test "syscalls: clone3 is not there, so that programs use clone" {
	flags_unseen() {
		run -1 way /attack try clone3-user
		assert_equal "$output" "clone3-user: ENOSYS"
	}
	each_way flags_unseen
	run -0 --separate-stderr inside sh -c '(echo child); sleep 0 & wait $!; echo parent'
	assert_equal "$output" $'child\nparent'
}

# A library that tries a new call goes on with the old one when it is told that there is no such call.
@test "syscalls: a call that is newer than the filter is not there, rather than forbidden" {
	run -1 inside /attack call 700
	assert_equal "$output" "700: ENOSYS"
	# setxattrat(2), of Linux 6.13, where the kernel has it.
	run -1 inside /attack call 463
	assert_equal "$output" "463: ENOSYS"
}

@test "syscalls: a program may ask what personality it has, and be an ordinary one" {
	personalities() {
		run -0 way /attack call 135 0xffffffff
		run -0 way /attack call 135 0
		run -0 way /attack call 135 8
		run -1 way /attack call 135 0x400000
		assert_equal "$output" "135: EPERM"
	}
	[ "$(uname -m)" = x86_64 ] || skip "the number is x86-64's"
	each_way personalities
}

# --- by another door ----------------------------------------------------------------------------

# Where the kernel has none, as with ia32_emulation=off, no filter is asked.
requires_i386_calls() {
	[ "$(uname -m)" = x86_64 ] || skip "this is x86-64's"
	run "$ATTACK" call-i386 20 # getpid
	[[ $output == "20: ok" ]] || skip "this kernel has no i386 calls"
}

@test "syscalls: i386's numbers don't pass the filter" {
	requires_i386_calls
	i386_number() {
		run -0 way /attack call 39 # x86-64's getpid
		run -1 way /attack call-i386 20
		assert_refused "$output" EPERM ENOSYS SIGSYS
	}
	each_way i386_number
}

@test "syscalls: i386's getpid works where no filter is" {
	requires_i386_calls
	run -0 raw /attack call-i386 20
}

@test "syscalls: x32's numbers don't pass the filter" {
	[ "$(uname -m)" = x86_64 ] || skip "this is x86-64's"
	run -0 "$ATTACK" call 39
	x32_number() {
		run -0 way /attack call 39
		run -1 way /attack call-x32 39
		assert_refused "$output" EPERM ENOSYS SIGSYS
	}
	each_way x32_number
}

# --- what must still work -----------------------------------------------------------------------

@test "syscalls: what programs need works: files, pipes, jobs, signals, limits" {
	run -0 --separate-stderr inside sh -c '
		touch /file && chown 0:0 /file && chmod 600 /file && ln /file /file2 && mv /file2 /file3 &&
		mkdir /root2 && mkfifo /fifo && echo x | cat && (cd / && sleep 0 & wait) && kill -0 $$ && ulimit -n 100 &&
		bash -c "exec 3<>/dev/null; read -t 0.01 <>/fifo; :" && nice -n 1 true && echo done'
	assert_equal "${lines[-1]}" "done"
}
