#!/usr/bin/env bats
# conductor ps: the containers, their state and date.
# shellcheck disable=SC2154 # bats's run sets output, stderr and lines
# shellcheck disable=SC2016 # inner shells expand what stands in single quotes
# shellcheck disable=SC2030,SC2031 # each test is a subshell
# shellcheck disable=SC2086 # $SLEEP is two words

load containers

line_of() { # NAME: the words of its line
	"$CONDUCTOR" ps | awk -v name="$1" '$1 == name'
}

@test "ps: without containers a heading alone" {
	run -0 --separate-stderr "$CONDUCTOR" ps
	assert_equal "${#lines[@]}" 1
	assert_matches "$output" '^NAME +IMAGE +STATUS +PID +CREATED +COMMAND$'
	assert_equal "$stderr" ""
	run -0 "$CONDUCTOR" ps --json
	assert_equal "$output" "[]"
}

@test "ps: names a running container, its image, PID, date and command" {
	local before line
	before=$(date +%s)
	start_sleep $c
	line=$(line_of $c)
	assert_matches "$line" "^$c +base +running +$(pid_of $SLEEP) +[0-9-]{10} [0-9:]{8} +$SLEEP$"
	assert_number_between "$(date -d "$(awk '{ print $5, $6 }' <<<"$line")" +%s)" "$before" "$(date +%s)"
}

@test "ps: a container that has exited, and how" {
	run -7 "$CONDUCTOR" run base $c -- sh -c 'exit 7'
	assert_matches "$(line_of $c)" "^$c +base +exited \(7\) +- "
}

@test "ps: one that was killed from outside" {
	start_sleep $c
	kill -KILL "$(pid_of $SLEEP)"
	wait_until 5 has_exited
	assert_matches "$(line_of $c)" "^$c +base +exited \(137\) +- "
}

has_exited() {
	[[ $(line_of $c) == *exited* ]]
}

@test "ps: sorted by name, one line each, however odd the command" {
	"$CONDUCTOR" run -d base ${c}b -- $SLEEP >/dev/null
	run -0 "$CONDUCTOR" run base ${c}a -- printf 'two\nlines' $'\t' $'\e[31m' "$(printf '%0500d' 0)"
	run -0 "$CONDUCTOR" ps
	assert_equal "$(awk 'NR > 1 { print $1 }' <<<"$output")" "${c}a"$'\n'"${c}b"
	refute_contains "$output" $'\e'
}

@test "ps --json: the same as JSON, with the kernel's own PID" {
	requires jq
	start_sleep $c
	run -0 "$CONDUCTOR" run base ${c}b -- printf '%s' 'say "hi" \ back' $'\t'
	run -0 "$CONDUCTOR" ps --json
	assert_equal "$(jq -c 'map([.name, .image, .status])' <<<"$output")" \
		"[[\"$c\",\"base\",\"running\"],[\"${c}b\",\"base\",\"exited (0)\"]]"
	assert_equal "$(jq .[0].pid <<<"$output")" "$(pid_of $SLEEP)"
	assert_contains "$(jq -r .[1].command <<<"$output")" 'say "hi" \ back'
	assert_number_between "$(jq .[0].created <<<"$output")" $(($(date +%s) - 30)) "$(date +%s)"
}

@test "ps: a container that has been stopped is not there" {
	start_sleep $c
	[ -n "$(line_of $c)" ]
	run -0 "$CONDUCTOR" stop $c
	assert_equal "$(line_of $c)" ""
}
