#!/usr/bin/env bats
# conductor peer: lets two containers talk, and nobody else.

# shellcheck disable=SC2154 # bats's run sets output, stderr and lines

load networked

# --- tools --------------------------------------------------------------------------------------

# Containers that all have the internet, so that only peer can make the difference.
start_with_internet() { # NAME...
	local name
	start "$@"
	for name in "$@"; do
		"$CONDUCTOR" addnetwork "$name" -i
		serve_in "$name" 8080
	done
}

# The names in its hosts, but for localhost's.
hosts_of() { # NAME
	inside "$1" cat /etc/hosts | awk '$1 != "127.0.0.1" && $1 != "::1" { print $1, $2 }' | paste -sd ,
}

# --- tests --------------------------------------------------------------------------------------

@test "peer: before it two containers with -i reach each other by no way, after it both ways; a third still can't" {
	start alice bob carol
	"$CONDUCTOR" addnetwork alice -i -e 8080-3000
	"$CONDUCTOR" addnetwork bob -i
	"$CONDUCTOR" addnetwork carol -i
	serve_in alice 8080
	serve_in bob 8080
	serve_here host 7000
	# Everybody is up and can be reached by whom it is meant for.
	assert_equal "$(from_here 192.168.1.2:8080 192.168.2.2:8080 203.0.113.2:3000 192.168.1.1:3000)" "192.168.1.2:8080 alice 192.168.1.1
192.168.2.2:8080 bob 192.168.2.1
203.0.113.2:3000 alice 203.0.113.2
192.168.1.1:3000 alice 192.168.1.1"
	local alice_closed="192.168.1.2:8080 silent
192.168.1.1:3000 silent
203.0.113.2:3000 silent"
	# 7000: the host itself is reached by the end of one's own link, so that the way there is open.
	assert_equal "$(from bob 192.168.2.1:7000 192.168.1.2:8080 192.168.1.1:3000 203.0.113.2:3000 192.168.2.1:3000)" \
		$'192.168.2.1:7000 host 192.168.2.2\n'"$alice_closed"$'\n192.168.2.1:3000 refused'
	assert_equal "$(from alice 192.168.1.1:7000 192.168.2.2:8080 192.168.2.1:7000 203.0.113.2:7000)" "192.168.1.1:7000 host 192.168.1.2
192.168.2.2:8080 silent
192.168.2.1:7000 silent
203.0.113.2:7000 silent"

	run -0 --separate-stderr "$CONDUCTOR" peer alice bob
	assert_equal "$output$stderr" ""
	# Each sees the other's own address: no NAT between them.
	assert_equal "$(from bob 192.168.1.2:8080)" "192.168.1.2:8080 alice 192.168.2.2"
	assert_equal "$(from alice 192.168.2.2:8080)" "192.168.2.2:8080 bob 192.168.1.2"
	assert_equal "$(from carol 192.168.3.1:7000 192.168.2.2:8080 192.168.1.2:8080 192.168.1.1:3000 203.0.113.2:3000)" \
		$'192.168.3.1:7000 host 192.168.3.2\n192.168.2.2:8080 silent\n'"$alice_closed"
	# What leads to the host stays as it was, between peers too.
	assert_equal "$(from bob 203.0.113.2:3000 192.168.2.1:3000 192.168.1.1:7000)" \
		$'203.0.113.2:3000 silent\n192.168.2.1:3000 refused\n192.168.1.1:7000 silent'
}

@test "peer: UDP goes both ways between peers, and not before" {
	start_with_internet alice bob
	hear_in alice 5000
	hear_in bob 5000
	inside alice /wire say 192.168.2.2:5000 before
	inside bob /wire say 192.168.1.2:5000 before
	"$CONDUCTOR" peer alice bob
	inside alice /wire say 192.168.2.2:5000 last
	inside bob /wire say 192.168.1.2:5000 last
	assert_equal "$(heard alice)" "192.168.2.2 last"
	assert_equal "$(heard bob)" "192.168.1.2 last"
}

