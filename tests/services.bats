#!/usr/bin/env bats
# The two services of task 4 as HTTP servers: right answers, and what a bad or slow client, or a bad
# or slow counter, may not do to others. In the lab, whose network is its own: ports are free there.

load helpers

setup_file() {
	require_lab
}

setup() {
	programs=()
	logs=0
	snapshot_world processes sockets
}

teardown() {
	stop_programs
	assert_world_unchanged
}

# --- tools --------------------------------------------------------------------------------------

# Starts a service in the background and waits for the line that says that clients can connect.
# Its pid is then $started, its output in $log.
start() { # PROGRAM ARGUMENT...
	log=$BATS_TEST_TMPDIR/log.$((++logs)) # a new one: an old one has the line already
	"$@" >"$log" 2>&1 3>&- &
	started=$!
	programs+=("$started")
	wait_until 5 grep -qs ': listening on ' "$log"
}

start_counter() { # [THREADS [OPTION...]]
	start "$COUNTER_SERVICE" 8080 "${1:-4}" "${@:2}"
	counter=$started
}

start_external() { # [COUNTER_URL [OPTION...]]
	start "$EXTERNAL_SERVICE" 8081 "${1:-http://127.0.0.1:8080}" "${@:2}"
	external=$started
}

stop_programs() {
	local pid
	for pid in "${programs[@]}"; do
		kill -CONT "$pid" 2>/dev/null || :
		kill "$pid" 2>/dev/null || :
		wait "$pid" || :
	done
	programs=()
}

# Sends bytes, given as for printf %b, to a port of this host, and prints all that comes back until
# the other side closes.
exchange() { # PORT BYTES
	# shellcheck disable=SC2016 # the inner shell expands it
	timeout 10 bash -c 'exec 9<>"/dev/tcp/127.0.0.1/$1" || exit 7
		printf %b "$2" >&9
		cat <&9' exchange "$1" "$2" 2>/dev/null
}

status_line() { # TEXT
	printf '%s\n' "${1%%$'\r'*}"
}

# The status that the counter-service answers to these bytes.
assert_status() { # STATUS BYTES
	run exchange 8080 "$2"
	assert_matches "$output" "^HTTP/1\.1 $1 "
}

# How many descriptors a process has open.
descriptors() { # PID
	local open=("/proc/$1/fd/"*)
	echo "${#open[@]}"
}

has_descriptors() { # PID NUMBER
	[ "$(descriptors "$1")" = "$2" ]
}

has_more_descriptors() { # PID NUMBER
	(($(descriptors "$1") > $2))
}

# Hundredths of a second of CPU time that a process has used.
cpu_ticks() { # PID
	local stat fields
	read -r stat <"/proc/$1/stat"
	read -ra fields <<<"${stat##*) }"
	echo $((fields[11] + fields[12]))
}

# Opens connections to a port and keeps them open: their descriptors are in $held.
hold() { # NUMBER PORT
	local fd i
	for ((i = 0; i < $1; i++)); do
		exec {fd}<>"/dev/tcp/127.0.0.1/$2"
		held+=("$fd")
	done
}

let_go() {
	local fd
	for fd in "${held[@]}"; do
		exec {fd}>&-
	done
	held=()
}

# A server that answers everybody who connects with these bytes, as for Perl's "", then closes.
start_liar() { # PORT BYTES
	command -v perl >/dev/null || skip "perl is not installed"
	# shellcheck disable=SC2016 # Perl expands it
	perl -MIO::Socket::INET -e '
		my ($port, $bytes) = @ARGV;
		$bytes =~ s/\\r/\r/g; $bytes =~ s/\\n/\n/g; $bytes =~ s/\\0/\0/g;
		$SIG{PIPE} = "IGNORE";
		my $listener = IO::Socket::INET->new(LocalAddr => "127.0.0.1", LocalPort => $port,
			Listen => 16, ReuseAddr => 1) or die $!;
		$| = 1;
		print "liar: listening on $port\n";
		while (my $client = $listener->accept) {
			sysread $client, my $request, 4096;
			syswrite $client, $bytes;
			close $client;
		}' "$1" "$2" >"$BATS_TEST_TMPDIR/liar.$1" 2>&1 3>&- &
	programs+=($!)
	wait_until 5 grep -qs listening "$BATS_TEST_TMPDIR/liar.$1"
}

# --- counter-service: what it answers ------------------------------------------------------------

