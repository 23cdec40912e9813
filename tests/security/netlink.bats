#!/usr/bin/env bats
# What conductor says to the kernel over netlink, and whom it believes.

# shellcheck disable=SC2154 # bats's run sets output, stderr and lines

load ../helpers

NETLINK=${NETLINK:-$TOP/tests/tools/netlink}

setup_file() {
	require_lab
}

setup() {
	CONDUCTOR_ROOT=$BATS_TEST_TMPDIR/state
	export CONDUCTOR_ROOT
	snapshot_world
}

teardown() {
	assert_world_unchanged
}

# In runc a name of 65,536 bytes and more became an attribute whose length had wrapped, and the rest of
# it was read as attributes: namespaces of the attacker's choice.
@test "S19, CVE-2021-43784: an attribute of 65,530 to 70,000 bytes is exact or an error, never of a wrapped length" {
	run -0 "$NETLINK" lengths
	assert_equal "$output" "attributes, texts and nests of 65530 to 70000 bytes"
}

@test "CVE-2021-43784: names of 65,530 to 70,000 bytes are refused, and nothing is made" {
	local length name words
	"$CONDUCTOR" build base >/dev/null
	for length in 65530 65535 65536 65540 70000; do
		name=$(printf "%0${length}d" 0)
		for words in "run base $name -- true" "run $name c1 -- true" "addnetwork $name" "peer $name c1" \
			"stop $name" "rmi $name" "build $name"; do
			# shellcheck disable=SC2086 # words are to be split
			run --separate-stderr "$CONDUCTOR" $words
			[[ $status = 2 || $status = 125 ]] || fail "status $status of: ${words:0:30}..."
			assert_equal "${#stderr_lines[@]}" 1
			[ ${#stderr} -lt 2000 ] || fail "an error of ${#stderr} bytes"
		done
	done
	assert_equal "$(ls "$CONDUCTOR_ROOT/containers")" ""
	assert_equal "$(ls "$CONDUCTOR_ROOT/images")" base
}

# udev took messages from any process for the kernel's. A process with CAP_NET_ADMIN in the same network
# namespace, as in a privileged container, may write to our sockets too.
@test "CVE-2009-1185: an answer that another process sends over netlink is not taken for the kernel's" {
	run -0 "$NETLINK" stranger
	assert_equal "$output" "a forged answer"
}
