#!/usr/bin/env bats
# The lab itself, from outside: the only suite that doesn't run in one. What it promises is in the
# header of tests/lab/lab.c. Each test is done as root (if we are) and as an ordinary user (if this
# machine allows user namespaces); root's part becomes an ordinary user by setpriv.

load helpers

# Some user without any right to our files.
ORDINARY=12345

setup_file() {
	# Where every user can read it, whatever the modes of the directories above this tree.
	PUBLIC=$(mktemp -d /tmp/lab-suite.XXXXXX)
	cp "$LAB" "$PUBLIC/lab"
	chmod -R a+rX "$PUBLIC"
	export PUBLIC USERS=
	# On pure cgroup v2 the first lab after boot may say what it had to switch on: here.
	if [ "$(id -u)" = 0 ] && lab_as root true; then
		USERS=root
	fi
	if lab_as user true; then
		USERS="$USERS user"
	fi
	[ -n "$USERS" ] || fail "the lab starts for nobody here"
}

teardown_file() {
	rm -rf "$PUBLIC"
}

setup() {
	lab_pid=
	# On the command line of every process that a test's lab starts, so that they can be found.
	marker=$(random_name lab-suite-)
	echo "$marker" >"$BATS_TEST_TMPDIR/marker"
	output_file=$BATS_TEST_TMPDIR/output
	snapshot_world mounts links routes settings names
}

teardown() {
	local status=0
	[ -z "$lab_pid" ] || kill -9 "$lab_pid" 2>/dev/null || :
	wait_until 5 no_processes || status=1
	# Whatever a broken lab has left would run on, and keep bats waiting.
	[ $status = 0 ] || marked_processes | xargs -r kill -9 || :
	wait_until 5 no_cgroups "$lab_pid" || status=1
	assert_world_unchanged || status=1
	return $status
}

# --- helpers ------------------------------------------------------------------------------------

# Sets the array prefix to the words before a command that user WHO is to run.
prefix_for() { # WHO
	prefix=()
	if [ "$1" = user ] && [ "$(id -u)" = 0 ]; then
		prefix=(setpriv "--reuid=$ORDINARY" "--regid=$ORDINARY" --clear-groups --)
	fi
}

lab_as() { # WHO ARGUMENT...
	local prefix
	prefix_for "$1"
	"${prefix[@]}" "$PUBLIC/lab" "${@:2}"
}

# Starts a lab, $lab_pid, whose script says "ready" when it is; then goes on. A shell lets what it
# starts in the background ignore SIGINT, for good: env gives it back.
start_lab() { # WHO SCRIPT
	local prefix
	prefix_for "$1"
	: >"$output_file" # here: an earlier lab's "ready" must not be taken for this one's
	"${prefix[@]}" env --default-signal "$PUBLIC/lab" -- bash -c "$2" "$marker" >"$output_file" 2>&1 3>&- &
	lab_pid=$!
	wait_until 10 grep -qx ready "$output_file"
}

# Waits for the lab that start_lab started; checks its exit status, and that nothing of it is left.
assert_lab_ended() { # STATUS
	local status=0
	wait "$lab_pid" || status=$?
	assert_equal "$status" "$1"
	assert_nothing_left
}

end_lab() {
	kill "$lab_pid"
	assert_lab_ended 143
}

# Runs a script in a lab; $1 in it is the lab program.
script_in_lab() { # WHO SCRIPT [ARGUMENT...]
	lab_as "$1" -- bash -c "$2" "$marker" "$PUBLIC/lab" "${@:3}"
}

marked_processes() {
	grep -lsF -f "$BATS_TEST_TMPDIR/marker" /proc/[0-9]*/cmdline | cut -d / -f 3
}

# shellcheck disable=SC2317 # run by wait_until
no_processes() {
	[ -z "$(marked_processes)" ]
}

cgroups_of() { # PID
	local tree
	awk '/ - cgroup2? / { print $5 }' /proc/self/mountinfo | while read -r tree; do
		find "$tree" -mindepth 1 -maxdepth 1 -name "lab-$1"
	done
}

# shellcheck disable=SC2317
no_cgroups() { # PID
	[ -z "$(cgroups_of "$1")" ]
}

assert_nothing_left() {
	wait_until 5 no_processes
	wait_until 5 no_cgroups "$lab_pid"
	assert_world_unchanged
}

# In how many nested PID namespaces a process is.
pid_depth() { # PID
	awk '/^NSpid:/ { print NF - 1 }' "/proc/$1/status"
}

