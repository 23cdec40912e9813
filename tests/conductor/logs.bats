#!/usr/bin/env bats
# conductor logs: what a container in the background wrote.
# shellcheck disable=SC2154 # bats's run sets output, stderr and lines
# shellcheck disable=SC2016 # inner shells expand what stands in single quotes
# shellcheck disable=SC2030,SC2031 # each test is a subshell
# shellcheck disable=SC2086 # $SLEEP is two words

load containers

log_is() { # TEXT
	[ "$("$CONDUCTOR" logs $c)" = "$1" ]
}

@test "logs: standard output and error, in the order they were written" {
	"$CONDUCTOR" run -d base $c -- sh -c 'for i in 1 2 3; do echo out $i; echo err $i >&2; done' >/dev/null
	wait_until 5 log_is $'out 1\nerr 1\nout 2\nerr 2\nout 3\nerr 3'
}

@test "logs: while it runs, and after its end until stop" {
	"$CONDUCTOR" run -d base $c -- sh -c "echo begun; exec $SLEEP" >/dev/null
	wait_until 5 log_is begun
	wait_until 5 runs $SLEEP
	kill -KILL "$(pid_of $SLEEP)"
	wait_until 5 ended 137
	log_is begun
	run -0 "$CONDUCTOR" stop $c
	run -1 "$CONDUCTOR" logs $c
	assert_equal "$output" "conductor: logs: $c: no such container"
}

@test "logs: bytes as they are" {
	"$CONDUCTOR" run -d base $c -- printf 'a\0b\r\n\377no end' >/dev/null
	wait_until 5 log_is "$(printf 'ab\r\n\377no end')" 2>/dev/null
	assert_equal "$("$CONDUCTOR" logs $c | od -An -tx1)" "$(printf 'a\0b\r\n\377no end' | od -An -tx1)"
}

@test "logs: what was written last before the end is there, as far back as 8 MB, and no end of more (R12, moby#40207, for-linux#985)" {
	local size
	"$CONDUCTOR" run -d base $c -- sh -c 'yes 0123456789abcde | head -c 20000000; echo; echo last' >/dev/null
	wait_until 20 ended
	"$CONDUCTOR" logs $c >all
	assert_equal "$(tail -n 1 all)" last
	size=$(stat -c %s all)
	assert_number_between "$size" 8000000 17500000
	assert_number_between "$(du -b -c "$(directory_of $c)"/log* | awk 'END { print $1 }')" 8000000 17500000
}

ended() { # [STATUS]
	[[ $("$CONDUCTOR" ps) == *"exited (${1:-0})"* ]]
}

@test "logs -f: goes on until the container ends" {
	"$CONDUCTOR" run -d base $c -- sh -c 'trap "echo second; exit" USR1; echo first; sleep 3000 & wait' >/dev/null
	in_background "$CONDUCTOR" logs -f $c >followed
	wait_until 5 grep -qx first followed
	refute grep -q second followed
	run "$CONDUCTOR" exec $c -- sh -c 'kill -USR1 1' # ends with the container, perhaps
	await "$job"
	assert_equal "$status" 0
	assert_equal "$(cat followed)" $'first\nsecond'
}

@test "logs -f: a container that has exited is not waited for" {
	"$CONDUCTOR" run -d base $c -- echo only >/dev/null
	wait_until 5 ended
	run -0 timeout 10 "$CONDUCTOR" logs -f $c
	assert_equal "$output" only
}

@test "logs: a container in the foreground has none, and says so" {
	run -0 --separate-stderr "$CONDUCTOR" run base $c -- echo here
	assert_equal "$output" here
	run -0 --separate-stderr "$CONDUCTOR" logs $c
	assert_equal "$output" ""
	assert_equal "$stderr" "conductor: logs: $c: it runs in the foreground; what it writes goes there"
}

@test "logs: only root reads it" {
	start_sleep $c
	wait_until 5 [ -e "$(directory_of $c)/log" ]
	assert_equal "$(stat -c %a "$(directory_of $c)/log" "$CONDUCTOR_ROOT" | paste -sd ' ')" "600 700"
}

@test "logs: output that can't be written makes it fail" {
	"$CONDUCTOR" run -d base $c -- echo text >/dev/null
	wait_until 5 log_is text
	run -1 --separate-stderr bash -c '"$CONDUCTOR" logs "$1" >/dev/full' - $c
	assert_equal "$stderr" "conductor: logs: $c: cannot print its log: No space left on device"
	local unread
	open_unread
	run -141 --separate-stderr bash -c '"$CONDUCTOR" logs "$1" >&"$2"' - $c "$unread"
	assert_equal "$stderr" "" # as every reader's end is none of its business
	exec {unread}>&-
}

@test "logs -f: output that can't be written any more ends it" {
	"$CONDUCTOR" run -d base $c -- sleep 3000 >/dev/null
	in_background "$CONDUCTOR" logs -f $c >/dev/full 2>errors
	follows() { readlink "/proc/$job"/fd/* | grep -q inotify; }
	wait_until 5 follows
	"$CONDUCTOR" exec $c -- sh -c 'echo text >/proc/1/fd/1'
	await "$job"
	assert_equal "$status" 1
	assert_equal "$(<errors)" "conductor: logs: $c: cannot print its log: No space left on device"
}
