#!/usr/bin/env bats
# Task 4: service-orchestrator brings up two services in two containers, of which the outside
# reaches one. In the lab, with its internet side as the other machine. services.bats tests the
# services themselves.

# shellcheck disable=SC2016 # the scripts for conductor_but expand it
# shellcheck disable=SC2030,SC2031 # each test is a process of its own, as it should be
# shellcheck disable=SC2119,SC2120 # `run up OPTION` is a call that shellcheck doesn't see
# shellcheck disable=SC2154 # bats's run sets $stderr

load helpers

setup_file() {
	require_lab
	# A service that needs libraries (STATIC=0, SANITIZE=1) needs an image that has them.
	UP_OPTIONS=
	if [ "$("$COPY_DEPS" --list "$COUNTER_SERVICE" | wc -l)" -gt 1 ]; then
		local root=$BATS_FILE_TMPDIR/context/root
		mkdir -p "$root"
		"$COPY_DEPS" "$COUNTER_SERVICE" "$EXTERNAL_SERVICE" "$root" >/dev/null
		printf 'FROM host\nCOPY root /\n' >"$BATS_FILE_TMPDIR/context/file"
		"$CONDUCTOR" build services "$BATS_FILE_TMPDIR/context/file"
		UP_OPTIONS='--image services'
	fi
	export UP_OPTIONS
}

setup() {
	cd "$TOP" || return
	state=/run/service-orchestrator
	started=() # in the background, to be ended if the test doesn't come to it
	snapshot_world
}

teardown() {
	local left='' pid
	for pid in "${started[@]}"; do
		kill "$pid" 2>/dev/null && wait "$pid"
	done || :
	"$ORCHESTRATOR" down >/dev/null || left="service-orchestrator down failed"
	local name
	for name in $("$CONDUCTOR" ps | awk 'NR > 1 { print $1 }'); do
		left+=" container $name"
		"$CONDUCTOR" stop "$name"
	done
	if [ -e "$state" ]; then
		left+=" $state"
		rm -rf "$state"
	fi
	assert_equal "$left" ""
	assert_world_unchanged
}

# --- tools --------------------------------------------------------------------------------------

up() { # [OPTION...]
	# shellcheck disable=SC2086 # words
	"$ORCHESTRATOR" up $UP_OPTIONS "$@"
}

down() {
	"$ORCHESTRATOR" down
}

# The command line of an orchestrator's fetch on the other machine.
outside() {
	printf '%q internet -- %q fetch' "$LAB" "$ORCHESTRATOR"
}

from_outside() { # URL
	"$LAB" internet -- "$ORCHESTRATOR" fetch --timeout 2 "$1"
}