@test "counter-service: the count starts at 1, and each path answers the bare number" {
	start_counter
	assert_equal "$(fetch http://127.0.0.1:8080/get_counter)" 1
	assert_equal "$(fetch http://127.0.0.1:8080/get_and_increment_counter)" 1
	assert_equal "$(fetch http://127.0.0.1:8080/get_and_increment_counter)" 2
	assert_equal "$(fetch http://127.0.0.1:8080/get_counter)" 3
	assert_equal "$(fetch http://127.0.0.1:8080/get_counter)" 3
	assert_equal "$(fetch http://127.0.0.1:8080/reset_counter)" 1
	assert_equal "$(fetch http://127.0.0.1:8080/get_and_increment_counter)" 1
}

@test "counter-service: an answer is text/plain, has its length and no end of line" {
	start_counter
	fetch_raw http://127.0.0.1:8080/get_counter >"$BATS_TEST_TMPDIR/answer"
	run cat "$BATS_TEST_TMPDIR/answer"
	assert_line $'HTTP/1.1 200 OK\r'
	assert_line $'Content-Type: text/plain\r'
	assert_line $'Content-Length: 1\r'
	assert_line $'Cache-Control: no-store\r'
	assert_equal "$(tail -c 5 "$BATS_TEST_TMPDIR/answer" | od -An -c | tr -s ' ')" ' \r \n \r \n 1'
}

@test "counter-service: it says one line when it is ready, and serves every IPv4 address" {
	start_counter
	assert_equal "$(cat "$log")" "counter-service: listening on 0.0.0.0:8080"
	# 0A is LISTEN, 1F90 is 8080
	grep -q ' 00000000:1F90 00000000:0000 0A ' /proc/net/tcp
	assert_equal "$(fetch http://203.0.113.2:8080/get_counter)" 1
}

@test "counter-service: so many workers as asked for, beside the thread that talks to clients" {
	start_counter 7
	local tasks=("/proc/$counter/task/"*)
	assert_equal "${#tasks[@]}" 8
}

# 5 processes with 200 connections each, all open at the same time: more than the server holds.
increment_200_times() { # prints 200 numbers
	local held=() fd line
	hold 200 8080
	for fd in "${held[@]}"; do
		printf 'GET /get_and_increment_counter HTTP/1.0\r\n\r\n' >&"$fd"
	done
	for fd in "${held[@]}"; do
		while IFS= read -r line <&"$fd" && [ "$line" != $'\r' ]; do
			continue
		done
		read -r line <&"$fd" || :
		echo "$line"
	done
}

@test "counter-service: 1000 increments at the same time are each counted exactly once" {
	start_counter 4
	local i jobs=()
	for i in 1 2 3 4 5; do
		increment_200_times >"$BATS_TEST_TMPDIR/numbers.$i" 3>&- &
		jobs+=($!)
	done
	wait "${jobs[@]}"
	assert_equal "$(sort -n "$BATS_TEST_TMPDIR"/numbers.*)" "$(seq 1000)"
	assert_equal "$(fetch http://127.0.0.1:8080/get_counter)" 1001
}

# Increments sent without waiting for answers, on one connection; the numbers that come back.
increment_in_a_row() { # NUMBER FILE
	local request='GET /get_and_increment_counter HTTP/1.1\r\nHost: x\r\n' all
	all=$(yes "$request\\r\\n" | head -n "$1" | tr -d '\n')
	exchange 8080 "$all${request}Connection: close\r\n\r\n" >"$2.raw"
	# A body has no end of line, so the next status line follows the number.
	sed -n 's/^\([0-9]\+\)\(HTTP.*\)\?$/\1/p' "$2.raw" >"$2"
}

@test "counter-service: increments sent without waiting for answers are answered in order" {
	start_counter 4
	increment_in_a_row 299 "$BATS_TEST_TMPDIR/numbers"
	assert_equal "$(cat "$BATS_TEST_TMPDIR/numbers")" "$(seq 300)"
}

@test "counter-service: 12000 increments that keep all workers busy are each counted exactly once" {
	start_counter 8
	local i jobs=()
	for i in {1..8}; do
		increment_in_a_row 1499 "$BATS_TEST_TMPDIR/numbers.$i" 3>&- &
		jobs+=($!)
	done
	wait "${jobs[@]}"
	sort -n "$BATS_TEST_TMPDIR"/numbers.? | cmp - <(seq 12000)
}

