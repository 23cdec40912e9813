#!/usr/bin/env bats
# Task 3: conductor, sentence by sentence of the assignment, through the assignment's command line only
# and with the kernel as the witness. So any conductor can be tested:
#
#   CONDUCTOR=path tests/run task3
#   TASK3_IMAGE=NAME   an image that it has already (default: one is built without a Conductorfile)
#   TASK3_FROM=WHAT    what a Conductorfile of its begins with (default: host)
#
# What the commands do beyond that is in tests/conductor/.

# shellcheck disable=SC2154 # bats's run sets output, stderr and lines
# shellcheck disable=SC2016 # inner shells expand what stands in single quotes

load helpers
load network

setup_file() {
	require_lab
	export IMAGE=${TASK3_IMAGE:-base} FROM=${TASK3_FROM:-host}
	[ -n "${TASK3_IMAGE:-}" ] || "$CONDUCTOR" build "$IMAGE" >/dev/null
	# shellcheck disable=SC2086 # words
	snapshot_world $WORLD
	mv "$WORLD_BEFORE" "$BATS_FILE_TMPDIR/all.before"
	snapshot_world mounts links routes firewall settings names
	export WORLD_BEFORE WORLD_SUBJECTS
}

teardown_file() {
	WORLD_BEFORE=$BATS_FILE_TMPDIR/all.before
	WORLD_SUBJECTS=$WORLD
	assert_world_unchanged
}

setup() {
	started=() # containers
	undo=()    # commands
	cd "$BATS_TEST_TMPDIR" || return
}

teardown() {
	local name command
	cd /
	for name in "${started[@]}"; do
		"$CONDUCTOR" stop "$name"
	done
	end_background
	for command in "${undo[@]}"; do
		eval "$command"
	done
	assert_nothing_left
}

# --- tools --------------------------------------------------------------------------------------

