# shellcheck shell=bash
# What the suites of addnetwork, peer and the firewall share: an image "base" in a state directory of
# the suite's own, and after each test the check that nothing of it stays.
#
#   start NAME...            containers in the background, with /wire in each
#   conductor_fails N LINE COMMAND...   exit status N, and exactly this line on stderr
#   mac_of NAME              the link address of the host's end
#   kill_parent NAME         the process that watches over the container, by SIGKILL

load ../helpers
load ../network

# Each look at the whole world costs as much as a test: so what a test here can change is compared
# after each, and all of it at the end.
setup_file() {
	require_lab
	CONDUCTOR_ROOT=/run/$(random_name state)
	export CONDUCTOR_ROOT
	unset CONDUCTOR_SUBNET
	"$CONDUCTOR" build base >/dev/null
	# shellcheck disable=SC2086 # words
	snapshot_world $WORLD
	mv "$WORLD_BEFORE" "$BATS_FILE_TMPDIR/all.before"
	snapshot_world links routes firewall settings names
	export WORLD_BEFORE WORLD_SUBJECTS
}

teardown_file() {
	WORLD_BEFORE=$BATS_FILE_TMPDIR/all.before
	WORLD_SUBJECTS=$WORLD
	assert_world_unchanged
}

setup() {
	cd "$BATS_TEST_TMPDIR" || return
}

# The product ends what is left. What it can't end, or leaves behind, fails the test.
teardown() {
	local directory
	cd /
	end_background
	for directory in "$CONDUCTOR_ROOT"/containers/*/; do
		[ ! -d "$directory" ] || "$CONDUCTOR" stop -t 0 "$(basename "$directory")"
	done
	assert_equal "$(ls -A "$CONDUCTOR_ROOT/containers")" ""
	assert_nothing_left
}

KEEP_RUNNING='while :; do sleep 1000; done'

start() { # NAME...
	local name
	for name in "$@"; do
		"$CONDUCTOR" run -d base "$name" -- sh -c "$KEEP_RUNNING" "$name" >/dev/null 3>&-
		equip "$name"
	done
}

# shellcheck disable=SC2154 # bats's run sets stderr and output
conductor_fails() { # STATUS LINE COMMAND...
	run "-$1" --separate-stderr "$CONDUCTOR" "${@:3}"
	assert_equal "$stderr" "$2"
	assert_equal "$output" ""
}

mac_of() { # NAME
	cat "/sys/class/net/$1-outside/address"
}

parent_of() { # NAME
	local init
	init=$(init_of sh -c "$KEEP_RUNNING" "$1")
	sed -n 's/^PPid:[[:blank:]]*//p' "/proc/$init/status"
}

kill_parent() { # NAME
	local parent
	parent=$(parent_of "$1")
	kill -KILL "$parent"
	wait_until 5 no_process "$parent"
}

no_process() { # PID
	[ ! -e "/proc/$1" ]
}