@test "counter-service: 404 for another path, and the query doesn't belong to the path" {
	start_counter
	assert_equal "$(fetch_status http://127.0.0.1:8080/)" 404
	assert_equal "$(fetch_status http://127.0.0.1:8080/get_counte)" 404
	assert_equal "$(fetch_status http://127.0.0.1:8080/get_counter/)" 404
	assert_equal "$(fetch_status 'http://127.0.0.1:8080/get_counter?a=/b')" 200
	assert_status 200 'GET http://anything:99/get_counter HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'
}

@test "counter-service: 405 with Allow for another method, which counts nothing" {
	start_counter
	local method
	for method in POST PUT DELETE OPTIONS get BREW; do
		run exchange 8080 "$method /get_and_increment_counter HTTP/1.0\r\n\r\n"
		assert_matches "$output" "^HTTP/1\.1 405 "
		assert_line $'Allow: GET, HEAD\r'
	done
	assert_equal "$(fetch http://127.0.0.1:8080/get_counter)" 1
}

@test "counter-service: HEAD answers as GET would, without the body, and counts nothing" {
	start_counter
	run exchange 8080 'HEAD /get_and_increment_counter HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'
	assert_matches "$output" '^HTTP/1\.1 200 OK'
	assert_line $'Content-Length: 1\r'
	assert_equal "${output: -1}" $'\r'
	run exchange 8080 'HEAD /nowhere HTTP/1.0\r\n\r\n'
	assert_matches "$output" '^HTTP/1\.1 404 '
	assert_equal "$(fetch http://127.0.0.1:8080/get_counter)" 1
}

# --- connections ---------------------------------------------------------------------------------

@test "http: HTTP/1.1 keeps the connection, HTTP/1.0 only when asked, and close closes it" {
	start_counter
	local get='GET /get_and_increment_counter HTTP/1'
	run exchange 8080 "$get.1\r\nHost: x\r\n\r\n$get.1\r\nHost: x\r\nConnection: close\r\n\r\n$get.1\r\nHost: x\r\n\r\n"
	assert_equal "$(grep -c 'HTTP/1.1 200' <<<"$output")" 2
	run exchange 8080 "$get.0\r\n\r\n$get.0\r\n\r\n"
	assert_equal "$(grep -c 'HTTP/1.1 200' <<<"$output")" 1
	run exchange 8080 "$get.0\r\nConnection: foo, Keep-Alive\r\n\r\n$get.0\r\n\r\n"
	assert_equal "$(grep -c 'HTTP/1.1 200' <<<"$output")" 2
	assert_line $'Connection: keep-alive\r'
	assert_equal "$(fetch http://127.0.0.1:8080/get_counter)" 6
}

@test "http: a client that has closed its own side still gets its answer" {
	command -v perl >/dev/null || skip "perl is not installed"
	start_counter
	# shellcheck disable=SC2016 # Perl expands it
	run -0 perl -MIO::Socket::INET -e '
		my $socket = IO::Socket::INET->new("127.0.0.1:8080") or die $!;
		syswrite $socket, "GET /get_counter HTTP/1.1\r\nHost: x\r\n\r\n";
		shutdown $socket, 1;
		print while <$socket>;'
	assert_matches "$output" '^HTTP/1\.1 200 OK'
}