# A container in the background. The assignment has run in the foreground: so it is a job of ours.
start() { # NAME [COMMAND...]
	local name=$1
	shift
	[ $# -gt 0 ] || set -- sleep 1000
	"$CONDUCTOR" run "$IMAGE" "$name" -- "$@" >"$BATS_TEST_TMPDIR/$name.run" 2>&1 3>&- &
	background+=($!)
	started+=("$name")
	wait_until 10 is_running "$name"
}

is_running() { # NAME
	inside "$1" true 2>/dev/null
}

# Stops it within the test.
stop() { # NAME
	local name kept=()
	"$CONDUCTOR" stop "$1"
	for name in "${started[@]}"; do
		[ "$name" = "$1" ] || kept+=("$name")
	done
	started=("${kept[@]}")
}

# A container that does nothing, with /wire to speak by.
start_equipped() { # NAME...
	local name
	for name in "$@"; do
		start "$name"
		equip "$name"
	done
}

# A command that no other container runs, so that the host finds the process.
unique_sleep() {
	echo "sleep 1$(printf '%05d%05d' $RANDOM $RANDOM)"
}

# How many processes run one of these commands.
count_processes() { # COMMAND...
	local file words command count=0
	for file in /proc/[0-9]*/cmdline; do
		mapfile -d '' words <"$file" || continue
		for command in "$@"; do
			[ "${words[*]}" != "$command" ] || count=$((count + 1))
		done
	done 2>/dev/null
	echo $count
}

# Where a container's directory may be: beside the state, beside the program, or here.
directory_of() { # NAME
	local directory
	for directory in "$CONDUCTOR_ROOT/containers" "$(dirname "$CONDUCTOR")/.containers" .containers; do
		if [ -d "$directory/$1" ]; then
			echo "$directory/$1"
			return
		fi
	done
	return 1
}

names_in() { # images|ps
	"$CONDUCTOR" "$1" | awk '{ print $1 }'
}

# A command that must fail with one line on stderr, and not by a crash.
fails_plainly() { # COMMAND...
	run --separate-stderr "$CONDUCTOR" "$@"
	assert_number_between "$status" 1 125
	assert_equal "${#stderr_lines[@]}" 1
}

# --- build, images, rmi, rmcache ----------------------------------------------------------------

@test "build makes an image; images lists it with its size and date; rmi deletes it" {
	printf 'FROM %s\n' "$FROM" >Conductorfile
	refute grep -qx small <(names_in images)
	"$CONDUCTOR" build small Conductorfile
	run -0 "$CONDUCTOR" images
	assert_matches "$output" "(^|"$'\n'")small .*[0-9]+.*($(date +%Y)|$(date +%b))"
	run -0 "$CONDUCTOR" run small c1 -- true
	"$CONDUCTOR" stop c1
	"$CONDUCTOR" rmi small
	run -0 "$CONDUCTOR" images
	refute_contains "$output" small
	fails_plainly run small c1 -- true
	fails_plainly rmi small
}

@test "a Conductorfile's COPY and RUN make the image" {
	echo 'from the host' >file
	printf 'FROM %s\nCOPY file /copied\nRUN tr a-z A-Z </copied >/made && chmod 600 /made\n' "$FROM" >Conductorfile
	"$CONDUCTOR" build made Conductorfile
	IMAGE=made start c1
	assert_equal "$(inside c1 cat /copied /made)" $'from the host\nFROM THE HOST'
	assert_equal "$(inside c1 stat -c %a /made)" 600
	stop c1
	"$CONDUCTOR" rmi made
}

@test "each of COPY and RUN is a layer of an overlayfs" {
	lowers() { inside c1 sed -n 's/.* \/ \/ .* - overlay .*lowerdir=\([^ ,]*\).*/\1/p' /proc/self/mountinfo | tr ':' '\n' | grep -c .; }
	local base
	start c1
	base=$(lowers) || skip "the root is no overlay here"
	stop c1
	touch file
	printf 'FROM %s\nCOPY file /\nRUN true >/made\n' "$FROM" >Conductorfile
	"$CONDUCTOR" build layered Conductorfile
	IMAGE=layered start c1
	assert_equal "$(lowers)" $((base + 2))
	stop c1
	"$CONDUCTOR" rmi layered
}

@test "building again takes the layers from the cache, until rmcache empties it" {
	printf 'FROM %s\nRUN mktemp -u XXXXXXXXXXXXXXXX >/id\n' "$FROM" >Conductorfile
	id_of() {
		"$CONDUCTOR" build "$1" Conductorfile >/dev/null
		"$CONDUCTOR" run "$1" c1 -- cat /id
		"$CONDUCTOR" stop c1
	}
	local first
	first=$(id_of one)
	assert_matches "$first" '^[[:alnum:]]{16}$'
	assert_equal "$(id_of two)" "$first"
	"$CONDUCTOR" rmi one
	"$CONDUCTOR" rmi two
	"$CONDUCTOR" rmcache
	refute [ "$(id_of three)" = "$first" ]
	"$CONDUCTOR" rmi three
}

@test "building a Conductorfile with an unknown instruction fails and makes no image" {
	printf 'FROM %s\nFORM x\n' "$FROM" >Conductorfile
	run --separate-stderr "$CONDUCTOR" build bad Conductorfile
	refute [ "$status" = 0 ]
	assert_contains "$stderr" FORM
	run -0 "$CONDUCTOR" images
	refute_contains "$output" bad
}

# --- run ----------------------------------------------------------------------------------------

@test "run: new UTS, PID, NET, MOUNT and IPC namespaces" {
	local sleep space pid
	sleep=$(unique_sleep)
	# shellcheck disable=SC2086 # two words
	start c1 $sleep
	# shellcheck disable=SC2086
	pid=$(init_of $sleep)
	for space in uts pid net mnt ipc; do
		refute [ "$(readlink "/proc/$pid/ns/$space")" = "$(readlink "/proc/self/ns/$space")" ]
		[ -e "/proc/$pid/ns/$space" ]
	done
}

@test "run: the image's copy is the root: what one container writes is in no other, nor in the image" {
	start c1
	start c2
	inside c1 sh -c 'echo changed >/etc/passwd; mkdir /made; rm -f /etc/group'
	assert_equal "$(inside c1 cat /etc/passwd)" changed
	refute inside c1 test -e /etc/group
	start c3
	local name
	for name in c2 c3; do
		refute inside $name grep -q changed /etc/passwd
		inside $name test -e /etc/group
		refute inside $name test -e /made
	done
	refute [ -e /made ]
}

@test "run: procfs, sysfs and the host's /dev are mounted inside, and the host sees none of it" {
	local before type
	before=$(world_mounts)
	start c1
	for type in proc sysfs; do
		inside c1 grep -q " - $type " /proc/self/mountinfo
	done
	assert_equal "$(inside c1 sh -c 'ls -d /sys/class/net/*')" /sys/class/net/lo # it shows the container's network
	inside c1 sh -c 'echo x >/dev/null'
	assert_equal "$(inside c1 stat -c '%t %T' /dev/zero /dev/urandom)" "$(stat -c '%t %T' /dev/zero /dev/urandom)"
	assert_equal "$(world_mounts)" "$before"
}

@test "run: ps and top see the container and nothing else" {
	start c1
	# PID 1, and the exec that asks.
	assert_equal "$(inside c1 sh -c 'cd /proc && echo [0-9]*' | wc -w)" 2
	[ "$(find /proc -maxdepth 1 -name '[0-9]*' | wc -l)" -gt 2 ]
	if inside c1 sh -c 'command -v ps' >/dev/null; then
		assert_equal "$(inside c1 ps -e -o comm= | sort | paste -sd ' ')" "ps sleep"
	fi
	if inside c1 sh -c 'command -v top' >/dev/null; then
		assert_matches "$(inside c1 env TERM=dumb top -b -n 1)" 'Tasks: +2 total'
	fi
}

@test "run: the command is PID 1, with its arguments as they are; its exit status is passed on" {
	run -0 "$CONDUCTOR" run "$IMAGE" c1 -- sh -c 'echo $$'
	started=(c1)
	assert_line 1
	stop c1
	run -0 "$CONDUCTOR" run "$IMAGE" c1 -- printf '[%s]' 'two  words' '' '*' '$HOME' "'" -x
	started=(c1)
	assert_line "[two  words][][*][\$HOME]['][-x]"
	stop c1
	run -7 "$CONDUCTOR" run "$IMAGE" c1 -- sh -c 'exit 7'
	started=(c1)
}

@test "run: without a command it is a shell" {
	run -5 bash -c 'echo "echo I am \$\$; exit 5" | "$CONDUCTOR" run "$IMAGE" c1'
	started=(c1)
	assert_contains "$output" "I am 1"
}

@test "run: the root directory has mode 755, whatever the umask" {
	umask 077
	start c1
	assert_equal "$(inside c1 stat -c %a /)" 755
}

@test "run: a container that has exited keeps its directory until stop" {
	run -0 "$CONDUCTOR" run "$IMAGE" c1 -- sh -c 'echo kept >/file'
	started=(c1)
	directory=$(directory_of c1)
	assert_equal "$(cat "$directory/rootfs/file")" kept
	fails_plainly run "$IMAGE" c1 -- true # the name is in use
	stop c1
	refute [ -e "$directory" ]
	run -0 "$CONDUCTOR" run "$IMAGE" c1 -- true
	started=(c1)
}

@test "run: no copy of the whole image for every container" {
	inside_is_overlay() { inside c1 grep -qE ' / / .* - overlay ' /proc/self/mountinfo; }
	start c1
	inside_is_overlay || skip "the root is no overlay here"
	local whole own
	whole=$(inside c1 du -skx / | awk '{ print $1 }')
	own=$(du -skx "$(directory_of c1)" | awk '{ print $1 }')
	[ "$whole" -gt 1000 ]
	[ $((own * 10)) -lt "$whole" ]
}

@test "run, exec, stop and the others: what isn't there is told in one line" {
	fails_plainly run nowhere c1 -- true
	fails_plainly exec c1 -- true
	fails_plainly stop c1
	fails_plainly addnetwork c1
	fails_plainly peer c1 c2
	fails_plainly rmi nowhere
	fails_plainly no-such-command
	fails_plainly run "$IMAGE" ../c1 -- true
}

# --- ps, stop, exec -----------------------------------------------------------------------------

@test "ps: the containers, with name and date" {
	run -0 "$CONDUCTOR" ps
	refute_contains "$output" c1
	start c1
	start c2
	run -0 "$CONDUCTOR" ps
	assert_matches "$output" "(^|"$'\n'")c1 .*($(date +%Y)|$(date +%b))"
	assert_matches "$output" "(^|"$'\n'")c2 .*($(date +%Y)|$(date +%b))"
	stop c1
	run -0 "$CONDUCTOR" ps
	refute_contains "$output" c1
	assert_contains "$output" c2
}

@test "stop: kills every process, takes away interfaces, rules, mounts and the directory" {
	local sleep other directory
	sleep=$(unique_sleep) other=$(unique_sleep)
	# Deaf to SIGTERM, one in the background, one left behind by exec.
	start c1 sh -c "trap '' TERM HUP; $other & while :; do $sleep; done"
	inside c1 sh -c "trap '' TERM HUP; $sleep >/dev/null 2>&1 &"
	"$CONDUCTOR" addnetwork c1 -i -e 8080-3000
	directory=$(directory_of c1)
	three_there() { [ "$(count_processes "$sleep" "$other")" = 3 ]; }
	wait_until 5 three_there
	[ -e /sys/class/net/c1-outside ]
	stop c1
	assert_equal "$(count_processes "$sleep" "$other")" 0
	refute [ -e "$directory" ]
	world_is_unchanged || wait_until 3 world_is_unchanged
}

@test "stop: the last container's leaves the host's own firewall as it was" {
	requires nft
	undo=('nft delete table inet hosts_own')
	nft 'table inet hosts_own { chain input { type filter hook input priority 0; tcp dport 25 drop; }; }'
	nft list ruleset >before
	start c1
	"$CONDUCTOR" addnetwork c1 -i -e 8080-3000
	stop c1
	nft list ruleset >after
	run -0 diff before after
}

@test "exec: in all five namespaces and the root of that very container, though another runs the same" {
	local sleep space pid
	sleep=$(unique_sleep)
	start c1
	# shellcheck disable=SC2086 # two words
	start c2 $sleep
	start c3
	# shellcheck disable=SC2086
	pid=$(init_of $sleep)
	inside c2 sh -c 'echo c2 >/which'
	assert_equal "$(cat "/proc/$pid/root/which")" c2
	refute inside c1 test -e /which
	refute inside c3 test -e /which
	for space in uts pid net mnt ipc; do
		assert_equal "$(inside c2 readlink /proc/self/ns/$space)" "$(readlink "/proc/$pid/ns/$space")"
		refute [ "$(inside c1 readlink /proc/self/ns/$space)" = "$(readlink "/proc/$pid/ns/$space")" ]
	done
}

@test "exec: arguments as they are, standard input and output, the exit status; a shell without a command" {
	start c1
	run -9 --separate-stderr bash -c 'echo in | "$CONDUCTOR" exec c1 -- sh -c '\''cat; printf "[%s]" "$@"; exit 9'\'' sh "two  words" "" "*" "\$HOME"'
	assert_equal "$output" $'in\n[two  words][][*][$HOME]'
	run -4 bash -c 'echo "exit 4" | "$CONDUCTOR" exec c1'
}

# --- addnetwork ---------------------------------------------------------------------------------

@test "addnetwork: a veth pair, NAME-outside 192.168.N.1/24 and NAME-inside 192.168.N.2/24, both and lo up, a route to the pool" {
	start c1
	"$CONDUCTOR" addnetwork c1
	assert_equal "$(links_of c1)" $'c1-inside\nlo'
	local own host
	own=$(address_of c1)
	assert_matches "$own" '^192\.168\.[0-9]+\.2$'
	host=${own%.2}.1
	assert_contains "$(addresses_of '')" "$host"
	assert_contains "$(routes_of c1)" "${own%.2}.0/255.255.255.0 0.0.0.0 c1-inside"
	assert_contains "$(routes_of '')" "${own%.2}.0/255.255.255.0 0.0.0.0 c1-outside"
	assert_matches "$(routes_of c1)" "(^|"$'\n'")192\.168\.0\.0/255\.255\.0\.0 ($host|0\.0\.0\.0) c1-inside"
	is_up c1 c1-inside
	is_up c1 lo
	is_up '' c1-outside
	assert_equal "$(cat /sys/class/net/c1-outside/iflink)" "$(inside c1 cat /sys/class/net/c1-inside/ifindex)"
}

@test "addnetwork without -i: it reaches the host's end of its link only" {
	start_equipped c1 c2
	"$CONDUCTOR" addnetwork c1
	"$CONDUCTOR" addnetwork c2 -i
	serve_here host 7000
	serve_in c2 8080
	local end
	end=$(host_end_of c1)
	assert_equal "$(from c1 "$end:7000")" "$end:7000 host $(address_of c1)"
	run -0 from c1 203.0.113.1:80 203.0.113.2:7000 "$(address_of c2):8080" "$(host_end_of c2):7000"
	assert_equal "$(grep -cE ' (silent|unreachable|refused)$' <<<"$output")" 4
	# There is something to be reached.
	assert_equal "$(from_here 203.0.113.2:7000 "$(address_of c2):8080" "$(host_end_of c2):7000" | grep -cE ' (host|c2) [0-9.]+$')" 3
}

@test "addnetwork -i: default route and NAT to the internet, its resolver; the host's resolv.conf stays" {
	start_equipped c1
	local before
	before=$(cat /etc/resolv.conf)
	"$CONDUCTOR" addnetwork c1 -i
	assert_matches "$(routes_of c1)" "(^|"$'\n'")0\.0\.0\.0/0\.0\.0\.0 $(host_end_of c1) c1-inside"
	assert_equal "$(from c1 203.0.113.1:80 203.0.113.1:80/source)" \
		"203.0.113.1:80 $LAB_TOKEN"$'\n203.0.113.1:80/source 203.0.113.2'
	inside c1 grep -q '^nameserver ' /etc/resolv.conf
	assert_equal "$(cat /etc/resolv.conf)" "$before"
}

@test "addnetwork -e 8080-3000: the container's port 8080 on port 3000 of the host, from outside, from the host, at localhost" {
	start_equipped c1
	serve_in c1 8080
	assert_equal "$(from_outside 203.0.113.2:3000)" "203.0.113.2:3000 refused"
	"$CONDUCTOR" addnetwork c1 -i -e 8080-3000
	assert_equal "$(from_outside 203.0.113.2:3000)" "203.0.113.2:3000 c1 203.0.113.1"
	assert_matches "$(from_here 203.0.113.2:3000)" '^203\.0\.113\.2:3000 c1 '
	assert_matches "$(from_here 127.0.0.1:3000)" '^127\.0\.0\.1:3000 c1 '
	assert_equal "$(fetch http://127.0.0.1:3000/)" "c1 $(host_end_of c1)"
	assert_equal "$(from_outside 203.0.113.2:8080)" "203.0.113.2:8080 refused"
}

@test "addnetwork -e: a port that is taken, or is none, is told, and nothing is made" {
	local text
	start c1
	start c2
	"$CONDUCTOR" addnetwork c1 -e 8080-3000
	for text in 8080-3000 8080 8080-0 65536-3001 a-b; do
		fails_plainly addnetwork c2 -e "$text"
		assert_equal "$(links_of c2)" lo
	done
	fails_plainly addnetwork c1
}

@test "addnetwork: names longer than 7 letters have interfaces of their own that work" {
	local names=(container-one container-two a-name-of-more-than-fifteen-letters) name
	start_equipped "${names[@]}"
	serve_here host 7000
	for name in "${names[@]}"; do
		"$CONDUCTOR" addnetwork "$name"
		assert_equal "$(from "$name" "$(host_end_of "$name"):7000")" "$(host_end_of "$name"):7000 host $(address_of "$name")"
	done
	assert_equal "$(links_of '' | grep -c outside)" 3
}

@test "addnetwork: numbers of networks are given back" {
	start c1
	start c2
	"$CONDUCTOR" addnetwork c1
	"$CONDUCTOR" addnetwork c2
	local first
	first=$(address_of c1)
	refute [ "$first" = "$(address_of c2)" ]
	stop c1
	start c3
	"$CONDUCTOR" addnetwork c3
	assert_equal "$(address_of c3)" "$first"
}

@test "addnetwork: a network that the host uses itself is not taken" {
	requires iproute2
	start c1
	"$CONDUCTOR" addnetwork c1
	local first
	first=$(address_of c1)
	stop c1
	undo=("ip route del ${first%.2}.0/24 via 203.0.113.1")
	ip route add "${first%.2}.0/24" via 203.0.113.1
	start c1
	"$CONDUCTOR" addnetwork c1
	assert_matches "$(address_of c1)" '^192\.168\.[0-9]+\.2$'
	refute [ "$(address_of c1)" = "$first" ]
}

# --- peer ---------------------------------------------------------------------------------------

@test "peer: without it none can reach another, with -i neither; with it both ways; a third still can't" {
	start_equipped c1 c2 c3
	local name a b
	"$CONDUCTOR" addnetwork c1 -i -e 8080-3000
	"$CONDUCTOR" addnetwork c2 -i
	"$CONDUCTOR" addnetwork c3 -i
	a=$(address_of c1) b=$(address_of c2)
	serve_in c1 8080
	serve_in c2 8080
	assert_equal "$(from_here "$a:8080" "$b:8080" | cut -d ' ' -f 2)" $'c1\nc2'
	closed_to() { # NAME TARGET...
		run -0 from "$@"
		assert_equal "$(grep -cvE ' (silent|unreachable|refused)$' <<<"$output")" 0
		assert_equal "$(from "$1" 203.0.113.1:80)" "203.0.113.1:80 $LAB_TOKEN"
	}
	for name in c2 c3; do
		closed_to $name "$a:8080" "$(host_end_of c1):8080" "$(host_end_of c1):3000" 203.0.113.2:3000
	done
	closed_to c1 "$b:8080"
	"$CONDUCTOR" peer c1 c2
	assert_equal "$(from c2 "$a:8080")" "$a:8080 c1 $b"
	assert_equal "$(from c1 "$b:8080")" "$b:8080 c2 $a"
	closed_to c3 "$a:8080" "$b:8080" "$(host_end_of c1):3000" 203.0.113.2:3000
	# It ends with one of the two.
	stop c2
	start_equipped c2
	"$CONDUCTOR" addnetwork c2 -i
	closed_to c2 "$a:8080"
}
