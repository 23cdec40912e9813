#!/bin/bash
# service-orchestrator.sh: two services in two containers, of which the outside reaches one
#
# Usage: sudo ./service-orchestrator.sh          brings them up and shows that it works
#        sudo ./service-orchestrator.sh down     takes them down again
#
# external-service runs in c1, port 3000 of the host; counter-service in c2, for c1 only.
#   CONDUCTOR=PATH   the conductor (../task3/conductor.sh, or ./conductor.sh)
#   SERVICES=PATH    where the directories external-service and counter-service are (here)
#   OUTSIDE=COMMAND  fetches the URL that is put behind it, on another machine: step 9 (ssh there curl -s)
#   IMAGE=NAME       an image that is there (default: matrix, which is built)
#
# Exit status: 0, or 1 when a step failed; then nothing is left up.
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
services=${SERVICES:-$here}
patience=30 # seconds for a container or a service to answer

fail() { # TEXT...
	echo "service-orchestrator.sh: $*" >&2
	exit 1
}

todo() { # PART
	fail "part $1 is not written yet"
}

find_conductor() {
	local file
	for file in "${CONDUCTOR:-}" "$here/../task3/conductor.sh" "$here/conductor.sh"; do
		if [ -n "$file" ] && [ -x "$file" ]; then
			realpath "$file"
			return
		fi
	done
	fail "no conductor.sh (set CONDUCTOR)"
}

# A conductor is started from its own directory.
conductor() { # ARGUMENT...
	(cd "$(dirname "$conductor")" && exec "./$(basename "$conductor")" "$@")
}

# Beyond the end of this script and of its terminal.
in_background() { # LOG ARGUMENT...: of conductor
	local log=$1
	shift
	(cd "$(dirname "$conductor")" && exec setsid "./$(basename "$conductor")" "$@" </dev/null >"$log" 2>&1) &
}

wait_until() { # COMMAND...
	local deadline=$((SECONDS + patience))
	until "$@" >/dev/null 2>&1; do
		((SECONDS < deadline)) || return 1
		sleep 0.05
	done
}

# Prints the body of http://HOST:PORT/PATH. Not every host has curl.
fetch() { # HOST PORT PATH
	# shellcheck disable=SC2016 # the inner shell expands it
	timeout 5 bash -c 'exec 3<>"/dev/tcp/$1/$2" &&
		printf "GET %s HTTP/1.1\r\nHost: %s:%s\r\nConnection: close\r\n\r\n" "$3" "$1" "$2" >&3 &&
		read -r _ status _ <&3 && sed "1,/^\r*$/d" <&3 && [ "$status" = 200 ]' fetch "$@"
}

is_there() { # NAME: of a container
	conductor exec "$1" -- true
}

take_down() {
	local name
	for name in c1 c2; do
		conductor stop "$name"
	done
}

# --- the steps ------------------------------------------------------------------------------------

build_image() {
	conductor images | grep -q "^$image " || conductor build "$image" "$here/Conductorfile"
}

run_containers() {
	local name
	for name in c1 c2; do
		! conductor ps | grep -q "^$name " || fail "there is a container $name (service-orchestrator.sh down stops it)"
	done
	trap 'take_down 2>/dev/null; exit 1' INT TERM HUP
	trap 'take_down 2>/dev/null' EXIT # until all is well
	for name in c1 c2; do
		in_background "$logs/$name.log" run "$image" $name -- sleep infinity
	done
	for name in c1 c2; do
		wait_until is_there $name || fail "$name does not run: $(tail -n 1 "$logs/$name.log")"
	done
}

# Into the container's root, where the paths are the container's own.
copy_service() { # SERVICE NAME
	[ -d "$services/$1" ] || fail "$services/$1: no such directory"
	tar -C "$services" -c "$1" | conductor exec "$2" -- tar -x --no-same-owner -C /
}

copy_services() {
	copy_service external-service c1 && copy_service counter-service c2
}

connect_containers() {
	# SOLUTION 4: step 4, both to the internet, c1's port 8080 on the host's 3000, c1 to c2: conductor.sh help
	conductor addnetwork c1 -i -e 8080-3000 &&
		conductor addnetwork c2 -i &&
		conductor peer c1 c2
	# END 4
}

find_address() {
	# SOLUTION 4: step 5, sets counter to the address that c2 has: ip-address(8)
	counter=$(conductor exec c2 -- ip -4 -o address show scope global | sed -n 's/.* inet \([0-9.]*\).*/\1/p' | head -n 1)
	[ -n "$counter" ]
	# END 4
}

counter_answers() {
	fetch "$counter" 8080 /get_counter
}

start_counter() {
	# SOLUTION 4: step 6, in_background counter-service in c2: port 8080, 4 threads; it answers: conductor.sh help
	in_background "$logs/counter-service.log" exec c2 -- /counter-service/counter-service 8080 4
	wait_until counter_answers
	# END 4
}

# Its page would count one further; any other path has no number in it.
external_answers() {
	timeout 5 bash -c "exec 3<>/dev/tcp/$host/3000"' && printf "GET /ready HTTP/1.0\r\n\r\n" >&3 && grep -q ^HTTP/ <&3'
}

start_external() {
	# SOLUTION 4: step 7, in_background external-service in c1: port 8080, URL of c2's; it answers: conductor.sh help
	in_background "$logs/external-service.log" exec c1 -- /external-service/external-service 8080 "http://$counter:8080"
	wait_until external_answers
	# END 4
}

number_in() { # TEXT
	grep -oE '[0-9]+' <<<"$1" | tail -n 1
}

# Each answer counts one further.
fetch_on_host() {
	local first second
	first=$(fetch "$host" 3000 /) && second=$(fetch "$host" 3000 /) || return
	printf '%s\n' "$first" "$second"
	[ "$(number_in "$second")" = $(($(number_in "$first") + 1)) ]
}

fetch_from_outside() {
	if [ -z "${OUTSIDE:-}" ]; then
		echo "try it on another machine: curl http://$host:3000"
		return
	fi
	# shellcheck disable=SC2086 # a command line
	$OUTSIDE "http://$host:3000"
}

step() { # NUMBER TEXT FUNCTION
	echo "$1. $2"
	"$3" || fail "step $1 failed: $2 (logs: $logs)"
}

# --- main -----------------------------------------------------------------------------------------

conductor=$(find_conductor) || exit
case ${1:-up} in
up) ;;
down) take_down && exit ;;
*) echo "service-orchestrator.sh: usage: service-orchestrator.sh [up|down]" >&2 && exit 2 ;;
esac

image=${IMAGE:-matrix}
logs=$here/logs
mkdir -p "$logs" || exit
host=$(ip -4 route get 192.0.2.1 | sed -n 's/.* src \([0-9.]*\).*/\1/p') # by which the world knows this machine
[ -n "$host" ] || fail "this machine has no way to the internet"

step 1 "build the image" build_image
step 2 "run c1 and c2" run_containers
step 3 "copy the services" copy_services
step 4 "connect the containers" connect_containers
step 5 "find the address of c2" find_address
step 6 "start counter-service in c2" start_counter
step 7 "start external-service in c1" start_external
step 8 "fetch on the host" fetch_on_host
step 9 "fetch from another machine" fetch_from_outside
trap - EXIT INT TERM HUP
echo "up: http://$host:3000"