@test "peer: containers without -i can be peers" {
	start alice bob
	"$CONDUCTOR" addnetwork alice
	"$CONDUCTOR" addnetwork bob
	serve_in alice 8080
	serve_in bob 8080
	assert_equal "$(from alice 192.168.2.2:8080)" "192.168.2.2:8080 silent"
	"$CONDUCTOR" peer bob alice
	assert_equal "$(from alice 192.168.2.2:8080)" "192.168.2.2:8080 bob 192.168.1.2"
	assert_equal "$(from bob 192.168.1.2:8080)" "192.168.1.2:8080 alice 192.168.2.2"
	assert_matches "$(from bob 203.0.113.1:80)" '^203\.0\.113\.1:80 (silent|unreachable)$'
}

@test "peer: peers, and only peers, find each other by name" {
	start_with_internet alice bob carol
	assert_equal "$(hosts_of alice)" "192.168.1.2 alice"
	"$CONDUCTOR" peer alice bob
	assert_equal "$(hosts_of alice)" "192.168.1.2 alice,192.168.2.2 bob"
	assert_equal "$(hosts_of bob)" "192.168.2.2 bob,192.168.1.2 alice"
	assert_equal "$(hosts_of carol)" "192.168.3.2 carol"
	"$CONDUCTOR" peer carol alice
	assert_equal "$(hosts_of alice)" "192.168.1.2 alice,192.168.2.2 bob,192.168.3.2 carol"
	assert_equal "$(hosts_of bob)" "192.168.2.2 bob,192.168.1.2 alice"
	# A program's own look-up finds it.
	run -0 inside alice bash -c 'exec 9<>/dev/tcp/bob/8080 && tail -n 1 <&9'
	assert_equal "$output" "bob 192.168.1.2"
	run inside bob bash -c 'exec 9<>/dev/tcp/carol/8080'
	refute [ "$status" = 0 ]
	# The host's own file knows none of them: compared by teardown, too.
	refute grep -qE 'alice|bob|carol' /etc/hosts
}

@test "peer: a peer's peer is no peer" {
	start_with_internet alice bob carol
	"$CONDUCTOR" peer alice bob
	"$CONDUCTOR" peer bob carol
	assert_equal "$(from alice 192.168.2.2:8080 192.168.3.2:8080)" $'192.168.2.2:8080 bob 192.168.1.2\n192.168.3.2:8080 silent'
	assert_equal "$(from carol 192.168.2.2:8080 192.168.1.2:8080)" $'192.168.2.2:8080 bob 192.168.3.2\n192.168.1.2:8080 silent'
}

@test "peer: twice, or the other way round, changes nothing" {
	start_with_internet alice bob
	"$CONDUCTOR" peer alice bob
	run -0 --separate-stderr "$CONDUCTOR" peer alice bob
	assert_equal "$stderr" ""
	run -0 --separate-stderr "$CONDUCTOR" peer bob alice
	assert_equal "$stderr" ""
	assert_equal "$(hosts_of alice)" "192.168.1.2 alice,192.168.2.2 bob"
	assert_equal "$(from alice 192.168.2.2:8080)" "192.168.2.2:8080 bob 192.168.1.2"
}

@test "peer: it lasts when a network gets -i or -e later" {
	start alice bob
	"$CONDUCTOR" addnetwork alice
	"$CONDUCTOR" addnetwork bob
	serve_in bob 8080
	"$CONDUCTOR" peer alice bob
	"$CONDUCTOR" addnetwork alice -i
	"$CONDUCTOR" addnetwork bob -e 8080-3000
	assert_equal "$(hosts_of alice)" "192.168.1.2 alice,192.168.2.2 bob"
	assert_equal "$(hosts_of bob)" "192.168.2.2 bob,192.168.1.2 alice"
	assert_equal "$(from alice 192.168.2.2:8080)" "192.168.2.2:8080 bob 192.168.1.2"
}