# The lab's child: init is in a PID namespace of its own, the keeper isn't.
child_of_lab() { # init | keeper
	local child children
	local depth
	depth=$(pid_depth "$lab_pid")
	[ "$1" = keeper ] || depth=$((depth + 1))
	read -ra children <"/proc/$lab_pid/task/$lab_pid/children" || :
	for child in "${children[@]}"; do
		if [ "$(pid_depth "$child")" = "$depth" ]; then
			echo "$child"
			return
		fi
	done
	fail "the lab has no $1"
}

# --- the command --------------------------------------------------------------------------------

@test "lab: the command gets its arguments untouched, in the caller's directory" {
	local who
	cd /usr/bin
	for who in $USERS; do
		run -0 lab_as "$who" -- bash -c 'pwd; printf "<%s>" "$@"' "$marker" 'a  b' '' '*' -- -x
		assert_equal "$output" "/usr/bin
<a  b><><*><--><-x>"
		run -0 lab_as "$who" echo without dashes
		assert_equal "$output" "without dashes"
	done
}

@test "lab: the command's exit status is passed on, and 128 plus the signal that ended it" {
	local who
	for who in $USERS; do
		run -0 lab_as "$who" true
		run -7 lab_as "$who" sh -c 'exit 7'
		run -137 lab_as "$who" bash -c 'kill -KILL $$'
		run -134 lab_as "$who" bash -c 'ulimit -c 0; kill -ABRT $$'
	done
}

@test "lab: 127 for a command that is not there, 126 for one that can't be run, in one line" {
	local who
	for who in $USERS; do
		run -127 lab_as "$who" no-such-command
		assert_equal "$output" "lab: cannot run no-such-command: No such file or directory"
		run -126 lab_as "$who" /etc/passwd
		assert_equal "$output" "lab: cannot run /etc/passwd: Permission denied"
	done
	# A directory on PATH that the user may not search says nothing about the command.
	mkdir -m 700 "$BATS_TEST_TMPDIR/closed"
	for who in $USERS; do
		PATH=$BATS_TEST_TMPDIR/closed:$PATH run -127 lab_as "$who" no-such-command
	done
}

@test "lab: wrong usage is 125 and one line; --help prints the usage" {
	run -125 "$LAB"
	assert_equal "$output" "lab: which command? (try: lab --help)"
	run -125 "$LAB" --
	assert_equal "$output" "lab: which command? (try: lab --help)"
	run -125 "$LAB" --frob true
	assert_equal "$output" "lab: --frob: unknown option (try: lab --help)"
	run -0 --separate-stderr "$LAB" --help
	assert_contains "$output" "Usage: lab [--] COMMAND"
	# shellcheck disable=SC2154 # run sets it
	assert_equal "$stderr" ""
}

@test "lab: works whatever standard input is: a pipe, /dev/null, a file, closed" {
	local who
	for who in $USERS; do
		assert_equal "$(echo through the pipe | lab_as "$who" cat)" "through the pipe"
		assert_equal "$(lab_as "$who" cat </dev/null)" ""
		assert_equal "$(lab_as "$who" cat <"$BATS_TEST_TMPDIR/marker")" "$marker"
		# A closed one is /dev/null for the command: it must never be a descriptor of the lab's.
		assert_equal "$(lab_as "$who" readlink /proc/self/fd/0 <&-)" /dev/null
		# shellcheck disable=SC2016
		lab_as "$who" bash -c 'readlink "/proc/$$/fd/"[012] >&9' 9>"$output_file" <&- >&- 2>&-
		assert_equal "$(sort -u "$output_file")" /dev/null
	done
}

@test "lab: the command gets the caller's open descriptors and none of the lab's" {
	local who prefix outside inside
	for who in $USERS; do
		prefix_for "$who"
		# shellcheck disable=SC2016 # bash -c expands it
		outside=$("${prefix[@]}" bash -c 'exec 7</etc/passwd; ls /proc/self/fd')
		# shellcheck disable=SC2016
		inside=$("${prefix[@]}" bash -c 'exec 7</etc/passwd; "$0" ls /proc/self/fd' "$PUBLIC/lab")
		assert_equal "$inside" "$outside"
		assert_contains "$inside" 7
	done
}


@test "lab: what the caller ignores of signals stays ignored, nothing else, and none is blocked" {
	local who prefix signal outside inside
	for who in $USERS; do
		prefix_for "$who"
		for signal in TERM CHLD HUP USR1; do
			outside=$(trap '' "$signal" && "${prefix[@]}" grep -E '^Sig(Blk|Ign)' /proc/self/status)
			inside=$(trap '' "$signal" && lab_as "$who" grep -E '^Sig(Blk|Ign)' /proc/self/status)
			assert_equal "$inside" "$outside"
		done
		# SIGCHLD ignored hides from a careless parent how its child ended.
		# shellcheck disable=SC2016
		run -5 "${prefix[@]}" bash -c 'trap "" CHLD; exec "$0" sh -c "exit 5"' "$PUBLIC/lab"
	done
}