@test "http: a request that comes in single bytes is understood" {
	start_counter
	held=()
	hold 1 8080
	local text=$'GET /get_counter HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n' i
	for ((i = 0; i < ${#text}; i++)); do
		printf %s "${text:i:1}" >&"${held[0]}"
	done
	run cat <&"${held[0]}"
	let_go
	assert_matches "$output" '^HTTP/1\.1 200 OK'
}

@test "http: lines may end in LF alone, and an empty line before a request is forgiven" {
	start_counter
	assert_status 200 'GET /get_counter HTTP/1.0\n\n'
	assert_status 200 '\r\nGET /get_counter HTTP/1.0\r\n\r\n'
}

@test "http: a body is dropped, and the next request on the connection is understood" {
	start_counter
	local get='GET /get_counter HTTP/1.1\r\nHost: x\r\n'
	run exchange 8080 "${get}Content-Length: 14\r\n\r\nGET /reset HTT${get}Connection: close\r\n\r\n"
	assert_equal "$(grep -c 'HTTP/1.1 200' <<<"$output")" 2
	assert_equal "$(grep -c HTTP <<<"$output")" 2
	local body
	body=$(head -c 65536 /dev/zero | tr '\0' x)
	run exchange 8080 "${get}Content-Length: 65536\r\n\r\n$body${get}Connection: close\r\n\r\n"
	assert_equal "$(grep -c 'HTTP/1.1 200' <<<"$output")" 2
}

@test "http: a client that asks first is told to send its body" {
	start_counter
	held=()
	hold 1 8080
	printf 'POST /get_counter HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n' >&"${held[0]}"
	local line
	read -t 5 -r line <&"${held[0]}"
	assert_equal "$line" $'HTTP/1.1 100 Continue\r'
	printf abc >&"${held[0]}"
	run cat <&"${held[0]}"
	let_go
	assert_contains "$output" 'HTTP/1.1 405 '
}

# --- what is refused -----------------------------------------------------------------------------

@test "http: 400 for what isn't HTTP" {
	start_counter
	local get='GET /get_counter HTTP/1.1\r\nHost: x\r\n'
	assert_status 400 'hello\r\n'
	assert_status 400 '\x16\x03\x01\x02\x00\x01\n' # how TLS begins
	assert_status 400 'GET\r\n'
	assert_status 400 'GET /get_counter\r\n'
	assert_status 400 'GET  /get_counter HTTP/1.1\r\n'
	assert_status 400 'GET /get_counter  HTTP/1.1\r\n'
	assert_status 400 'GET /get counter HTTP/1.1\r\n'
	assert_status 400 'GET get_counter HTTP/1.1\r\n'
	assert_status 400 'GET /\x80 HTTP/1.1\r\n'
	assert_status 400 'G(T / HTTP/1.1\r\n'
	assert_status 400 'GET / HTTP/1\r\n'
	assert_status 400 'GET / http/1.1\r\n'
	assert_status 400 'GET / HTTP/1.1 \r\n'
	assert_status 400 'GET / HTTP/1.1\r\n\r\n'                       # no Host
	assert_status 400 "${get}Host: y\r\n\r\n"                        # two of them
	assert_status 400 "${get}: value\r\n"
	assert_status 400 "${get}name\r\n"
	assert_status 400 "${get}name : value\r\n"
	assert_status 400 "${get} continued: line\r\n"
	assert_status 400 "${get}name: a\rb\r\n"
	assert_status 400 "${get}name: \x00\r\n"
	assert_equal "$(fetch http://127.0.0.1:8080/get_counter)" 1
}

@test "http: a request whose body's end is unknown or doubtful is refused" {
	start_counter
	local get='GET /get_and_increment_counter HTTP/1.1\r\nHost: x\r\n'
	assert_status 400 "${get}Content-Length: -1\r\n\r\n"
	assert_status 400 "${get}Content-Length: +1\r\n\r\n"
	assert_status 400 "${get}Content-Length: 0x1\r\n\r\n"
	assert_status 400 "${get}Content-Length: 1, 1\r\n\r\n"
	assert_status 400 "${get}Content-Length:\r\n\r\n"
	assert_status 400 "${get}Content-Length: 1\r\nContent-Length: 1\r\n\r\nx"
	assert_status 400 "${get}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
	assert_status 501 "${get}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
	assert_status 413 "${get}Content-Length: 65537\r\n\r\n"
	assert_status 413 "${get}Content-Length: 18446744073709551617\r\n\r\n"
	assert_status 417 "${get}Expect: miracles\r\n\r\n"
	assert_equal "$(fetch http://127.0.0.1:8080/get_counter)" 1
}

@test "http: 505 for another version than HTTP/1" {
	start_counter
	assert_status 505 'GET /get_counter HTTP/2.0\r\n\r\n'
	assert_status 505 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'
	assert_status 200 'GET /get_counter HTTP/1.9\r\nHost: x\r\nConnection: close\r\n\r\n'
}

@test "http: 414 for a request line, 431 for fields beyond their limits, and not a byte earlier" {
	start_counter
	local x4076 x8000
	x4076=$(printf '%04076d' 0)
	x8000=$(printf '%08000d' 0)
	assert_status 404 "GET /000000$x4076 HTTP/1.0\r\n\r\n" # 4096 bytes
	assert_status 414 "GET /0000000$x4076 HTTP/1.0\r\n\r\n"
	assert_status 414 "GET /$x8000$x8000"
	assert_status 200 "GET /get_counter HTTP/1.0\r\nx: $x8000\r\n\r\n"
	assert_status 431 "GET /get_counter HTTP/1.0\r\nx: $x8000\r\ny: $x8000\r\n\r\n"
	local fields
	fields=$(printf 'x:\\r\\n%.0s' {1..64})
	assert_status 200 "GET /get_counter HTTP/1.0\r\n$fields\r\n"
	assert_status 431 "GET /get_counter HTTP/1.0\r\n${fields}x:\r\n\r\n"
}

@test "http: a client that goes on sending still reads why it was refused" {
	start_counter
	local megabyte
	megabyte=$(head -c 1000000 /dev/zero | tr '\0' x)
	held=()
	hold 1 8080
	printf 'GET /get_counter HTTP/1.0\r\nx: %s\r\n\r\n' "$megabyte" >&"${held[0]}"
	run timeout 10 cat <&"${held[0]}"
	let_go
	assert_matches "$output" '^HTTP/1\.1 431 '
	assert_equal "$(fetch http://127.0.0.1:8080/get_counter)" 1
}

@test "http: a client that sends on after the end finds the connection still there for a while" {
	start_counter
	held=()
	hold 1 8080
	printf 'hello\r\n' >&"${held[0]}"
	run timeout 10 cat <&"${held[0]}" # to the end of the server's side
	assert_matches "$output" '^HTTP/1\.1 400 '
	# Had the server closed its receiving side too, the first one would bring a reset, and the
	# second one would fail. (A reset can also wipe out the answer, before it is read.)
	(
		trap '' PIPE
		printf 'more\r\n' >&"${held[0]}" && printf 'more\r\n' >&"${held[0]}"
	)
	let_go
}

# --- slow and silent clients ---------------------------------------------------------------------

@test "http: a client that sends a byte now and then is ended by one deadline for the whole request" {
	start_counter 1 --timeout 600
	held=()
	hold 1 8080
	# 30 bytes, each well within the deadline, all of them beyond it
	local began=${EPOCHREALTIME/./} i
	(
		trap '' PIPE
		for ((i = 0; i < 30; i++)); do
			printf x >&"${held[0]}" || exit 0
			sleep 0.1
		done 2>/dev/null
	) 3>&- &
	local trickler=$!
	run timeout 10 cat <&"${held[0]}"
	local took=$(((${EPOCHREALTIME/./} - began) / 1000))
	let_go
	wait "$trickler"
	assert_matches "$output" '^HTTP/1\.1 408 '
	assert_number_between "$took" 600 2500
}

@test "http: a client that sends nothing is closed without a word" {
	start_counter 1 --timeout 300
	held=()
	hold 1 8080
	run timeout 10 cat <&"${held[0]}"
	let_go
	assert_equal "$status" 0
	assert_equal "$output" ""
}

@test "http: idle, slow and half-closed clients keep nobody waiting, even with one thread" {
	start_counter 1 --timeout 30000
	held=()
	hold 60 8080
	local i
	for ((i = 0; i < 20; i++)); do
		printf 'GET /get_counter HT' >&"${held[i]}"
		printf 'GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf of it' >&"${held[20 + i]}"
	done
	for ((i = 1; i <= 20; i++)); do
		assert_equal "$(FETCH_TIMEOUT=2 fetch http://127.0.0.1:8080/get_and_increment_counter)" "$i"
	done
	let_go
}

@test "http: a client that never reads its answers is closed, and others are served meanwhile" {
	start_counter 1 --timeout 1000
	local before
	before=$(descriptors "$counter")
	# Requests without end, until a write fails because the server has closed.
	# shellcheck disable=SC2016 # the inner shell expands it
	bash -c 'exec 9<>/dev/tcp/127.0.0.1/8080
		trap "" PIPE
		request=$(printf "GET /get_counter HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n%.0s" {1..200})
		while printf %s "$request" >&9; do :; done' 2>/dev/null 3>&- &
	local glutton=$!
	wait_until 5 has_more_descriptors "$counter" "$before"
	assert_equal "$(FETCH_TIMEOUT=2 fetch http://127.0.0.1:8080/get_counter)" 1
	wait_until 10 has_descriptors "$counter" "$before"
	wait "$glutton"
}

@test "http: more clients than descriptors: the longest idle one goes, newcomers are served" {
	# shellcheck disable=SC2016 # the inner shell expands it
	start bash -c 'ulimit -n 40 && exec "$@"' - "$COUNTER_SERVICE" 8080 1 --timeout 30000
	held=()
	hold 100 8080
	local ticks
	ticks=$(cpu_ticks "$started")
	assert_equal "$(fetch http://127.0.0.1:8080/get_and_increment_counter)" 1
	assert_equal "$(fetch http://127.0.0.1:8080/get_and_increment_counter)" 2
	# And it doesn't run in circles on a queue that it can't take from.
	assert_number_between "$(($(cpu_ticks "$started") - ticks))" 0 50
	let_go
	assert_equal "$(fetch http://127.0.0.1:8080/get_and_increment_counter)" 3
}

@test "http: clients that come and go, or break off, leave no descriptor behind" {
	start_counter 2
	local before i
	before=$(descriptors "$counter")
	held=()
	for ((i = 0; i < 50; i++)); do
		hold 4 8080
		printf 'GET /get_counter HTTP/1.1\r\nHost: x\r\n\r\n' >&"${held[0]}"
		printf 'GET /get_cou' >&"${held[1]}"
		printf 'hello\r\n' >&"${held[2]}"
		let_go
	done
	wait_until 5 has_descriptors "$counter" "$before"
}

# --- begin and end -------------------------------------------------------------------------------

@test "services: SIGTERM and SIGINT end them at once with status 0, whatever clients are at" {
	start_counter 2
	start_external
	local pid signal
	for signal in TERM INT; do
		[ "$signal" = TERM ] || { start_counter 2 && start_external; }
		held=()
		hold 3 8080
		hold 3 8081
		printf 'GET /get_cou' >&"${held[0]}"
		printf 'GET / HTT' >&"${held[3]}"
		for pid in "$external" "$counter"; do
			local began=${EPOCHREALTIME/./}
			kill -"$signal" "$pid"
			await "$pid"
			assert_equal "$status" 0
			assert_number_between "$(((${EPOCHREALTIME/./} - began) / 1000))" 0 900
		done
		let_go
		programs=()
	done
}

@test "services: SIGTERM ends them as PID 1 of a container too" {
	requires unshare
	# unshare passes no signal on: its child is PID 1 of the new namespace
	start unshare --pid --fork --kill-child "$COUNTER_SERVICE" 8080 1
	local child
	read -r child <"/proc/$started/task/$started/children" || : # no end of line
	grep -q $'^NSpid:\t.*\t1$' "/proc/$child/status"
	kill -TERM "$child"
	await "$started"
	assert_equal "$status" 0
	programs=()
}

@test "services: an answer that is being made when SIGTERM comes is still sent" {
	start_counter
	start_external http://127.0.0.1:8080 --counter-timeout 400
	kill -STOP "$counter"
	fetch_status http://127.0.0.1:8081/ >"$BATS_TEST_TMPDIR/status" 3>&- &
	local client=$!
	wait_until 5 grep -q ' 0100007F:1F90 01 ' /proc/net/tcp # ESTABLISHED, to 127.0.0.1:8080
	kill -TERM "$external"
	wait "$client"
	assert_equal "$(cat "$BATS_TEST_TMPDIR/status")" 504
	await "$external"
	assert_equal "$status" 0
}

@test "services: a port that is taken, and one that may not be had, is one clear line and status 1" {
	start_counter
	run -1 "$COUNTER_SERVICE" 8080 1
	assert_equal "$output" "counter-service: cannot listen on port 8080: Address already in use (another program has this port)"
	run -1 "$EXTERNAL_SERVICE" 8080 http://127.0.0.1:1
	assert_equal "$output" "external-service: cannot listen on port 8080: Address already in use (another program has this port)"
	assert_equal "$(fetch http://127.0.0.1:8080/get_counter)" 1
}

@test "services: a port just given up can be taken at once, old connections or not" {
	start_counter
	assert_equal "$(fetch http://127.0.0.1:8080/get_and_increment_counter)" 1
	stop_programs
	start_counter
	assert_equal "$(fetch http://127.0.0.1:8080/get_and_increment_counter)" 1
}

@test "services: too few threads to be had is one clear line and status 1" {
	# shellcheck disable=SC2016 # the inner shell expands it
	local in_little_memory=(bash -c 'ulimit -v 200000 && exec "$@"' -)
	"${in_little_memory[@]}" "$COUNTER_SERVICE" --help ||
		skip "the program doesn't even start in so little memory (a sanitizer's build?)"
	run -1 "${in_little_memory[@]}" "$COUNTER_SERVICE" 8080 256
	assert_matches "$output" '^counter-service: cannot start 256 threads: '
	assert_equal "${#lines[@]}" 1
}

@test "counter-service: wrong arguments are one clear line and status 2" {
	local usage='(usage: counter-service PORT THREADS [--timeout MS])'
	run -2 "$COUNTER_SERVICE"
	assert_equal "$output" "counter-service: needs 2 words, not 0 $usage"
	run -2 "$COUNTER_SERVICE" 8080 1 2
	assert_equal "$output" "counter-service: needs 2 words, not 3 $usage"
	run -2 "$COUNTER_SERVICE" http 1
	assert_equal "$output" "counter-service: port 'http': not a number"
	run -2 "$COUNTER_SERVICE" 8080x 1
	assert_equal "$output" "counter-service: port '8080x': not a number"
	run -2 "$COUNTER_SERVICE" '' 1
	assert_equal "$output" "counter-service: port '': not a number"
	run -2 "$COUNTER_SERVICE" 0 1
	assert_equal "$output" "counter-service: port 0: not from 1 to 65535"
	run -2 "$COUNTER_SERVICE" 65536 1
	assert_equal "$output" "counter-service: port 65536: not from 1 to 65535"
	run -2 "$COUNTER_SERVICE" 99999999999999999999 1
	assert_equal "$output" "counter-service: port 99999999999999999999: not from 1 to 65535"
	run -2 "$COUNTER_SERVICE" 8080 0
	assert_equal "$output" "counter-service: number of threads 0: not from 1 to 256"
	run -2 "$COUNTER_SERVICE" 8080 -1
	assert_equal "$output" "counter-service: number of threads -1: not from 1 to 256"
	run -2 "$COUNTER_SERVICE" 8080 1 --fast
	assert_equal "$output" "counter-service: unknown option --fast $usage"
	run -2 "$COUNTER_SERVICE" 8080 1 --timeout
	assert_equal "$output" "counter-service: --timeout needs a number of milliseconds"
	run -2 "$COUNTER_SERVICE" 8080 1 --timeout 0
	assert_equal "$output" "counter-service: --timeout 0: not from 1 to 3600000"
	run -0 "$COUNTER_SERVICE" --help
	assert_equal "$output" "usage: counter-service PORT THREADS [--timeout MS]"
}

@test "external-service: wrong arguments are one clear line and status 2" {
	run -2 "$EXTERNAL_SERVICE" 8081
	assert_matches "$output" '^external-service: needs 2 words, not 1 \(usage: '
	local url
	for url in '' localhost https://localhost http:// http://:80 'http://a b' 'http://user@host' \
		'http://[::1]' http://host:0 http://host:65536 http://host:8x http://host: \
		http://host?query http://host/#part http://host/path; do
		run -2 "$EXTERNAL_SERVICE" 8081 "$url"
		assert_contains "$output" "external-service: COUNTER_URL $url: "
		assert_equal "${#lines[@]}" 1
	done
}

# --- external-service ----------------------------------------------------------------------------

@test "external-service: answers a sentence with the counter's number, one further each time" {
	start_counter
	start_external
	run -0 fetch http://127.0.0.1:8081/
	assert_equal "$output" "The counter stands at 1."
	run -0 fetch http://127.0.0.1:8081/
	assert_equal "$output" "The counter stands at 2."
	run exchange 8081 'HEAD / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'
	assert_matches "$output" '^HTTP/1\.1 200 OK'
	assert_equal "$(fetch_status http://127.0.0.1:8081/elsewhere)" 404
	run -0 fetch http://127.0.0.1:8080/get_counter
	assert_equal "$output" 3
}

@test "external-service: 100 clients at once get 100 different numbers" {
	start_counter 2
	start_external
	local i jobs=()
	for ((i = 0; i < 100; i++)); do
		fetch http://127.0.0.1:8081/ >"$BATS_TEST_TMPDIR/answer.$i" 3>&- &
		jobs+=($!)
	done
	wait "${jobs[@]}"
	assert_equal "$(sed 's/.* \([0-9]*\)\.$/\1/' "$BATS_TEST_TMPDIR"/answer.* | sort -n)" "$(seq 100)"
}

@test "external-service: the counter's host may be a name in /etc/hosts" {
	start_counter
	grep -qw localhost /etc/hosts || skip "/etc/hosts has no localhost"
	start_external http://LocalHost:8080/
	assert_equal "$(fetch http://127.0.0.1:8081/)" "The counter stands at 1."
}

@test "external-service: 502 when the counter can't be reached, and 200 once it can" {
	start_external
	run -22 fetch http://127.0.0.1:8081/
	assert_equal "$output" "counter-service: Connection refused"
	assert_equal "$(fetch_status http://127.0.0.1:8081/)" 502
	start_counter
	assert_equal "$(fetch_status http://127.0.0.1:8081/)" 200
	kill "$external"
	await "$external"
	start_external http://nowhere.invalid:8080
	assert_equal "$(fetch_status http://127.0.0.1:8081/)" 502
	run -22 fetch http://127.0.0.1:8081/
	assert_equal "$output" "counter-service: no such host in /etc/hosts"
}

@test "external-service: 502 when what answers is no counter" {
	local answers=(
		''
		'1'
		'HTTP/1.1 200 OK\r\n'
		'HTTP/1.1 200 OK\r\n\r\n'
		'HTTP/1.1 200 OK\r\n\r\nnone'
		'HTTP/1.1 200 OK\r\n\r\n-1'
		'HTTP/1.1 200 OK\r\n\r\n1 2'
		'HTTP/1.1 200 OK\r\n\r\n1\0'
		'HTTP/1.1 200 OK\r\n\r\n123456789012345678901'
		'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n1'
		'HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n1'
		'HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n1'
		'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n1\r\n0\r\n\r\n'
		'HTTP/1.1 500 No\r\n\r\n1'
		'HTTP/1.1 204 OK\r\n\r\n1'
		'HTTP/1.1 2x0 OK\r\n\r\n1'
		'HTTP/2.0 200 OK\r\n\r\n1'
	)
	local port=8100 answer
	start_liar "$port" 'HTTP/1.1 200 Fine\r\nX: y\r\n\r\n7\r\n' # the liar tells the truth once
	start_external "http://127.0.0.1:$port"
	assert_equal "$(fetch http://127.0.0.1:8081/)" "The counter stands at 7."
	for answer in "${answers[@]}" "$(printf '%0100000d' 0)" "HTTP/1.1 200 OK\r\n\r\n$(printf '%090000d' 0)"; do
		stop_programs
		port=$((port + 1))
		start_liar "$port" "$answer"
		start_external "http://127.0.0.1:$port"
		assert_equal "${answer:0:80} $(fetch_status http://127.0.0.1:8081/)" "${answer:0:80} 502"
	done
}

@test "external-service: 504 when the counter accepts but doesn't answer in time" {
	start_counter
	start_external http://127.0.0.1:8080 --counter-timeout 300
	kill -STOP "$counter"
	local began=${EPOCHREALTIME/./}
	run -22 fetch http://127.0.0.1:8081/
	assert_equal "$output" "counter-service: no answer in time"
	assert_equal "$(fetch_status http://127.0.0.1:8081/)" 504
	assert_number_between "$(((${EPOCHREALTIME/./} - began) / 1000))" 600 3000
	kill -CONT "$counter"
	assert_equal "$(fetch_status http://127.0.0.1:8081/)" 200
}

@test "external-service: 504 when the counter's machine is silent" {
	start_external http://203.0.113.77:8080 --counter-timeout 300 # nobody has this address
	assert_equal "$(fetch_status http://127.0.0.1:8081/)" 504
}

@test "external-service: however many wait for a dead counter, each is told in time" {
	start_counter
	start_external http://127.0.0.1:8080 --counter-timeout 1000
	kill -STOP "$counter"
	local fd line began
	held=()
	hold 400 8081 # many more than it has workers
	for fd in "${held[@]}"; do
		printf 'GET / HTTP/1.0\r\n\r\n' >&"$fd"
	done
	began=${EPOCHREALTIME/./}
	for fd in "${held[@]}"; do
		read -t 10 -r line <&"$fd"
		assert_matches "$line" '^HTTP/1\.1 504 '
	done
	# One after the other, as workers become free, the last would be told after 7 seconds.
	assert_number_between "$(((${EPOCHREALTIME/./} - began) / 1000))" 0 5000
	let_go
}