@test "peer: it ends with either; one that is started again under the name is a stranger" {
	start_with_internet alice bob carol
	"$CONDUCTOR" peer alice bob
	"$CONDUCTOR" peer alice carol
	assert_equal "$(from alice 192.168.2.2:8080)" "192.168.2.2:8080 bob 192.168.1.2"
	"$CONDUCTOR" stop -t 0 bob
	assert_equal "$(hosts_of alice)" "192.168.1.2 alice,192.168.3.2 carol"
	start_with_internet bob
	assert_equal "$(address_of bob)" 192.168.2.2 # the same again
	assert_equal "$(from alice 192.168.2.2:8080 192.168.3.2:8080)" $'192.168.2.2:8080 silent\n192.168.3.2:8080 carol 192.168.1.2'
	assert_equal "$(from bob 192.168.1.2:8080)" "192.168.1.2:8080 silent"
	assert_equal "$(hosts_of bob)" "192.168.2.2 bob"
	"$CONDUCTOR" peer alice bob
	assert_equal "$(from bob 192.168.1.2:8080)" "192.168.1.2:8080 alice 192.168.2.2"
}

@test "peer: a peer that exits, or whose parent is killed, is forgotten by the other" {
	start alice bob carol
	"$CONDUCTOR" addnetwork alice
	"$CONDUCTOR" addnetwork bob
	"$CONDUCTOR" addnetwork carol
	"$CONDUCTOR" peer alice bob
	"$CONDUCTOR" peer alice carol
	kill -KILL "$(init_of sh -c "$KEEP_RUNNING" bob)"
	forgotten() { [ "$(hosts_of alice)" = "192.168.1.2 alice,192.168.3.2 carol" ]; }
	wait_until 5 forgotten
	kill_parent carol
	start dave # any next command sweeps
	assert_equal "$(hosts_of alice)" "192.168.1.2 alice"
	refute [ -e /sys/class/net/carol-outside ]
}

@test "peer: peers of different pools reach each other" {
	start alice bob
	"$CONDUCTOR" addnetwork alice --subnet 10.66.0.0/16
	"$CONDUCTOR" addnetwork bob
	serve_in alice 8080
	serve_in bob 8080
	"$CONDUCTOR" peer alice bob
	assert_equal "$(from alice 192.168.1.2:8080)" "192.168.1.2:8080 bob 10.66.1.2"
	assert_equal "$(from bob 10.66.1.2:8080)" "10.66.1.2:8080 alice 192.168.1.2"
	# A later -i changes nothing of it.
	"$CONDUCTOR" addnetwork bob -i
	assert_equal "$(from bob 10.66.1.2:8080)" "10.66.1.2:8080 alice 192.168.1.2"
}

@test "peer: names of 63 letters that begin alike" {
	local a b
	a=$(printf 'a%.0s' {1..62})x
	b=${a%x}y
	start_with_internet "$a" "$b"
	"$CONDUCTOR" peer "$a" "$b"
	assert_equal "$(from "$a" 192.168.2.2:8080)" "192.168.2.2:8080 $b 192.168.1.2"
	assert_equal "$(hosts_of "$a")" "192.168.1.2 $a,192.168.2.2 $b"
}

@test "peer: a container without a network, one that has exited, one that isn't there" {
	start alice bob
	"$CONDUCTOR" addnetwork alice
	conductor_fails 1 "conductor: peer: bob: it has no network (conductor addnetwork bob)" peer alice bob
	conductor_fails 1 "conductor: peer: bob: it has no network (conductor addnetwork bob)" peer bob alice
	conductor_fails 1 "conductor: peer: nobody: no such container" peer alice nobody
	conductor_fails 1 "conductor: peer: nobody: no such container" peer nobody alice
	run -3 "$CONDUCTOR" run base carol -- sh -c 'exit 3'
	conductor_fails 1 "conductor: peer: carol: it has exited (status 3)" peer alice carol
	assert_equal "$(hosts_of alice)" "192.168.1.2 alice"
}

@test "peer: wrong calls are told with the usage, exit status 2" {
	local usage="(usage: conductor peer A B)"
	conductor_fails 2 "conductor: peer: too few words $usage" peer
	conductor_fails 2 "conductor: peer: too few words $usage" peer alice
	conductor_fails 2 "conductor: peer: too many words: carol $usage" peer alice bob carol
	conductor_fails 2 "conductor: peer: unknown option -i $usage" peer -i alice bob
	conductor_fails 2 "conductor: peer: ../x: not a name for a container $usage" peer alice ../x
	conductor_fails 2 "conductor: peer: a container is no peer of itself $usage" peer alice alice
}