@test "lab: SIGTERM, SIGINT, SIGHUP and SIGUSR1 reach the command, whose status counts" {
	local who signal
	for who in $USERS; do
		for signal in TERM INT HUP USR1; do
			start_lab "$who" "trap 'echo got $signal; exit 42' $signal
				sleep 1000 & echo ready; wait"
			kill "-$signal" "$lab_pid"
			assert_lab_ended 42
			assert_equal "$(tail -n 1 "$output_file")" "got $signal"
		done
	done
}

@test "lab: a command that doesn't catch SIGTERM is ended by it: 143" {
	local who
	for who in $USERS; do
		start_lab "$who" 'echo ready; exec sleep 1000'
		kill "$lab_pid"
		assert_lab_ended 143
	done
}

# --- the terminal -------------------------------------------------------------------------------

# Runs a shell command on a terminal of its own; prints what the terminal showed.
on_terminal() { # WHO COMMAND
	local prefix
	prefix_for "$1"
	script --quiet --return --command "${prefix[*]} bash -c '$2'" /dev/null
}

@test "lab: an interactive shell has job control in the caller's terminal" {
	requires script
	local who
	for who in $USERS; do
		run -0 on_terminal "$who" "$PUBLIC/lab bash --norc -ic \"echo flags \\\$-; sleep 0 & fg && tty\"" <<<""
		assert_matches "$output" 'flags [a-zA-Z]*m'
		assert_contains "$output" /dev/pts/
		refute_contains "$output" "no job control"
	done
}

@test "lab: the caller has its terminal back after an interactive shell" {
	requires script
	local who
	for who in $USERS; do
		run -0 on_terminal "$who" "$PUBLIC/lab bash --norc -ic true; read -r line && echo got \$line" <<<"typed"
		assert_contains "$output" "got typed"
	done
}

@test "lab: ^C reaches the command, in the caller's process group and in one of its own" {
	requires script
	local who prefix own fifo=$BATS_TEST_TMPDIR/keyboard keyboard status
	mkfifo "$fifo"
	for who in $USERS; do
		prefix_for "$who"
		for own in "" "setsid -w"; do
			: >"$output_file"
			script --quiet --return --flush --command "${prefix[*]} env --default-signal $PUBLIC/lab $own bash -c '
				trap \"echo interrupted; exit 3\" INT; sleep 1000 & echo ready; wait' $marker" \
				"$output_file" <"$fifo" >/dev/null 3>&- &
			exec {keyboard}>"$fifo"
			wait_until 10 grep -q '^ready' "$output_file"
			printf '\003' >&"$keyboard"
			status=0
			wait $! || status=$?
			exec {keyboard}>&-
			assert_equal "$status" 3
			grep -q interrupted "$output_file"
		done
	done
}

# --- the world ----------------------------------------------------------------------------------

@test "lab: every namespace is a new one, an ordinary user's is a user namespace too" {
	local who kind inside outside
	for who in $USERS; do
		for kind in mnt net pid ipc uts; do
			outside=$(readlink "/proc/self/ns/$kind")
			inside=$(lab_as "$who" readlink "/proc/self/ns/$kind")
			assert_matches "$inside" "^$kind:\[[0-9]+\]$"
			refute assert_equal "$inside" "$outside" 2>/dev/null
		done
		outside=$(readlink /proc/self/ns/user)
		inside=$(lab_as "$who" readlink /proc/self/ns/user)
		if [ "$who" = root ]; then
			assert_equal "$inside" "$outside"
		else
			refute assert_equal "$inside" "$outside" 2>/dev/null
		fi
	done
}

@test "lab: the command is root, and files that it makes are the caller's" {
	local who owner file
	for who in $USERS; do
		assert_equal "$(lab_as "$who" id -u):$(lab_as "$who" id -g)" 0:0
		file=$(script_in_lab "$who" 'mktemp /tmp/lab-suite.XXXXXX')
		owner=$(stat -c %u "$file")
		rm -f "$file"
		if [ "$who" = root ] || [ "$(id -u)" != 0 ]; then
			assert_equal "$owner" "$(id -u)"
		else
			assert_equal "$owner" "$ORDINARY"
		fi
	done
}

