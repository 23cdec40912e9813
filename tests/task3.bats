#!/usr/bin/env bats
# Task 3: containers in the wild. What the assignment asks for, through its own command line only, so
# that any conductor can be tried (CONDUCTOR=path); the kernel and packets that arrive are the witnesses.
# The suites of tests/conductor go further, a command each.
# shellcheck disable=SC2154 # bats's run sets output, stderr and status
# shellcheck disable=SC2016 # inner shells expand what stands in single quotes
# shellcheck disable=SC2030,SC2031 # each test is a subshell

load helpers

INTERNET=203.0.113.1 # the lab's, with an HTTP server that tells LAB_TOKEN
HOST=203.0.113.2     # the machine that the containers run on

setup_file() {
	require_lab
	CONDUCTOR_ROOT=/run/$(random_name state)
	export CONDUCTOR_ROOT
	"$CONDUCTOR" build base >/dev/null
}

teardown_file() {
	"$CONDUCTOR" rmi base
	"$CONDUCTOR" rmcache
	rm -rf "$CONDUCTOR_ROOT"
}

setup() {
	snapshot_world
	started=()
	jobs=()
}

teardown() {
	local name
	for name in "${started[@]}"; do
		"$CONDUCTOR" stop "$name" >/dev/null 2>&1 || :
	done
	[ ${#jobs[@]} -eq 0 ] || wait "${jobs[@]}" || :
	run -0 "$CONDUCTOR" ps
	for name in "${started[@]}"; do
		refute_contains "$output" "$name"
	done
	assert_world_unchanged
}

# Runs a container as a background child, as the assignment's table has no other way; until exec works.
start() { # NAME [COMMAND...]
	local name=$1
	shift
	"$CONDUCTOR" run base "$name" -- "${@:-sleep 1000}" >/dev/null 2>&1 3>&- &
	jobs+=($!)
	started+=("$name")
	wait_until 10 "$CONDUCTOR" exec "$name" -- true 2>/dev/null
}

sleeper() { # NAME
	start "$1" sleep 1000
}

inside() { # NAME COMMAND...
	local name=$1
	shift
	"$CONDUCTOR" exec "$name" -- "$@"
}

# The address of a container's link, as the kernel tells it inside.
address_of() { # NAME
	inside "$1" cat /proc/net/fib_trie |
		awk '/32 host LOCAL/ { print last } { last = $NF }' | grep -v '^127\.' | sort -u
}

# Does an HTTP answer come, within a second, to a fetch made inside?
answers_inside() { # NAME ADDRESS PORT
	inside "$1" timeout "${TEST_SLOWNESS:-1}" bash -c 'exec 3<>"/dev/tcp/$0/$1" && printf "GET /get_counter HTTP/1.0\r\n\r\n" >&3 &&
		grep -q HTTP <&3' "$2" "$3" 2>/dev/null
}

# Puts counter-service into a container, where it listens on the port.
serve() { # NAME PORT
	inside "$1" sh -c 'cat >/counter-service && chmod +x /counter-service' <"$COUNTER_SERVICE"
	inside "$1" /counter-service "$2" 2 >/dev/null 2>&1 3>&- &
	jobs+=($!)
	wait_until 5 answers_inside "$1" 127.0.0.1 "$2"
}

@test "task 3: images lists an image with its name, size and date; rmi deletes it" {
	"$CONDUCTOR" build other >/dev/null
	run -0 "$CONDUCTOR" images
	assert_matches "$output" "other +[0-9.]+ ?[KMG]?B? +.*$(date +%Y)"
	"$CONDUCTOR" rmi other
	run -0 "$CONDUCTOR" images
	refute_contains "$output" other
	assert_contains "$output" base
}

@test "task 3: build makes a layer of each COPY and RUN" {
	cd "$BATS_TEST_TMPDIR"
	mkdir app
	echo 'a file' >app/file
	printf 'FROM base\nCOPY app /srv/app\nRUN echo done >/srv/app/made\n' >Conductorfile
	"$CONDUCTOR" build app Conductorfile >/dev/null
	started+=(t3a)
	run -0 --separate-stderr "$CONDUCTOR" run app t3a -- cat /srv/app/file /srv/app/made
	assert_equal "$output" $'a file\ndone'
	"$CONDUCTOR" stop t3a
	"$CONDUCTOR" rmi app
}

@test "task 3: run gives new UTS, PID, NET, MOUNT and IPC namespaces, and the command is PID 1" {
	sleeper t3b
	for kind in uts pid net mnt ipc; do
		refute [ "$(inside t3b readlink "/proc/self/ns/$kind")" = "$(readlink "/proc/self/ns/$kind")" ]
	done
	assert_equal "$(inside t3b cat /proc/1/comm)" sleep
}

@test "task 3: procfs, sysfs and the host's /dev are mounted inside; ps and top see the container and nothing else" {
	sleeper t3c
	assert_matches "$(inside t3c cat /proc/mounts)" ' /proc proc '
	assert_matches "$(inside t3c cat /proc/mounts)" ' /sys sysfs '
	assert_equal "$(inside t3c stat -c '%t:%T' /dev/null /dev/zero)" "$(stat -c '%t:%T' /dev/null /dev/zero)"
	command -v ps >/dev/null || skip "ps is not installed"
	assert_equal "$(inside t3c ps -e -o comm= | sort)" $'ps\nsleep'
	assert_matches "$(inside t3c top -b -n 1)" 'Tasks: +2 total'
}

@test "task 3: the image's copy is the root, with mode 755, and nothing that is written changes the image" {
	sleeper t3d
	assert_equal "$(inside t3d stat -c %a /)" 755
	inside t3d touch /written
	sleeper t3e
	inside t3e test ! -e /written
}

@test "task 3: ps lists the containers; an exited one keeps its directory until stop" {
	sleeper t3f
	run -0 "$CONDUCTOR" ps
	assert_matches "$output" 't3f.*'"$(date +%Y)"
	started+=(t3g)
	"$CONDUCTOR" run base t3g -- sh -c 'echo kept >/file' 2>/dev/null
	run -0 "$CONDUCTOR" ps
	assert_contains "$output" t3g
	[ -z "$CONDUCTOR_ROOT" ] || [ ! -d "$CONDUCTOR_ROOT/containers" ] ||
		assert_equal "$(cat "$CONDUCTOR_ROOT/containers/t3g/rootfs/file")" kept
	run "$CONDUCTOR" exec t3g -- true
	refute [ "$status" = 0 ]
}

@test "task 3: exec runs in all five namespaces and the root of the container, arguments and status untouched" {
	sleeper t3h
	for kind in uts pid net mnt ipc; do
		assert_equal "$(inside t3h readlink "/proc/self/ns/$kind")" "$(inside t3h readlink "/proc/1/ns/$kind")"
	done
	assert_equal "$(inside t3h readlink /proc/self/root)" /
	assert_equal "$(inside t3h printf '<%s>' 'a b' '' '*' "it's")" "<a b><><*><it's>"
	run -42 "$CONDUCTOR" exec t3h -- sh -c 'exit 42'
}

@test "task 3: without a network a container has lo alone" {
	sleeper t3i
	assert_equal "$(inside t3i sed -n 's/^ *\([a-z0-9-]*\):.*/\1/p' /proc/net/dev)" lo
}

@test "task 3: addnetwork: NAME-outside and NAME-inside, both and lo up, .1 and .2, and a route to the pool" {
	sleeper t3j
	"$CONDUCTOR" addnetwork t3j
	[ -e /sys/class/net/t3j-outside ]
	assert_contains "$(inside t3j cat /proc/net/dev)" "t3j-inside:"
	own=$(address_of t3j)
	assert_matches "$own" '^192\.168\.[0-9]+\.2$'
	assert_contains "$(cat /proc/net/fib_trie)" "${own%.2}.1"
	for flags in "$(cat /sys/class/net/t3j-outside/flags)" "$(inside t3j cat /sys/class/net/t3j-inside/flags)" \
		"$(inside t3j cat /sys/class/net/lo/flags)"; do
		((flags & 1)) || fail "not up: $flags"
	done
	# in /proc/net/route addresses are reversed: 0000A8C0 is 192.168.0.0, and 0000FFFF its /16
	assert_matches "$(inside t3j cat /proc/net/route)" 't3j-inside.0000A8C0.*0000FFFF'
}

@test "task 3: without -i a container reaches the host's end of its link and nothing else" {
	sleeper t3k
	"$CONDUCTOR" addnetwork t3k
	own=$(address_of t3k)
	"$COUNTER_SERVICE" 9090 2 >/dev/null 2>&1 3>&- &
	service=$!
	wait_until 5 fetch "http://127.0.0.1:9090/get_counter" >/dev/null
	answers_inside t3k "${own%.2}.1" 9090
	refute answers_inside t3k "$HOST" 9090
	refute answers_inside t3k "$INTERNET" 80
	kill "$service"
	wait "$service" || :
}

@test "task 3: with -i a container reaches the internet, through NAT, by a default route and a resolver" {
	sleeper t3l
	before=$(cat /etc/resolv.conf)
	"$CONDUCTOR" addnetwork t3l -i
	answer=$(inside t3l bash -c 'exec 3<>/dev/tcp/203.0.113.1/80 && printf "GET / HTTP/1.0\r\n\r\n" >&3 && cat <&3')
	assert_contains "$answer" "$LAB_TOKEN"
	answer=$(inside t3l bash -c 'exec 3<>/dev/tcp/203.0.113.1/80 && printf "GET /source HTTP/1.0\r\n\r\n" >&3 && cat <&3')
	assert_contains "$answer" "$HOST"
	assert_matches "$(inside t3l cat /etc/resolv.conf)" 'nameserver [1-9]'
	assert_equal "$(cat /etc/resolv.conf)" "$before"
}

@test "task 3: -e INNER-OUTER: from the host, by localhost, and from another machine" {
	sleeper t3m
	"$CONDUCTOR" addnetwork t3m -i -e 8080-3000
	serve t3m 8080
	assert_equal "$(fetch "http://$HOST:3000/get_and_increment_counter")" 1
	assert_equal "$(fetch "http://localhost:3000/get_and_increment_counter")" 2
	assert_equal "$("$LAB" internet -- bash -c 'fetch "http://203.0.113.2:3000/get_and_increment_counter"')" 3
	refute "$LAB" internet -- bash -c 'FETCH_TIMEOUT=1 fetch "http://203.0.113.2:8080/get_counter"' 2>/dev/null
}

@test "task 3: two containers with -i can't reach each other, by no address of the host either, until peer lets them" {
	sleeper t3n
	sleeper t3o
	sleeper t3p
	"$CONDUCTOR" addnetwork t3n -i
	"$CONDUCTOR" addnetwork t3o -i -e 8080-3000
	"$CONDUCTOR" addnetwork t3p -i
	serve t3o 8080
	serve t3n 8080
	n=$(address_of t3n)
	o=$(address_of t3o)
	assert_equal "$(fetch "http://$HOST:3000/get_counter")" 1 # it does answer
	refute answers_inside t3n "$o" 8080
	refute answers_inside t3o "$n" 8080
	refute answers_inside t3n "$HOST" 3000
	refute answers_inside t3n "${n%.2}.1" 3000
	refute answers_inside t3n "${o%.2}.1" 3000

	"$CONDUCTOR" peer t3n t3o
	answers_inside t3n "$o" 8080
	answers_inside t3o "$n" 8080
	refute answers_inside t3p "$o" 8080
	refute answers_inside t3p "$n" 8080
}

@test "task 3: stop kills every process and takes away interface, rules, mounts and directory" {
	start t3q sh -c 'sleep 1000 & sleep 1000'
	"$CONDUCTOR" addnetwork t3q -i -e 8080-3000
	"$CONDUCTOR" stop t3q
	[ ! -e /sys/class/net/t3q-outside ]
	run "$CONDUCTOR" exec t3q -- true
	refute [ "$status" = 0 ]
	# What else stays would show in teardown. And all of it can be used again:
	sleeper t3q
	"$CONDUCTOR" addnetwork t3q -i -e 8080-3000
}

@test "task 3: names longer than 7 letters work, and two that begin alike have links of their own" {
	sleeper a-rather-long-name-1
	sleeper a-rather-long-name-2
	"$CONDUCTOR" addnetwork a-rather-long-name-1 -i
	"$CONDUCTOR" addnetwork a-rather-long-name-2 -i
	answers_inside a-rather-long-name-1 "$INTERNET" 80
	answers_inside a-rather-long-name-2 "$INTERNET" 80
	refute [ "$(address_of a-rather-long-name-1)" = "$(address_of a-rather-long-name-2)" ]
}

@test "task 3: the last stop leaves the host's own firewall alone (moby#12294)" {
	requires nft
	nft add table ip foreign
	nft 'add chain ip foreign mine { type filter hook input priority 10; }'
	nft add rule ip foreign mine tcp dport 9 drop
	before=$(nft --stateless list table ip foreign)
	sleeper t3r
	"$CONDUCTOR" addnetwork t3r -i -e 8080-3000
	"$CONDUCTOR" stop t3r
	assert_equal "$(nft --stateless list table ip foreign)" "$before"
	nft delete table ip foreign
}

@test "task 3: rmi refuses an image that a container uses" {
	sleeper t3s
	run "$CONDUCTOR" rmi base
	refute [ "$status" = 0 ]
	run -0 "$CONDUCTOR" images
	assert_contains "$output" base
}