# The host's pid of the process in a container that runs this program.
process_of() { # PROGRAM
	local link
	for link in /proc/[0-9]*/exe; do
		if [[ $(readlink "$link") == */"$1" && $(tr '\0' ' ' <"${link%/exe}/cmdline") == "/$1/"* ]]; then
			link=${link#/proc/}
			echo "${link%/exe}"
		fi
	done
}

# A conductor that does as the true one, but first what this bash script says; $1 is the command.
conductor_but() { # SCRIPT
	printf '#!/bin/bash\n%s\nexec %q "$@"\n' "$1" "$CONDUCTOR" >"$BATS_TEST_TMPDIR/conductor"
	chmod +x "$BATS_TEST_TMPDIR/conductor"
	export CONDUCTOR=$BATS_TEST_TMPDIR/conductor
}

# Times and runs of blanks differ from run to run.
anonymous() {
	sed -E 's/[0-9]+ ms/N ms/; s/ +/ /g'
}

nothing_is_up() {
	[ ! -e "$state" ]
	assert_equal "$("$CONDUCTOR" ps | wc -l)" 1
	world_is_unchanged || wait_until 3 world_is_unchanged
}

# --- up -----------------------------------------------------------------------------------------

@test "service-orchestrator up: nine steps, each with its number and its time, and answers that count up" {
	run -0 --separate-stderr up --outside "$(outside)"
	# Unless the host lacks tools that an image has otherwise.
	assert_matches "$stderr" '^(conductor: build: this host has no [a-z, ]+: the image goes without)?$'
	assert_equal "${#lines[@]}" 10
	local i
	for i in {1..9}; do
		assert_matches "${lines[i - 1]}" "^$i\. [a-z].* [0-9]+ ms   [a-z]"
	done
	assert_contains "${lines[7]}" 'http://203.0.113.2:3000: 1, 2; http://localhost:3000: 3'
	assert_contains "${lines[8]}" 'http://203.0.113.2:3000: 4'
	assert_matches "${lines[9]}" '^up after [0-9]+ ms: http://203\.0\.113\.2:3000$'
}

@test "service-orchestrator up: the host, localhost and another machine reach external-service, one number each" {
	up
	assert_equal "$(fetch http://203.0.113.2:3000/)" "The counter stands at 4."
	assert_equal "$(fetch http://127.0.0.1:3000/)" "The counter stands at 5."
	assert_equal "$(from_outside http://203.0.113.2:3000)" "The counter stands at 6."
}

@test "service-orchestrator up: each service is in its own container, in all of its namespaces" {
	up
	local external counter kind
	external=$(process_of external-service)
	counter=$(process_of counter-service)
	for kind in net pid mnt uts ipc; do
		assert_equal "$(readlink "/proc/$external/ns/$kind")" "$("$CONDUCTOR" exec c1 -- readlink "/proc/1/ns/$kind")"
		assert_equal "$(readlink "/proc/$counter/ns/$kind")" "$("$CONDUCTOR" exec c2 -- readlink "/proc/1/ns/$kind")"
		refute [ "$(readlink "/proc/$external/ns/$kind")" = "$(readlink "/proc/$counter/ns/$kind")" ]
		refute [ "$(readlink "/proc/$external/ns/$kind")" = "$(readlink "/proc/self/ns/$kind")" ]
	done
	# Both listen on 8080 (1F90), each in its own network; nothing does on the host.
	grep -q ' 00000000:1F90 00000000:0000 0A ' "/proc/$external/net/tcp"
	grep -q ' 00000000:1F90 00000000:0000 0A ' "/proc/$counter/net/tcp"
	refute grep -q ':1F90 00000000:0000 0A ' /proc/net/tcp
}

@test "service-orchestrator up: the outside reaches c1's published port only, not c1 itself and not c2" {
	requires iproute2
	up
	local c1 c2
	c1=$("$CONDUCTOR" exec c1 -- ip -4 addr | sed -n 's,.*inet \(192[0-9.]*\)/.*,\1,p')
	c2=$("$CONDUCTOR" exec c2 -- ip -4 addr | sed -n 's,.*inet \(192[0-9.]*\)/.*,\1,p')
	# Give the other machine a way to the containers, so that only the firewall is in it.
	"$LAB" internet -- ip route add 192.168.0.0/16 via 203.0.113.2
	run -0 fetch "http://$c2:8080/get_counter" # the host does reach it
	run -0 from_outside http://203.0.113.2:3000
	run -1 from_outside "http://$c2:8080/get_counter"
	assert_contains "$output" "no answer in time"
	run -1 from_outside "http://$c1:8080/"
	assert_contains "$output" "no answer in time"
	run -1 from_outside "http://203.0.113.2:8080/get_counter"
	assert_contains "$output" "Connection refused"
	"$LAB" internet -- ip route del 192.168.0.0/16
}

@test "service-orchestrator up: both containers reach the internet, and c1 finds c2 by its name" {
	up
	local name
	for name in c1 c2; do
		run -0 "$CONDUCTOR" exec "$name" -- timeout 5 bash -c \
			'exec 9<>/dev/tcp/203.0.113.1/80 && printf "GET / HTTP/1.0\r\n\r\n" >&9 && cat <&9'
		assert_contains "$output" "$LAB_TOKEN"
	done
	"$CONDUCTOR" exec c1 -- /external-service/external-service 9000 http://c2:8080 >/dev/null 3>&- &
	local second=$! c1
	# An image of a host that has no ip has none either.
	c1=$("$CONDUCTOR" exec c1 -- cat /proc/net/fib_trie |
		awk '/\|--/ { address = $2 } /32 host LOCAL/ && address ~ /^192/ { print address; exit }')
	wait_until 5 fetch_status "http://$c1:9000/ready"
	assert_equal "$(fetch "http://$c1:9000/")" "The counter stands at 4."
	down
	wait "$second" || :
}

@test "service-orchestrator up: the services are copied as whole directories that root owns" {
	up
	local word
	for word in 'c1 external-service' 'c2 counter-service'; do
		read -r container service <<<"$word"
		run -0 "$CONDUCTOR" exec "$container" -- stat -c '%A %u:%g %n' "/$service" "/$service/$service"
		assert_line "drwxr-xr-x 0:0 /$service"
		assert_line "-rwxr-xr-x 0:0 /$service/$service"
		"$CONDUCTOR" exec "$container" -- cat "/$service/$service" | cmp - "task4/$service"
	done
}

@test "service-orchestrator up: only commands of the assignment's table are used, as it writes them" {
	local log=$BATS_TEST_TMPDIR/commands
	conductor_but "printf '%s\\n' \"\$*\" >>'$log'"
	up
	down
	run cat "$log"
	assert_line 'images'
	assert_line 'ps'
	assert_line 'addnetwork c1 -i -e 8080-3000'
	assert_line 'addnetwork c2 -i'
	assert_line 'peer c1 c2'
	assert_line 'stop c1'
	assert_line 'stop c2'
	run grep -vE '^(images|ps|stop c[12]|peer c1 c2|build [a-z-]+ [^ ]+/task4/[ce]sfile|addnetwork c1 -i -e 8080-3000|addnetwork c2 -i|run [a-z-]+ c[12] -- [^-].*|exec c[12] -- [^-].*)$' "$log"
	assert_equal "$output" ""
}

@test "service-orchestrator up: builds the images from csfile and esfile where they are missing" {
	[ -z "$UP_OPTIONS" ] || skip "these services need libraries, and so an image of their own"
	local name
	for name in counter-service external-service; do
		"$CONDUCTOR" rmi "$name" || :
	done
	local log=$BATS_TEST_TMPDIR/commands
	conductor_but "printf '%s\\n' \"\$*\" >>'$log'"
	up
	down
	assert_equal "$(grep -c '^build counter-service .*/task4/csfile$' "$log")" 1
	assert_equal "$(grep -c '^build external-service .*/task4/esfile$' "$log")" 1
	up
	down
	assert_equal "$(grep -c ^build "$log")" 2
}

@test "service-orchestrator up: finds c2's address where the image has no ip" {
	conductor_but 'if [ "$1 $4" = "exec ip" ]; then echo "conductor: exec: c2: ip: not found" >&2; exit 127; fi'
	run -0 up
	assert_matches "$output" 'c2 is 192\.168\.[0-9]+\.2'
}

@test "service-orchestrator up: other names and another port" {
	run -0 up --external webserver-of-the-matrix --counter n --port 8088 --threads 2 --host 127.0.0.1
	assert_line "$(tail -n 1 <<<"$output" | grep -x 'up after [0-9]* ms: http://127\.0\.0\.1:8088')"
	assert_equal "$(from_outside http://203.0.113.2:8088)" "The counter stands at 4."
	assert_equal "$("$CONDUCTOR" ps | awk 'NR > 1 { print $1 }' | sort)" $'n\nwebserver-of-the-matrix'
	local tasks
	tasks=("/proc/$(process_of counter-service)/task/"*)
	assert_number_between "${#tasks[@]}" 3 4 # 4: a sanitizer has one of its own
	run -0 down
}

@test "service-orchestrator up: what is up outlives the terminal that it was started from" {
	requires script
	run -0 script -qec "$(printf '%q up %s' "$ORCHESTRATOR" "$UP_OPTIONS")" /dev/null
	assert_contains "$output" "up after"
	run -0 "$ORCHESTRATOR" status
}

@test "service-orchestrator up: twice is refused, and the first stays as it is" {
	up
	local before
	before=$("$CONDUCTOR" ps)
	run -1 --separate-stderr up
	assert_equal "$output" ""
	assert_equal "$stderr" "service-orchestrator: up: it is up already, by what $state says (service-orchestrator down ends it)"
	assert_equal "$("$CONDUCTOR" ps)" "$before"
	run -0 "$ORCHESTRATOR" status
}

@test "service-orchestrator up: of two at the same time one wins" {
	up >"$BATS_TEST_TMPDIR/first" 2>&1 3>&- &
	local first=$! results
	run up
	results=$status
	await "$first"
	assert_equal "$((results + status))" 1
	run -0 "$ORCHESTRATOR" verify
}

# --- failures ------------------------------------------------------------------------------------

# The step that fails is named, with the conductor's own words, and nothing is left of the others.
assert_undone() { # STEP TITLE REASON CONDITION
	conductor_but "if $4; then echo 'conductor: it does not work today' >&2; exit 1; fi"
	run -1 --separate-stderr up --timeout "${TEST_SLOWNESS:-1}"
	assert_equal "$stderr" "service-orchestrator: up: step $1, $2: $3"
	assert_equal "${lines[-1]}" "What was made before is undone."
	assert_equal "$(grep -c ' ms ' <<<"$output")" "$(($1 - 1))"
	CONDUCTOR=$true_conductor nothing_is_up
	CONDUCTOR=$true_conductor
}

@test "service-orchestrator up: a step that fails says which and why, and the rest is undone" {
	true_conductor=$CONDUCTOR
	local why='conductor: it does not work today'
	assert_undone 1 "build the images" "$why" '[ "$1" = images ]'
	assert_undone 2 "run the containers" "$why" '[ "$1" = ps ]'
	assert_undone 2 "run the containers" "$why" '[ "$1 $3" = "run c1" ]'
	assert_undone 2 "run the containers" "$why" '[ "$1 $3" = "run c2" ]'
	assert_undone 2 "run the containers" "not ready after ${TEST_SLOWNESS:-1}000 ms: $why" '[ "$1 $2 $4" = "exec c2 grep" ]'
	assert_undone 3 "copy the services" "$why" '[ "$1 $2 $4" = "exec c2 tar" ]'
	assert_undone 4 "connect the containers" "$why" '[ "$1 $2" = "addnetwork c1" ]'
	assert_undone 4 "connect the containers" "$why" '[ "$1 $2" = "addnetwork c2" ]'
	assert_undone 4 "connect the containers" "$why" '[ "$1" = peer ]'
	assert_undone 5 "find the counter's address" "$why" '[ "$1 $4" = "exec ip" ] || [ "$1 $4" = "exec cat" ]'
	assert_undone 6 "start counter-service" "$why" '[ "$1 $4" = "exec /counter-service/counter-service" ]'
	assert_undone 7 "start external-service" "$why" '[ "$1 $4" = "exec /external-service/external-service" ]'
}

@test "service-orchestrator up: an exec that does nothing and says so of nothing is found out at once" {
	true_conductor=$CONDUCTOR
	conductor_but 'if [ "$1 $4" = "exec tar" ]; then exit 0; fi'
	run -1 --separate-stderr up
	assert_equal "$stderr" "service-orchestrator: up: step 3, copy the services: c1: tar has not unpacked external-service/external-service"
	CONDUCTOR=$true_conductor nothing_is_up
}

@test "service-orchestrator up: without peer it fails in step 8, since c1 can't reach c2" {
	# Not a failing peer but none at all: the kernel is the witness that it is what opens the way.
	true_conductor=$CONDUCTOR
	conductor_but 'if [ "$1" = peer ]; then exit 0; fi'
	run -1 --separate-stderr up
	assert_equal "$stderr" "service-orchestrator: up: step 8, fetch on the host: http://203.0.113.2:3000: status 504: counter-service: no answer in time"
	CONDUCTOR=$true_conductor nothing_is_up
}

@test "service-orchestrator up: a failing command from outside fails step 9" {
	run -1 --separate-stderr up --outside 'echo nobody is there >&2; false'
	assert_equal "$stderr" "service-orchestrator: up: step 9, fetch from another machine: echo nobody is there >&2; false http://203.0.113.2:3000: status 1: nobody is there"
	nothing_is_up
	run -1 --separate-stderr up --outside 'echo 17; :'
	assert_contains "$stderr" "it answered 17, which does not follow 3"
	run -1 --separate-stderr up --outside 'echo'
	assert_contains "$stderr" "step 9, fetch from another machine: echo: it answered 203, which does not follow 3"
}

@test "service-orchestrator up: a port of the host that is taken is told, and nothing stays" {
	"$COUNTER_SERVICE" 3000 1 >"$BATS_TEST_TMPDIR/log" 3>&- &
	local listener=$!
	started+=("$listener")
	wait_until 5 grep -q listening "$BATS_TEST_TMPDIR/log"
	run -1 --separate-stderr up
	assert_matches "$stderr" '^service-orchestrator: up: step 4, connect the containers: conductor: addnetwork: .*port 3000'
	assert_equal "$("$CONDUCTOR" ps | wc -l)" 1
	assert_equal "$(fetch http://127.0.0.1:3000/get_counter)" 1
	kill "$listener"
	wait "$listener"
	run -0 up
}

@test "service-orchestrator up: somebody else's container of that name is refused and stays as it is" {
	up
	down # the images are there
	local image
	image=$("$CONDUCTOR" images | awk 'NR == 2 { print $1 }')
	"$CONDUCTOR" run "$image" c2 -- sleep infinity </dev/null 3>&- &
	local run=$!
	wait_until 5 "$CONDUCTOR" exec c2 -- true 2>/dev/null
	run -1 --separate-stderr up
	assert_equal "$stderr" "service-orchestrator: up: step 2, run the containers: there is a container c2 already"
	assert_equal "$("$CONDUCTOR" ps | awk 'NR > 1 { print $1 }')" c2
	"$CONDUCTOR" exec c2 -- true
	"$CONDUCTOR" stop c2
	wait "$run" || :
}

@test "service-orchestrator up: a container of that name that came in between is not stopped either" {
	up
	down
	true_conductor=$CONDUCTOR
	local image
	image=$("$CONDUCTOR" images | awk 'NR == 2 { print $1 }')
	# Just before `run` takes the name c2, somebody else does.
	conductor_but "if [ \"\$1 \$3\" = 'run c2' ]; then
		$(printf %q "$CONDUCTOR") run -d $image c2 -- env UP=0 sleep infinity >/dev/null 3>&-
		sleep 0.3 # in which c2 is there, but not ours
	fi"
	run -1 --separate-stderr up
	assert_matches "$stderr" '^service-orchestrator: up: step 2, run the containers: conductor: run: c2: the name is in use'
	CONDUCTOR=$true_conductor
	assert_equal "$("$CONDUCTOR" ps | awk 'NR > 1 { print $1 }')" c2
	"$CONDUCTOR" exec c2 -- true
	"$CONDUCTOR" stop c2
}

@test "service-orchestrator up: SIGINT and SIGTERM in the midst of it undo what was made" {
	true_conductor=$CONDUCTOR
	local signal
	for signal in INT TERM; do
		conductor_but 'if [ "$1" = peer ]; then kill -'"$signal"' "$PPID"; exec sleep 30; fi'
		run -1 --separate-stderr up
		assert_equal "$stderr" "service-orchestrator: up: step 4, connect the containers: interrupted"
		assert_equal "${lines[-1]}" "What was made before is undone."
		CONDUCTOR=$true_conductor nothing_is_up
		CONDUCTOR=$true_conductor
	done
}

@test "service-orchestrator down: clears up after an orchestrator that was killed at any step" {
	true_conductor=$CONDUCTOR
	local condition
	for condition in '[ "$1" = ps ]' '[ "$1 $3" = "run c2" ]' '[ "$1" = peer ]' \
		'[ "$1 $4" = "exec /external-service/external-service" ]'; do
		conductor_but "if $condition; then kill -KILL \"\$PPID\"; fi"
		run -137 --separate-stderr up
		CONDUCTOR=$true_conductor
		run -1 --separate-stderr up
		assert_contains "$stderr" "it is up already"
		run -0 --separate-stderr down
		assert_equal "$stderr" ""
		nothing_is_up
	done
	run -0 up
}

@test "service-orchestrator down: waits for a run that was still at work when its orchestrator was killed" {
	true_conductor=$CONDUCTOR
	conductor_but 'if [ "$1 $3" = "run c2" ]; then kill -KILL "$PPID"; sleep 0.7; fi'
	run -137 --separate-stderr up
	CONDUCTOR=$true_conductor
	run -0 --separate-stderr down
	assert_equal "$stderr" ""
	nothing_is_up
}

# --- status, verify, down ------------------------------------------------------------------------

@test "service-orchestrator status: tells what runs and what doesn't, and counts nothing" {
	run -1 "$ORCHESTRATOR" status
	assert_equal "$output" "nothing is up"
	up
	run -0 "$ORCHESTRATOR" status
	assert_line "container c1: running"
	assert_line "external-service in c1: answers at http://203.0.113.2:3000"
	assert_line "container c2: running"
	assert_line "counter-service in c2: answers; the next number is 4"
	run -0 "$ORCHESTRATOR" status
	assert_line "counter-service in c2: answers; the next number is 4"

	kill "$(process_of counter-service)"
	wait_until 5 refute fetch_status http://192.168.2.2:8080/get_counter 2>/dev/null
	run -1 "$ORCHESTRATOR" status
	assert_line "container c2: running"
	assert_line "counter-service in c2: does not answer: http://192.168.2.2:8080/get_counter: Connection refused"
	assert_line "external-service in c1: answers at http://203.0.113.2:3000"

	"$CONDUCTOR" stop c1
	run -1 "$ORCHESTRATOR" status
	assert_matches "$output" 'container c1: not running: conductor: exec: c1: '
	assert_matches "$output" 'external-service in c1: does not answer at http://203\.0\.113\.2:3000: '
}

@test "service-orchestrator verify: repeats steps 8 and 9, and fails when an answer doesn't count" {
	run -1 "$ORCHESTRATOR" verify
	assert_equal "$output" "service-orchestrator: verify: nothing is up"
	up
	run -0 "$ORCHESTRATOR" verify --outside "$(outside)"
	assert_equal "${#lines[@]}" 2
	assert_matches "${lines[0]}" '^8\. .*http://203\.0\.113\.2:3000: 4, 5; http://localhost:3000: 6$'
	assert_matches "${lines[1]}" '^9\. .*http://203\.0\.113\.2:3000: 7$'
	run -1 --separate-stderr "$ORCHESTRATOR" verify --outside 'echo 7; :'
	assert_contains "$stderr" "step 9, fetch from another machine: echo 7; :: it answered 7, which does not follow 10"
	kill "$(process_of counter-service)"
	run -1 --separate-stderr "$ORCHESTRATOR" verify
	assert_matches "$stderr" 'step 8, fetch on the host: http://203\.0\.113\.2:3000: status 502: counter-service: Connection refused'
}

@test "service-orchestrator down: leaves nothing, and a second time there is nothing to do" {
	up
	refute world_is_unchanged
	run -0 down
	assert_equal "$output" ""
	nothing_is_up
	run -0 down
	assert_equal "$output" "nothing is up"
}

@test "service-orchestrator down: works when the containers are stopped already, and from another directory" {
	local conductor=$CONDUCTOR
	CONDUCTOR=$(realpath --relative-to="$PWD" "$conductor") up
	"$conductor" stop c1
	"$conductor" stop c2
	cd /
	run -0 --separate-stderr env -u CONDUCTOR "$ORCHESTRATOR" down
	assert_equal "$stderr" ""
	nothing_is_up
}

@test "service-orchestrator down: what can't be stopped is told and not forgotten" {
	true_conductor=$CONDUCTOR
	up
	conductor_but 'if [ "$1 $2" = "stop c2" ]; then echo "conductor: stop: c2: it will not" >&2; exit 1; fi'
	run -1 --separate-stderr down
	assert_equal "$stderr" "service-orchestrator: down: cannot stop c2: conductor: stop: c2: it will not"
	[ -d "$state" ]
	CONDUCTOR=$true_conductor
	run -0 down
	nothing_is_up
}

@test "service-orchestrator down: never ends a stranger who has the pid by now" {
	up
	down
	sleep 100 3>&- &
	local stranger=$!
	started+=("$stranger")
	mkdir -m 700 "$state"
	# As if it had been left by an orchestrator whose `run` had that pid.
	printf 'external_run=%s 1\ncounter_serve=%s 1\nboot_id=%s\n' "$stranger" "$stranger" \
		"$(cat /proc/sys/kernel/random/boot_id)" >"$state/state"
	run -0 down
	[ ! -e "$state" ]
	kill -0 "$stranger"
	# The right start, but of another boot.
	local stat fields
	read -r stat <"/proc/$stranger/stat"
	read -ra fields <<<"${stat##*) }"
	mkdir -m 700 "$state"
	printf 'external_run=%s %s\nboot_id=%s\n' "$stranger" "${fields[19]}" 0-1-2-3 >"$state/state"
	run -0 down
	kill -0 "$stranger"
	# The control: with the right boot it is ours.
	mkdir -m 700 "$state"
	printf 'external_run=%s %s\nboot_id=%s\n' "$stranger" "${fields[19]}" \
		"$(cat /proc/sys/kernel/random/boot_id)" >"$state/state"
	run -0 down
	await "$stranger"
	assert_equal "$status" 143
}

@test "service-orchestrator: a state directory that isn't ours alone is not trusted" {
	local command
	ln -s "$BATS_TEST_TMPDIR" "$state"
	for command in status verify down; do
		run -1 --separate-stderr "$ORCHESTRATOR" "$command"
		assert_equal "$stderr" "service-orchestrator: $command: $state: Not a directory"
	done
	run -1 --separate-stderr up
	rm "$state"
	mkdir -m 755 "$state"
	for command in status verify down; do
		run -1 --separate-stderr "$ORCHESTRATOR" "$command"
		assert_equal "$stderr" "service-orchestrator: $command: $state: is not ours alone (mode 700)"
	done
	rmdir "$state"
}

@test "service-orchestrator up: no room for the state is one clear line, and nothing stays" {
	mkdir -m 700 "$BATS_TEST_TMPDIR/runtime"
	mount -t tmpfs -o size=64k,mode=700 none "$BATS_TEST_TMPDIR/runtime"
	export XDG_RUNTIME_DIR=$BATS_TEST_TMPDIR/runtime
	head -c 100000 /dev/zero >"$XDG_RUNTIME_DIR/all-of-it" 2>/dev/null || :
	run -1 --separate-stderr up
	assert_equal "$stderr" "service-orchestrator: up: cannot write the state to $XDG_RUNTIME_DIR/service-orchestrator: No space left on device"
	assert_equal "$(ls "$XDG_RUNTIME_DIR")" all-of-it
	rm "$XDG_RUNTIME_DIR/all-of-it"
	run -0 up
	run -0 down
	umount "$XDG_RUNTIME_DIR"
	unset XDG_RUNTIME_DIR
}

@test "service-orchestrator: the state is where XDG_RUNTIME_DIR says, if that directory is ours" {
	mkdir -m 700 "$BATS_TEST_TMPDIR/runtime"
	export XDG_RUNTIME_DIR=$BATS_TEST_TMPDIR/runtime
	up
	[ -f "$XDG_RUNTIME_DIR/service-orchestrator/state" ]
	[ ! -e "$state" ]
	assert_equal "$(stat -c %a "$XDG_RUNTIME_DIR/service-orchestrator")" 700
	run -0 down
	[ ! -e "$XDG_RUNTIME_DIR/service-orchestrator" ]
	XDG_RUNTIME_DIR=/nowhere up
	[ -d "$state" ]
	unset XDG_RUNTIME_DIR
}

# --- fetch, and wrong usage ----------------------------------------------------------------------

@test "service-orchestrator fetch: prints what an address answers" {
	assert_equal "$("$ORCHESTRATOR" fetch http://203.0.113.1)" "$LAB_TOKEN"
	run -1 "$ORCHESTRATOR" fetch http://203.0.113.1/nowhere
	assert_matches "$output" '^service-orchestrator: fetch: http://203\.0\.113\.1/nowhere: status 404: '
	run -1 "$ORCHESTRATOR" fetch http://127.0.0.1:9
	assert_equal "$output" "service-orchestrator: fetch: http://127.0.0.1:9: Connection refused"
	run -1 "$ORCHESTRATOR" fetch http://nowhere.invalid
	assert_equal "$output" "service-orchestrator: fetch: http://nowhere.invalid: no such host in /etc/hosts"
	run -1 "$ORCHESTRATOR" fetch --timeout 1 http://203.0.113.77
	assert_equal "$output" "service-orchestrator: fetch: http://203.0.113.77: no answer in time"
	run -1 "$ORCHESTRATOR" fetch https://203.0.113.1
	assert_equal "$output" "service-orchestrator: fetch: https://203.0.113.1: it does not begin with http://"
}

@test "service-orchestrator: output that can't be written makes it fail" {
	local arguments
	for arguments in 'fetch http://203.0.113.1' status --help; do
		# shellcheck disable=SC2086 # words
		run -1 bash -c '"$@" >/dev/full' - "$ORCHESTRATOR" $arguments
		assert_matches "$output" 'cannot write to standard output: No space left on device$'
	done
}

@test "service-orchestrator: a conductor that isn't there is told before anything is made" {
	run -1 env CONDUCTOR=/nowhere/conductor "$ORCHESTRATOR" up
	assert_equal "$output" "service-orchestrator: up: /nowhere/conductor: No such file or directory"
	run -1 env CONDUCTOR=no-such-conductor "$ORCHESTRATOR" up
	assert_contains "$output" "service-orchestrator: up: no conductor: no-such-conductor is nowhere"
	[ ! -e "$state" ]
}

@test "service-orchestrator: wrong usage is one clear line and status 2" {
	local arguments
	for arguments in '' 'fly' '-rf' 'up now' 'up --fast' 'up --port' 'up --port x' 'up --port 0' \
		'up --port 65536' 'up --threads 0' 'up --timeout 0' 'up --external ../x' 'up --external -rf' \
		'up --counter a/b' 'up --external c2' 'up --image .x' 'up --host localhost' \
		'down --port 3000' 'status all' 'fetch' 'fetch http://a http://b' 'verify --port 1'; do
		# shellcheck disable=SC2086 # words
		run -2 --separate-stderr "$ORCHESTRATOR" $arguments
		assert_matches "$stderr" '^service-orchestrator: '
		assert_equal "${#stderr_lines[@]}" 1
		assert_equal "$output" ""
	done
	run -2 "$ORCHESTRATOR" up --counter ''
	run -2 "$ORCHESTRATOR" up --counter "$(printf '%0300d' 0)"
	[ ! -e "$state" ]
	run -0 "$ORCHESTRATOR" --help
	assert_line "usage: service-orchestrator COMMAND [OPTIONS]"
}

# --- the lesson ----------------------------------------------------------------------------------

# What the README shows for this command.
shown() { # COMMAND
	transcript task4/README.md "$1" | anonymous
}

in_readme_words() { # COMMAND...
	"$@" 2>&1 | anonymous
}

@test "README of task 4: the wrong way works, and the other machine resets the counter" {
	local counter=$BATS_TEST_TMPDIR/counter external=$BATS_TEST_TMPDIR/external
	"$COUNTER_SERVICE" 8080 4 >"$counter" 3>&- &
	started+=($!)
	"$EXTERNAL_SERVICE" 3000 http://127.0.0.1:8080 >"$external" 3>&- &
	started+=($!)
	wait_until 5 grep -q listening "$counter"
	wait_until 5 grep -q listening "$external"
	assert_equal "$(cat "$counter")" "$(shown 'task4/counter-service 8080 4 &')"
	assert_equal "$(cat "$external")" "$(shown 'task4/external-service 3000 http://127.0.0.1:8080 &')"

	local page='tests/lab/lab internet -- task4/service-orchestrator fetch http://203.0.113.2:3000'
	local reset='tests/lab/lab internet -- task4/service-orchestrator fetch http://203.0.113.2:8080/reset_counter'
	assert_equal "$(from_outside http://203.0.113.2:3000)" "$(shown "$page")"
	assert_equal "$(from_outside http://203.0.113.2:8080/reset_counter)" "$(shown "$reset" | head -n 1)"
	kill "${started[@]}"
	wait "${started[@]}"
	started=()
	up
	assert_equal "$(in_readme_words from_outside http://203.0.113.2:8080/reset_counter)" \
		"$(shown "$reset" | tail -n 1)"
}

@test "README of task 4: its transcripts are what service-orchestrator prints" {
	[ -z "$UP_OPTIONS" ] || skip "these services need libraries, and so an image of another name"
	assert_equal "$(in_readme_words up --outside "$(outside)")" \
		"$(shown "task4/service-orchestrator up --outside 'tests/lab/lab internet -- task4/service-orchestrator fetch'")"
	assert_equal "$(in_readme_words "$ORCHESTRATOR" status)" "$(shown 'task4/service-orchestrator status' | head -n 4)"
	assert_equal "$(in_readme_words down)" "$(shown 'task4/service-orchestrator down')"
	assert_equal "$(in_readme_words "$ORCHESTRATOR" status)" "$(shown 'task4/service-orchestrator status' | tail -n 1)"
}