@test "lab: the command sees its own processes only, below an init that reaps orphans" {
	local who
	for who in $USERS; do
		# shellcheck disable=SC2016
		run -0 script_in_lab "$who" '
			for ((i = 0; i < 200; i++)); do # it may still be about to take its name
				! grep -qx lab-internet /proc/2/comm || break
				sleep 0.02
			done
			echo $(cat /proc/[0-9]*/comm)
			orphan=$(bash -c "sleep 1000 >/dev/null & echo \$!")
			grep PPid "/proc/$orphan/status"
			kill "$orphan"
			for ((i = 0; i < 200; i++)); do
				[ -e "/proc/$orphan" ] || { echo reaped; break; }
				sleep 0.02
			done'
		assert_equal "${lines[0]}" "lab-init lab-internet bash cat"
		assert_equal "${lines[1]}" "PPid:	1"
		assert_equal "${lines[2]}" reaped
	done
}

@test "lab: the hostname is lab, inside only" {
	local who outside
	outside=$(uname -n)
	for who in $USERS; do
		run -0 lab_as "$who" uname -n
		assert_equal "$output" lab
		run -0 script_in_lab "$who" 'hostname other && uname -n'
		assert_equal "$output" other
	done
	assert_equal "$(uname -n)" "$outside"
}

@test "lab: /run is new and in memory, whatever the umask, and gone afterwards" {
	local who
	umask 077
	for who in $USERS; do
		run -0 script_in_lab "$who" "echo x >/run/$marker && echo x >/run/conductor/$marker &&
			stat -c '%n %a' /run /run/lock /run/lab/resolv.conf /run/conductor && stat -f -c %T /run /run/conductor"
		assert_equal "$output" "/run 755
/run/lock 1777
/run/lab/resolv.conf 644
/run/conductor 755
tmpfs
tmpfs"
		refute test -e "/run/$marker"
	done
}

@test "lab: CONDUCTOR_ROOT is a directory in memory; /var/lib/conductor is never the machine's" {
	local who existed=no
	[ ! -e /var/lib/conductor ] || existed=yes
	for who in $USERS; do
		# shellcheck disable=SC2016
		run -0 script_in_lab "$who" 'echo "$CONDUCTOR_ROOT $IN_LAB"; echo x >"$CONDUCTOR_ROOT/x"; ls -A /var/lib/conductor || :'
		assert_equal "${lines[0]}" "/run/conductor 1"
		if [ $existed = yes ]; then
			assert_equal "${lines[1]}" x
		fi
	done
	[ $existed = yes ] || refute test -e /var/lib/conductor
}

@test "lab: where the machine has a /var/lib/conductor, the lab's own lies over it" {
	requires machine_root unshare
	# shellcheck disable=SC2016
	run -0 unshare --mount bash -c 'mount -t tmpfs none /var/lib && mkdir /var/lib/conductor &&
		touch /var/lib/conductor/of-the-machine && ls /var/lib/conductor &&
		"$0" bash -c "touch /run/conductor/of-the-lab; ls /var/lib/conductor" && ls /var/lib/conductor' "$PUBLIC/lab"
	assert_equal "$output" "of-the-machine
of-the-lab
of-the-machine"
}

@test "lab: of the machine's files only /tmp, /var/tmp and the current directory can be written" {
	local who
	# -w is false on a read-only mount for root, too: nothing need be written to see it.
	# shellcheck disable=SC2016
	local look='for place in / /etc /usr /root /home /boot /dev /var /var/lib . /tmp /var/tmp /dev/shm; do
		[ ! -w "$place" ] || echo -n "$place "
	done'
	for who in $USERS; do
		run -0 script_in_lab "$who" "cd /tmp; $look"
		assert_equal "$output" ". /tmp /var/tmp /dev/shm "
		cd /
		run -0 script_in_lab "$who" "$look"
		assert_equal "$output" "/tmp /var/tmp /dev/shm "
		cd /usr
		run -0 script_in_lab "$who" "pwd; $look"
		[ "$who" = user ] || assert_equal "$output" "/usr
/usr . /tmp /var/tmp /dev/shm "
	done
}

@test "lab: what is mounted below is read-only too, and so is a bind mount of it" {
	requires machine_root unshare
	# shellcheck disable=SC2016
	run -0 unshare --mount bash -c 'mount -t tmpfs none /srv && mkdir /srv/below && mount -t tmpfs none /srv/below || exit
		"$0" bash -c "touch /srv/x; touch /srv/below/x; mount --bind /srv /tmp; touch /tmp/x; ls -R /tmp"' "$PUBLIC/lab"
	assert_equal "$output" "touch: cannot touch '/srv/x': Read-only file system
touch: cannot touch '/srv/below/x': Read-only file system
touch: cannot touch '/tmp/x': Read-only file system
/tmp:
below

/tmp/below:"
}

