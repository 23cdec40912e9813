#!/usr/bin/env bats
# What others do to the machine meanwhile, and what a killed command leaves half-made: the next
# command notices and mends it.
# shellcheck disable=SC2154 # bats's run sets output, stderr and lines

load ../conductor/networked

setup_file() {
	require_lab
	CONDUCTOR_ROOT=/run/$(random_name state)
	export CONDUCTOR_ROOT
	unset CONDUCTOR_SUBNET
	"$CONDUCTOR" build base >/dev/null
	snapshot_world links routes firewall settings names mounts cgroups
	export WORLD_BEFORE WORLD_SUBJECTS
}

teardown_file() {
	assert_world_unchanged
}

# alice publishes port 3000 and is a peer of bob's; both have the internet.
start_alice_and_bob() {
	start alice bob
	"$CONDUCTOR" addnetwork alice -i -e 8080-3000
	"$CONDUCTOR" addnetwork bob -i
	"$CONDUCTOR" peer alice bob
	serve_in alice 8080
	serve_outside internet 9000
	assert_alice_and_bob
}

assert_alice_and_bob() {
	assert_equal "$(from_outside 203.0.113.2:3000)" "203.0.113.2:3000 alice 203.0.113.1"
	assert_equal "$(from_here 127.0.0.1:3000)" "127.0.0.1:3000 alice 192.168.1.1"
	assert_equal "$(from bob 192.168.1.2:8080)" "192.168.1.2:8080 alice 192.168.2.2"
	assert_equal "$(from bob 203.0.113.1:9000)" "203.0.113.1:9000 internet 203.0.113.2"
}

# --- nft flush ruleset --------------------------------------------------------------------------

@test "repair: nft flush ruleset by somebody else: the next addnetwork of another container brings ports and peers back (moby#12294)" {
	requires nft
	start_alice_and_bob
	start carol
	nft flush ruleset
	refute grep -q alice <<<"$(from_outside 203.0.113.2:3000)"
	run -0 --separate-stderr "$CONDUCTOR" addnetwork carol
	assert_equal "$stderr" ""
	assert_alice_and_bob
	assert_equal "$(from carol 192.168.1.2:8080)" "192.168.1.2:8080 silent"
}

@test "repair: so do peer, run and stop, of whatever container" {
	requires nft
	local command
	start_alice_and_bob
	start carol dave
	"$CONDUCTOR" addnetwork carol
	"$CONDUCTOR" addnetwork dave
	for command in "peer carol dave" "run --rm base eve -- true" "stop -t 0 dave"; do
		nft flush ruleset
		# shellcheck disable=SC2086 # words
		run -0 --separate-stderr "$CONDUCTOR" $command
		assert_equal "$stderr" ""
		assert_alice_and_bob
	done
}

@test "repair: nft flush ruleset, then the last container goes: no table comes back" {
	requires nft
	start alice
	"$CONDUCTOR" addnetwork alice -i
	nft flush ruleset
	run -0 --separate-stderr "$CONDUCTOR" stop -t 0 alice
	assert_equal "$stderr" ""
	assert_equal "$(nft list tables)" ""
}

# --- peers --------------------------------------------------------------------------------------

@test "repair: the way to a peer of another pool goes with the peer" {
	start alice bob
	"$CONDUCTOR" addnetwork alice
	"$CONDUCTOR" addnetwork bob --subnet 10.66.0.0/16
	"$CONDUCTOR" peer alice bob
	assert_contains "$(routes_of alice)" "10.66.1.2/255.255.255.255 192.168.1.1 alice-inside"
	"$CONDUCTOR" stop -t 0 bob
	refute_contains "$(routes_of alice)" 10.66
	assert_contains "$(routes_of alice)" "192.168.0.0/255.255.0.0 192.168.1.1 alice-inside"
}

@test "repair: peer killed between the two records: neither a later container of that name nor a repair makes a peer of it" {
	requires nft
	start alice bob
	"$CONDUCTOR" addnetwork alice -i # the host forwards: only the firewall is between them
	"$CONDUCTOR" addnetwork bob -i
	serve_in bob 8080
	echo "peer=bob" >>"$CONDUCTOR_ROOT/containers/alice/network" # as the kill leaves it
	nft flush ruleset
	"$CONDUCTOR" run --rm base carol -- true
	assert_equal "$(from alice 192.168.2.2:8080)" "192.168.2.2:8080 silent"
	run -0 --separate-stderr "$CONDUCTOR" peer alice bob
	assert_equal "$(from alice 192.168.2.2:8080)" "192.168.2.2:8080 bob 192.168.1.2"
}

# --- addnetwork, killed -------------------------------------------------------------------------

# Kills addnetwork once its record is there, just before it asks the kernel for anything.
kill_addnetwork() { # NAME [OPTION...]
	local hit=$BATS_TEST_TMPDIR/hit
	run -137 "$TOP/tests/faults/fault" kill "$hit" close_range 0 renameat 1 -- "$CONDUCTOR" addnetwork "$@"
	run -137 "$TOP/tests/faults/fault" kill "$hit" close_range 0 clone3 1 -- "$CONDUCTOR" addnetwork "$@"
	assert_equal "$(cat "$hit")" $'hit\nend'
}

@test "repair: addnetwork killed midway: the next command takes away what it had made, and it can be said again" {
	start alice
	kill_addnetwork alice -i -e 8080-3000
	assert_contains "$(links_of "")" alice-outside # the half of it
	"$CONDUCTOR" run --rm base bob -- true
	wait_until 3 refute grep -q alice-outside /proc/net/dev
	refute [ -e "$CONDUCTOR_ROOT/containers/alice/network" ]
	assert_equal "$(cat /proc/sys/net/ipv4/ip_forward)" 0
	run -0 --separate-stderr "$CONDUCTOR" addnetwork alice -i -e 8080-3000
	assert_equal "$stderr" ""
	serve_in alice 8080
	assert_equal "$(from_outside 203.0.113.2:3000)" "203.0.113.2:3000 alice 203.0.113.1"
}

@test "repair: addnetwork -e killed midway on a network that is there: the next command completes it" {
	start alice
	"$CONDUCTOR" addnetwork alice
	kill_addnetwork alice -e 8080-3000
	serve_in alice 8080
	"$CONDUCTOR" run --rm base bob -- true
	assert_equal "$(from_outside 203.0.113.2:3000)" "203.0.113.2:3000 alice 203.0.113.1"
	assert_equal "$(from_here 192.168.1.2:8080)" "192.168.1.2:8080 alice 192.168.1.1"
}

@test "repair: a damaged record of a network keeps nothing from being stopped" {
	start alice
	"$CONDUCTOR" addnetwork alice
	echo garbage >"$CONDUCTOR_ROOT/containers/alice/network"
	run "$CONDUCTOR" stop -t 0 alice
	refute [ -e "$CONDUCTOR_ROOT/containers/alice" ]
}