@test "lab: resolv.conf and hosts are the lab's own, and can be written without changing the machine's" {
	local who
	for who in $USERS; do
		run -0 lab_as "$who" cat /etc/resolv.conf
		assert_equal "$output" "nameserver 203.0.113.1"
		# Before anything is written: a broken lab's would be the machine's.
		run -0 lab_as "$who" grep -x '203.0.113.1 internet' /etc/hosts
		run -0 script_in_lab "$who" 'echo "# mine" >/etc/resolv.conf && echo "# mine" >>/etc/hosts && tail -qn 1 /etc/resolv.conf /etc/hosts'
		assert_equal "$output" "# mine
# mine"
	done
	refute grep -q '# mine' /etc/resolv.conf /etc/hosts
}

# A machine with systemd-resolved, played in a mount namespace: in it, /etc and /run are ours.
with_etc() { # RESOLV_CONF-LINK SCRIPT
	# shellcheck disable=SC2016
	unshare --mount bash -c 'set -e
		cp /etc/passwd /etc/group "$1"
		[ -z "$2" ] || ln -s "$2" "$1/resolv.conf"
		mount --bind "$1" /etc
		mount -t tmpfs none /run
		mkdir -p /run/systemd/resolve
		echo nameserver 127.0.0.53 >/run/systemd/resolve/stub-resolv.conf
		eval "$3"' "$PUBLIC/lab" "$(mktemp -d -p "$BATS_TEST_TMPDIR")" "$1" "$2"
}

@test "lab: a resolv.conf that is a link into /run leads to the lab's own" {
	requires machine_root unshare
	# shellcheck disable=SC2016
	run -0 with_etc ../run/systemd/resolve/stub-resolv.conf \
		'"$0" cat /etc/resolv.conf; cat /etc/resolv.conf; readlink /etc/resolv.conf'
	assert_equal "$output" "nameserver 203.0.113.1
nameserver 127.0.0.53
../run/systemd/resolve/stub-resolv.conf"
}

@test "lab: a machine without resolv.conf gets none" {
	requires machine_root unshare
	# shellcheck disable=SC2016
	run -0 with_etc "" '"$0" ls /etc; ls /etc'
	assert_equal "$output" "group
passwd
group
passwd"
}

@test "lab: its mounts don't spread to a machine whose mounts are shared" {
	requires machine_root unshare
	# shellcheck disable=SC2016
	unshare --mount --propagation shared bash -c '
		cat /proc/self/mountinfo >"$1/before"
		"$0" cat /proc/self/mountinfo >"$1/inside"
		cat /proc/self/mountinfo >"$1/after"' "$PUBLIC/lab" "$BATS_TEST_TMPDIR"
	grep -q shared: "$BATS_TEST_TMPDIR/before"
	grep -q ' /run/netns/internet ' "$BATS_TEST_TMPDIR/inside"
	refute grep -q shared: "$BATS_TEST_TMPDIR/inside"
	diff "$BATS_TEST_TMPDIR/before" "$BATS_TEST_TMPDIR/after"
}

@test "lab: the environment has root's directories on PATH and no proxy of the machine's" {
	local who
	for who in $USERS; do
		# shellcheck disable=SC2016
		PATH=/usr/bin:/bin http_proxy=http://192.0.2.1:3128 KEPT=yes run -0 script_in_lab "$who" \
			'echo "$PATH ${http_proxy-none} $KEPT"'
		assert_equal "$output" "/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin none yes"
	done
}

# --- the network --------------------------------------------------------------------------------

@test "lab: it has lo and uplink, both up, in sysfs too, and the machine gets no link meanwhile" {
	local who outside
	outside=$(ls /sys/class/net)
	for who in $USERS; do
		start_lab "$who" 'ls /sys/class/net; cat /sys/class/net/*/flags; echo ready; exec sleep 1000'
		# IFF_UP is the lowest bit: lo is 0x9, a link with broadcast and multicast 0x1003.
		assert_equal "$(cat "$output_file")" "lo
uplink
0x9
0x1003
ready"
		assert_equal "$(ls /sys/class/net)" "$outside"
		end_lab
	done
}

@test "lab: uplink is 203.0.113.2/24, and 203.0.113.1 the way to everywhere" {
	requires iproute2
	local who
	for who in $USERS; do
		run -0 lab_as "$who" ip -4 -o addr show dev uplink
		assert_contains "$output" "inet 203.0.113.2/24 "
		run -0 lab_as "$who" ip route show default
		assert_equal "$output" "default via 203.0.113.1 dev uplink "
	done
}

@test "lab: the internet answers with the token in LAB_TOKEN, on both of its addresses, at once" {
	local who tokens=
	for who in $USERS $USERS; do
		# shellcheck disable=SC2016
		run -0 script_in_lab "$who" 'fetch http://203.0.113.1/; fetch http://198.51.100.7/; echo "$LAB_TOKEN"'
		assert_matches "${lines[0]}" '^[0-9a-f]{32}$'
		assert_equal "${lines[1]}" "${lines[0]}"
		assert_equal "${lines[2]}" "${lines[0]}"
		refute_contains "$tokens" "${lines[0]}"
		tokens="$tokens ${lines[0]}"
	done
}

@test "lab: the internet's answer is plain text of a line, and says how long it is" {
	local who
	for who in $USERS; do
		run -0 script_in_lab "$who" 'fetch_raw http://203.0.113.1/'
		assert_equal "${lines[0]}" $'HTTP/1.1 200 OK\r'
		assert_line $'Content-Type: text/plain\r'
		assert_line $'Content-Length: 33\r'
	done
}

@test "lab: GET /source tells the address that the internet sees" {
	local who
	for who in $USERS; do
		# shellcheck disable=SC2016
		run -0 script_in_lab "$who" 'fetch http://203.0.113.1/source
			"$1" internet -- bash -c "fetch http://203.0.113.1/source"'
		assert_equal "$output" "203.0.113.2
203.0.113.1"
	done
}

@test "lab: the internet refuses what it doesn't know: 404, 405, 400, 431" {
	local who
	for who in $USERS; do
		# shellcheck disable=SC2016
		run -0 script_in_lab "$who" '
			say() { exec 9<>/dev/tcp/203.0.113.1/80 && printf "$1" >&9 && head -n 1 <&9; }
			fetch_status http://203.0.113.1/nowhere
			say "POST / HTTP/1.1\r\n\r\n"
			say "nonsense\r\n\r\n"
			say "GET / HTTP/1.1\r\nX: $(printf %05000d 0)\r\n\r\n"'
		assert_equal "${output//$'\r'/}" "404
HTTP/1.1 405 Method Not Allowed
HTTP/1.1 400 Bad Request
HTTP/1.1 431 Request Header Fields Too Large"
	done
}

@test "lab: clients that say nothing, 300 of them, don't keep another from its answer" {
	local who
	for who in $USERS; do
		# shellcheck disable=SC2016
		run -0 script_in_lab "$who" '
			for ((i = 0; i < 300; i++)); do exec {silent}<>/dev/tcp/203.0.113.1/80 || exit; done
			printf "GET / HT" >&"$silent"
			FETCH_TIMEOUT=2 fetch http://203.0.113.1/
			printf "TP/1.1\r\n\r\n" >&"$silent"
			grep -c "$LAB_TOKEN" <&"$silent"'
		assert_matches "${lines[0]}" '^[0-9a-f]{32}$'
		assert_equal "${lines[1]}" 1
	done
}

@test "lab: the internet doesn't answer a private address that nobody translated" {
	requires iproute2 curl
	local who
	for who in $USERS; do
		# shellcheck disable=SC2016
		run -0 script_in_lab "$who" '
			ip addr add 192.168.77.1/32 dev lo
			curl -sS --max-time 5 --interface 203.0.113.2 http://203.0.113.1/source
			curl -sS --max-time 1 --interface 192.168.77.1 http://203.0.113.1/source 2>&1 || echo "curl: $?"'
		assert_equal "${lines[0]}" 203.0.113.2
		assert_equal "${lines[-1]}" "curl: 28"
	done
}

@test "lab: neither side forwards until somebody switches it on" {
	local who
	for who in $USERS; do
		# shellcheck disable=SC2016
		run -0 script_in_lab "$who" 'cat /proc/sys/net/ipv4/ip_forward
			"$1" internet cat /proc/sys/net/ipv4/ip_forward'
		assert_equal "$output" "0
0"
	done
}

@test "lab: nothing of the internet listens on the machine" {
	local who outside
	listening() { awk '$4 == "0A" && $2 ~ /:0050$/' /proc/net/tcp | wc -l; }
	outside=$(listening)
	for who in $USERS; do
		# shellcheck disable=SC2016
		start_lab "$who" "$PUBLIC/lab"' internet grep -c ":0050 00000000:0000 0A" /proc/net/tcp; echo ready; exec sleep 1000'
		assert_equal "$(head -n 1 "$output_file")" 1
		assert_equal "$(listening)" "$outside"
		end_lab
	done
}

# --- lab internet -------------------------------------------------------------------------------

@test "lab internet: runs a command on the other side, which reaches the lab and knows no other way" {
	local who
	for who in $USERS; do
		# The lab has no service: that it refuses shows that it was reached.
		# shellcheck disable=SC2016
		run -0 script_in_lab "$who" '
			awk "NR > 1 { print \$1, \$2, \$8 }" <("$1" internet -- cat /proc/self/net/route)
			"$1" internet -- bash -c "exec 9<>/dev/tcp/203.0.113.2/81" 2>&1 || :
			"$1" internet -- bash -c "exec 9<>/dev/tcp/192.0.2.1/81" 2>&1 || :'
		assert_equal "${lines[0]}" "lab 007100CB 00FFFFFF"
		assert_contains "${lines[1]}" "Connection refused"
		refute_contains "$output" "lab 00000000"
		assert_contains "$output" "Network is unreachable"
	done
}

@test "lab internet: the exit status is passed on; a missing command is 127, none 125" {
	local who
	for who in $USERS; do
		# shellcheck disable=SC2016
		run -0 script_in_lab "$who" '
			"$1" internet sh -c "exit 9"; echo $?
			"$1" internet no-such-command; echo $?
			"$1" internet; echo $?' 2>&1
		assert_equal "$output" "9
lab: internet: cannot run no-such-command: No such file or directory
127
lab: internet: which command? (try: lab --help)
125"
	done
}

@test "lab internet: the namespace has a name, so that ip netns finds it" {
	requires iproute2
	local who
	for who in $USERS; do
		run -0 lab_as "$who" ip netns exec internet ip -4 -o addr show
		assert_contains "$output" "inet 203.0.113.1/24 "
		assert_contains "$output" "inet 198.51.100.7/32 "
	done
}

@test "lab internet: outside a lab it says so in one line" {
	local who
	if in_lab; then
		skip "this suite runs in a lab"
	fi
	for who in $USERS; do
		run -125 lab_as "$who" internet -- true
		assert_equal "$output" "lab: internet: there is no internet's side here (run it inside: lab COMMAND)"
	done
}

# --- cgroups ------------------------------------------------------------------------------------

@test "lab: root's lab is at the root of every cgroup tree that limits" {
	requires machine_root
	local controller
	run -0 lab_as root cat /proc/self/cgroup
	for controller in cpu cpuacct memory pids; do
		if grep -qE "^[0-9]+:([a-z_,]*,)?${controller}[,:]" /proc/self/cgroup; then
			assert_matches "$output" "(^|
)[0-9]+:([a-z_,]*,)?$controller(,[a-z_,]*)?:/(
|$)"
		fi
	done
	# Pure v2 keeps processes out of a root that limits its children: there they are in a leaf.
	assert_matches "$output" "(^|
)0::/(init)?$"
}

@test "lab: root's lab sees only its own part of a cgroup tree, and the machine sees it as lab-PID" {
	requires machine_root cgroup_pids
	local tree init
	tree=$(cgroup_tree pids)
	start_lab root "mkdir '$tree/inner' && cd '$tree' && echo */; echo ready; exec sleep 1000"
	assert_matches "$(head -n 1 "$output_file")" '^(init/ )?inner/$'
	[ -d "$tree/lab-$lab_pid/inner" ]
	init=$(child_of_lab init)
	cat "$tree/lab-$lab_pid/cgroup.procs" "$tree/lab-$lab_pid/init/cgroup.procs" 2>/dev/null | grep -qx "$init"
	refute no_cgroups "$lab_pid"
	end_lab
}

@test "lab: root's lab can limit cgroups of its own" {
	requires machine_root cgroup_pids
	local tree
	tree=$(cgroup_tree pids)
	run -0 script_in_lab root "mkdir '$tree/limited' && echo 7 >'$tree/limited/pids.max' &&
		echo \$\$ >'$tree/limited/cgroup.procs' && cat '$tree/limited/pids.max' && grep -c limited /proc/self/cgroup"
	assert_equal "$output" "7
1"
}

@test "lab: cgroups that the command leaves, with processes in them, go with the lab" {
	requires machine_root cgroup_pids
	local tree
	tree=$(cgroup_tree pids)
	start_lab root "mkdir -p '$tree/a/b' '$tree/c' && (echo \$BASHPID >'$tree/c/cgroup.procs' && exec sleep 1000) &
		until [ -d '$tree/c' ] && grep -q . '$tree/c/cgroup.procs'; do sleep 0.02; done
		trap 'exit 0' TERM; sleep 1000 & echo ready; wait"
	[ -d "$tree/lab-$lab_pid/a/b" ]
	kill "$lab_pid"
	wait "$lab_pid"
	# At once: lab itself has waited for it.
	no_cgroups "$lab_pid"
}

@test "lab: an ordinary user's lab makes no cgroup" {
	local who=user
	case $USERS in *user*) ;; *) skip "user namespaces are not allowed here" ;; esac
	start_lab "$who" 'echo ready; exec sleep 1000'
	no_cgroups "$lab_pid"
	end_lab
}

# --- nothing is left ----------------------------------------------------------------------------

@test "lab: when the command ends, everything that it started ends" {
	local who
	for who in $USERS; do
		# The substitution ends when no process holds its pipe any more.
		# shellcheck disable=SC2016
		output=$(script_in_lab "$who" 'sleep 1000 & setsid sleep 1000 & grep -c . /proc/$!/comm')
		assert_equal "$output" 1
		no_processes
	done
}

@test "lab: kill -9 of it ends everything inside, and nothing is left on the machine" {
	local who
	for who in $USERS; do
		start_lab "$who" 'setsid sleep 1000 & echo ready; exec sleep 1000'
		refute no_processes
		if [ "$who" = root ] && ! in_user_namespace; then
			refute no_cgroups "$lab_pid"
		fi
		kill -9 "$lab_pid"
		assert_lab_ended 137
	done
}

@test "lab: kill -9 of its init ends everything inside, with 137, and nothing is left" {
	local who
	for who in $USERS; do
		start_lab "$who" 'setsid sleep 1000 & echo ready; exec sleep 1000'
		kill -9 "$(child_of_lab init)"
		assert_lab_ended 137
	done
}

@test "lab: without its keeper, killed, it removes its cgroups itself" {
	requires machine_root cgroup_pids
	start_lab root 'trap "exit 4" TERM; sleep 1000 & echo ready; wait'
	kill -9 "$(child_of_lab keeper)"
	refute no_cgroups "$lab_pid"
	kill "$lab_pid"
	assert_lab_ended 4
}

@test "lab: its keeper holds nothing of the caller's: no descriptor, directory or session" {
	requires machine_root cgroup_pids
	local keeper
	start_lab root 'echo ready; exec sleep 1000'
	keeper=$(child_of_lab keeper)
	assert_equal "$(readlink "/proc/$keeper/cwd")" /
	# Field 6 of proc(5)'s stat; the name before it has no blanks.
	assert_equal "$(cut -d ' ' -f 6 "/proc/$keeper/stat")" "$keeper"
	assert_equal "$(readlink /proc/"$keeper"/fd/* | sed 's/:.*//' | sort | uniq -c | sed 's/^ *//')" "3 /dev/null
1 anon_inode
1 socket"
	end_lab
}

# --- labs in labs, and where none can be ----------------------------------------------------------

@test "lab: a lab in a lab is another one, with an internet of its own" {
	local who
	for who in $USERS; do
		# shellcheck disable=SC2016
		run -6 script_in_lab "$who" 'echo "$LAB_TOKEN"
			"$1" bash -c "echo \$LAB_TOKEN; fetch http://203.0.113.1/; exit 6" "$0"'
		refute assert_equal "${lines[0]}" "${lines[1]}" 2>/dev/null
		assert_equal "${lines[1]}" "${lines[2]}"
	done
}

@test "lab: where no user namespace is left, it says what to do, in one line" {
	requires machine_root unshare setpriv
	local ready=$BATS_TEST_TMPDIR/ready go=$BATS_TEST_TMPDIR/go namespace
	mkfifo "$ready" "$go"
	# A user namespace with all ids, in which the limit is 0. Only what is executed when the ids are
	# there has capabilities.
	# shellcheck disable=SC2016
	unshare --user bash -c 'echo >"$1"; read -r <"$2"; exec bash -c "
		echo 0 >/proc/sys/user/max_user_namespaces
		exec setpriv --reuid=12345 --regid=12345 --clear-groups $0 true"' \
		"$PUBLIC/lab" "$ready" "$go" >"$output_file" 2>&1 3>&- &
	namespace=$!
	read -r <"$ready"
	echo "0 0 65536" >"/proc/$namespace/uid_map"
	echo "0 0 65536" >"/proc/$namespace/gid_map"
	echo >"$go"
	local status=0
	wait $namespace || status=$?
	assert_equal "$status $(cat "$output_file")" "125 lab: cannot make the lab's namespaces: No space left on device\
 (no more user namespaces allowed: use sudo, or raise them with: sudo sysctl user.max_user_namespaces=10000)"
}

@test "lab: where user namespaces are refused, it says what to do, in one line" {
	requires machine_root
	if ldd "$PUBLIC/lab" >/dev/null 2>&1; then
		skip "the lab is a dynamic program, and the chroot has no libraries"
	fi
	# The kernel refuses them to whoever is chrooted: user_namespaces(7).
	run -125 chroot --userspec="$ORDINARY:$ORDINARY" "$PUBLIC" /lab true
	assert_equal "$output" "lab: cannot make the lab's namespaces: Operation not permitted\
 (a security policy, or a container around us, refuses ordinary users what this needs: use sudo)"
}
