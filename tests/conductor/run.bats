#!/usr/bin/env bats
# conductor run: a container's birth, its root, its command and its end.
# shellcheck disable=SC2154 # bats's run sets output, stderr and lines
# shellcheck disable=SC2016 # inner shells expand what stands in single quotes
# shellcheck disable=SC2030,SC2031 # each test is a subshell
# shellcheck disable=SC2086 # $SLEEP is two words

load containers

# --- namespaces and mounts ----------------------------------------------------------------------

@test "run: new UTS, PID, NET, MOUNT and IPC namespaces, and a cgroup one" {
	local space
	start_sleep $c
	for space in uts pid net mnt ipc cgroup; do
		assert_different "$(namespace_of "$(pid_of $SLEEP)" $space)" "$(namespace_of self $space)"
		assert_matches "$(namespace_of "$(pid_of $SLEEP)" $space)" "^$space:\[[0-9]+\]$"
	done
	# The user namespace is no new one: so the comparison can tell.
	assert_equal "$(namespace_of "$(pid_of $SLEEP)" user)" "$(namespace_of self user)"
}

@test "run: two containers share no namespace" {
	local space other
	other="sleep 2000"
	start_sleep $c
	"$CONDUCTOR" run -d base ${c}b -- $other >/dev/null
	for space in uts pid net mnt ipc cgroup; do
		assert_different "$(namespace_of "$(pid_of $SLEEP)" $space)" \
			"$(namespace_of "$(pid_of $other)" $space)"
	done
}

@test "run: the command is PID 1, and procfs shows the container and nothing else" {
	run -0 --separate-stderr "$CONDUCTOR" run --rm base $c -- sh -c 'echo $$; echo /proc/[0-9]*'
	assert_equal "$output" $'1\n/proc/1'
	assert_different "$(echo /proc/[0-9]*)" /proc/1 # ours has more

	start_sleep $c
	assert_matches "$(grep NSpid "/proc/$(pid_of $SLEEP)/status")" $'\t1$'
}

@test "run: ps inside sees the container's processes alone" {
	[ -x "$(command -v ps)" ] || skip "ps is not installed"
	run -0 --separate-stderr "$CONDUCTOR" run --rm base $c -- sh -c 'sleep 99 &
		until grep -q sleep /proc/$!/comm; do continue; done; ps -e -o pid=,comm=; kill $!'
	assert_equal "$(awk '{ print $2 }' <<<"$output" | sort | paste -sd ' ')" "ps sh sleep"
}

@test "run: the host sees no mount of it, whatever the host shares" {
	requires unshare
	run -0 unshare --mount --propagation shared bash -c '
		before=$(cat /proc/self/mountinfo)
		"$CONDUCTOR" run -d "$1" "$2" -- $3 >/dev/null 3>&-
		[ "$(cat /proc/self/mountinfo)" = "$before" ]' - base $c "$SLEEP"
	# It does have mounts of its own.
	grep -q ' /proc .* - proc ' "/proc/$(pid_of $SLEEP)/mountinfo"
}

@test "run: procfs, a read-only sysfs and the host's /dev are mounted" {
	local mounts
	start_sleep $c
	mounts="/proc/$(pid_of $SLEEP)/mountinfo"
	grep -qE '^[0-9]+ [0-9]+ [^ ]+ / /proc rw.* - proc ' "$mounts"
	grep -qE '^[0-9]+ [0-9]+ [^ ]+ / /sys ro.* - sysfs ' "$mounts"
	grep -qE ' /dev ro' "$mounts"
	run -0 "$CONDUCTOR" exec $c -- stat -c '%d %t %T' /dev/null
	assert_equal "$output" "$(stat -c '%d %t %T' /dev/null)"
	# Where no filter can be had, the host's nodes are in a /dev of the container's own.
	if ! "$CONDUCTOR" inspect $c | grep -qx devices=own; then
		assert_equal "$("$CONDUCTOR" exec $c -- stat -c %d /dev)" "$(stat -c %d /dev)"
	fi
}

# Nothing of the machine's is tried to be removed: a conductor that failed here would succeed.
@test "run: the host's /dev can be used, but nothing can be made in it" {
	local made
	run -0 --separate-stderr "$CONDUCTOR" run --rm base $c -- sh -c '
		echo x >/dev/null && echo written
		touch "/dev/$1" && echo made
		mknod "/dev/$1.node" c 1 3 && echo node
		true' - $c
	made=$(find /dev -maxdepth 1 -name "$c*")
	[ -z "$made" ] || rm "/dev/$c"*
	assert_equal "$made" ""
	assert_equal "$output" written
}

@test "run: pseudo-terminals and shared memory are its own" {
	local secret
	[ -d /dev/shm ] && [ -w /dev/shm ] || skip "this machine has no /dev/shm"
	secret=/dev/shm/$(random_name conductor-test)
	echo secret >"$secret"
	run "$CONDUCTOR" run --rm base $c -- sh -c 'ls /dev/shm /dev/pts; echo inside >/dev/shm/x && cat /dev/shm/x'
	rm "$secret"
	assert_equal "$status" 0
	assert_line inside
	refute_line "$(basename "$secret")"
	refute_line 0 # a terminal of ours
	refute [ -e /dev/shm/x ]
}

@test "run: the root directory has mode 755 (apt needs it), whatever the umask" {
	(
		umask 077
		run -0 --separate-stderr "$CONDUCTOR" run --rm base $c -- sh -c 'stat -c %a / /etc/hosts; umask; pwd'
		assert_equal "$output" $'755\n644\n0022\n/'
	)
}

@test "run: what it writes changes neither the image nor the host" {
	local layers
	layers=$(find "$CONDUCTOR_ROOT/layers" | sort)
	run -0 --separate-stderr "$CONDUCTOR" run --rm base $c -- sh -c 'echo x >/etc/made && rm /etc/passwd && ls /etc'
	assert_line made
	refute_line passwd
	assert_equal "$(find "$CONDUCTOR_ROOT/layers" | sort)" "$layers"
	refute [ -e /etc/made ]
	run -0 --separate-stderr "$CONDUCTOR" run --rm base $c -- ls /etc
	refute_line made
	assert_line passwd
}

@test "run: its hostname is its name, or --hostname's; ours stays" {
	local before
	before=$(</proc/sys/kernel/hostname)
	run -0 --separate-stderr "$CONDUCTOR" run --rm base $c -- cat /proc/sys/kernel/hostname
	assert_equal "$output" $c
	run -0 --separate-stderr "$CONDUCTOR" run --rm --hostname other base $c -- cat /proc/sys/kernel/hostname
	assert_equal "$output" other
	assert_equal "$(</proc/sys/kernel/hostname)" "$before"
}

# --- the command --------------------------------------------------------------------------------

@test "run: arguments with spaces, newlines, nothing and wildcards arrive untouched" {
	local arguments=("two words" $'new\nline' "" "*" '$HOME' '`id`' "--rm" "-d" "--" "\\" "'" '"' $'tab\t' "ünï")
	run -0 --separate-stderr "$CONDUCTOR" run --rm base $c -- printf '[%s]\n' "${arguments[@]}"
	assert_equal "$output" "$(printf '[%s]\n' "${arguments[@]}")"
}

@test "run: options before or after IMAGE and NAME; the first other word starts the command" {
	run -0 --separate-stderr "$CONDUCTOR" run base --hostname=h1 $c --rm echo --rm -d --hostname x
	assert_equal "$output" "--rm -d --hostname x"
	run -0 --separate-stderr "$CONDUCTOR" run --hostname h2 --rm base $c cat /proc/sys/kernel/hostname
	assert_equal "$output" h2
	assert_no_container $c
}

@test "run: without a command it is a shell, fed by standard input" {
	run -4 --separate-stderr bash -c 'printf "echo I am \$\$\nexit 4\n" | "$CONDUCTOR" run --rm "$@"' - base $c
	assert_equal "$output" "I am 1"
}

@test "run: standard input, output and error are the command's" {
	run -0 --separate-stderr bash -c \
		'head -c 300000 /dev/zero | "$CONDUCTOR" run --rm "$@" | wc -c' - base $c -- cat
	assert_equal "$((output))" 300000
	run -0 --separate-stderr "$CONDUCTOR" run --rm base $c -- sh -c 'echo out; echo err >&2'
	assert_equal "$output" out
	assert_contains "$stderr" err
}

@test "run: the command's exit status is passed on" {
	local status_wanted
	for status_wanted in 0 1 7 125 255; do
		run -$status_wanted "$CONDUCTOR" run --rm base $c -- sh -c "exit $status_wanted"
	done
}

@test "run: 128 and the signal's number when a signal ended the command" {
	in_background "$CONDUCTOR" run --rm base $c -- $SLEEP
	wait_until 5 runs $SLEEP
	kill -KILL "$(pid_of $SLEEP)"
	await "$job"
	assert_equal "$status" 137
}

@test "run: 127 for a command that isn't there, 126 for one that can't be run; nothing stays" {
	run -127 --separate-stderr "$CONDUCTOR" run base $c -- /no/such
	assert_contains "$stderr" "conductor: run: $c: /no/such: cannot run it: No such file or directory"
	assert_no_container $c
	run -127 "$CONDUCTOR" run base $c -- nowhere-on-the-path
	run -126 --separate-stderr "$CONDUCTOR" run base $c -- /etc/passwd
	assert_contains "$stderr" "conductor: run: $c: /etc/passwd: cannot run it: Permission denied"
	run -126 "$CONDUCTOR" run base $c -- /etc
	assert_no_container $c
}

@test "run: the command has descriptors 0 to 2 and no other" {
	exec 7<"$BATS_TEST_FILENAME" 8>>"$BATS_TEST_TMPDIR/other"
	in_background "$CONDUCTOR" run --rm base $c -- $SLEEP
	wait_until 5 runs $SLEEP
	assert_contains "$(descriptors_of self)" "7 8" # so that they could be inherited
	assert_equal "$(descriptors_of "$(pid_of $SLEEP)")" "0 1 2"
	exec 7<&- 8>&-
}

@test "run: a caller that ignores the end of its children takes away no exit status" {
	run -3 --separate-stderr env --ignore-signal=CHLD "$CONDUCTOR" run base $c -- sh -c 'exit 3'
	assert_equal "$stderr" ""
	assert_contains "$("$CONDUCTOR" ps)" "exited (3)"
}

# It has something to say before it is done, and nobody listens.
@test "run: a pipe that nobody reads any more doesn't keep it from finishing" {
	requires cgroup_memory
	local unread
	open_unread
	run -137 --separate-stderr bash -c '"$CONDUCTOR" run --memory 16M base "$1" -- tail /dev/zero 2>&"$2"' - $c "$unread"
	exec {unread}>&-
	assert_contains "$("$CONDUCTOR" ps)" "exited (137) out of memory"
}

@test "run: signals that were ignored or blocked outside are not inside" {
	(
		trap '' TERM HUP INT PIPE USR1
		run -0 --separate-stderr "$CONDUCTOR" run --rm base $c -- grep -E '^Sig(Ign|Blk)' /proc/self/status
		assert_equal "$(awk '{ print $2 }' <<<"$output" | sort -u)" 0000000000000000
	)
}

@test "run: nothing of our environment is inside" {
	run -0 --separate-stderr env SECRET=value "$CONDUCTOR" run --rm base $c -- env
	refute_contains "$output" SECRET
	refute_contains "$output" CONDUCTOR_ROOT
	assert_matches "$output" '(^|'$'\n'')PATH=/'
}

# --- in the background --------------------------------------------------------------------------

@test "run -d: prints the name, and the container is up" {
	local round
	for round in 1 2 3 4 5; do
		run -0 --separate-stderr "$CONDUCTOR" run -d base $c$round -- sleep 1000
		assert_equal "$output" $c$round
		run -0 "$CONDUCTOR" exec $c$round -- grep -c ' /proc ' /proc/self/mountinfo
	done
}

@test "run -d: a command that can't be run is told, no name is printed, nothing stays" {
	run -127 --separate-stderr "$CONDUCTOR" run -d base $c -- /no/such
	assert_equal "$output" ""
	assert_contains "$stderr" "conductor: run: $c: /no/such: cannot run it: No such file or directory"
	assert_no_container $c
}

# Who has something of a directory open, or is in it.
holders_of() { # DIRECTORY
	find /proc/[0-9]*/fd /proc/[0-9]*/cwd -maxdepth 1 -lname "$1*" 2>/dev/null || :
}

@test "run -d: keeps no descriptor and no directory of the caller" {
	mkdir here
	touch here/in here/out here/other
	(
		cd here
		"$CONDUCTOR" run -d base $c -- $SLEEP <in >out 2>>out 8<other 3>&-
	)
	runs $SLEEP
	exec 9<here/other # the check sees such a thing
	run -0 holders_of "$PWD/here"
	assert_equal "$(grep -v "^/proc/$BASHPID/" <<<"$output" | grep -v '/fd/9$' || :)" ""
	assert_contains "$output" /fd/9
	exec 9<&-
}

@test "run -d: the caller's pipe ends though the container lives on" {
	run -0 timeout 10 bash -c 'set -o pipefail; "$CONDUCTOR" run -d "$@" 2>&1 | cat' - base $c -- $SLEEP
	runs $SLEEP
}

@test "run -d: it outlives the session that started it" {
	requires script
	local parent fields
	run -0 script -qec "$CONDUCTOR run -d base $c -- $SLEEP" /dev/null
	parent=$(parent_of "$(pid_of $SLEEP)")
	read -ra fields <<<"$(sed 's/.*) //' "/proc/$parent/stat")" # from the third one, the state, on
	assert_equal "${fields[3]} ${fields[4]}" "$parent 0" # a session of its own, without a terminal
	run -0 "$CONDUCTOR" exec $c -- true
}

# --- its end ------------------------------------------------------------------------------------

@test "run: a container that exits keeps its directory until stop, and rootfs shows what it wrote" {
	run -3 "$CONDUCTOR" run base $c -- sh -c 'mkdir /data && echo kept >/data/file; exit 3'
	assert_equal "$(cat "$(directory_of $c)/rootfs/data/file")" kept
	run -0 "$CONDUCTOR" stop $c
	assert_no_container $c
}

@test "run: rootfs is the root of the running container, from the host" {
	start_sleep $c
	"$CONDUCTOR" exec $c -- sh -c 'echo inside >/from-inside'
	assert_equal "$(cat "$(directory_of $c)/rootfs/from-inside")" inside
	[ -e "$(directory_of $c)/rootfs/etc/passwd" ] # of the image
	echo outside >"$(directory_of $c)/rootfs/from-outside"
	run -0 --separate-stderr "$CONDUCTOR" exec $c -- cat /from-outside
	assert_equal "$output" outside
	assert_equal "$(stat -Lc %d:%i "$(directory_of $c)/rootfs")" "$(stat -Lc %d:%i "/proc/$(pid_of $SLEEP)/root")"
}

@test "run --rm: nothing stays when it exits, in the foreground and in the background" {
	run -3 "$CONDUCTOR" run --rm base $c -- sh -c 'echo x >/x; exit 3'
	assert_no_container $c
	start_sleep $c --rm
	[ -d "$(directory_of $c)" ]
	kill -KILL "$(pid_of $SLEEP)"
	wait_until 5 assert_no_container $c 2>/dev/null
}

@test "run: SIGTERM to the parent in the foreground ends the container" {
	in_background "$CONDUCTOR" run --rm base $c -- $SLEEP
	wait_until 5 runs $SLEEP
	kill -TERM "$job"
	await "$job"
	assert_matches "$status" '^(137|143)$'
	runs_not $SLEEP
	assert_no_container $c
}

@test "run: a command that handles a signal gets it from the parent" {
	"$CONDUCTOR" run --rm base $c -- sh -c "trap 'echo caught; exit 9' TERM; $SLEEP & wait" \
		>"$BATS_TEST_TMPDIR/out" 3>&- &
	job=$!
	wait_until 5 runs $SLEEP
	kill -TERM "$job"
	await "$job"
	assert_equal "$status" 9
	assert_equal "$(cat "$BATS_TEST_TMPDIR/out")" caught
}

@test "run: on a terminal the command has it" {
	requires script
	run -5 script -qec "$CONDUCTOR run --rm base $c -- sh -c 'test -t 0 && test -t 1 && test -t 2 && echo a terminal; exit 5'" /dev/null
	assert_contains "$output" "a terminal"
}

@test "run: on a terminal a shell is interactive, and the terminal is as before afterwards" {
	requires script
	printf 'echo $((6 * 7)) $- $$\nexit 6\n' >keys
	run -0 script -qec "stty -g >before; $CONDUCTOR run --rm base $c; echo status \$?; stty -g >after" /dev/null <keys
	assert_matches "$output" '42 [a-zA-Z]*i[a-zA-Z]* 1'
	assert_contains "$output" "status 6"
	assert_matches "$(cat before)" ^[0-9a-f]+:
	assert_equal "$(cat after)" "$(cat before)"
}

@test "run: a terminal that the command left in another mode is put back (R11, docker/cli#6058)" {
	requires script
	run -0 script -qec "stty -g >before
		$CONDUCTOR run --rm base $c -- sh -c 'stty raw -echo; stty -g; exit 5' >during; echo status \$?
		stty -g >after" /dev/null </dev/null
	assert_contains "$output" "status 5"
	assert_different "$(cat during)" "$(cat before)"
	assert_equal "$(cat after)" "$(cat before)"
}

@test "run, exec: a terminal's mode is put back, also when the command is quicker than its parent" {
	requires script strace
	"$CONDUCTOR" run -d base $c -- $SLEEP
	for command in "run --rm base other --" "exec $c --"; do
		run -0 script -qec "stty -g >before
			strace -o /dev/null -e inject=renameat,signalfd4:delay_enter=300000 \
				$CONDUCTOR $command sh -c 'stty raw -echo'
			stty -g >after" /dev/null </dev/null
		assert_equal "$(cat after)" "$(cat before)"
	done
}

@test "run, exec: the terminal inside is the container's own, and as large as the caller's" {
	requires script
	"$CONDUCTOR" run -d base $c -- $SLEEP
	for command in "run --rm base other --" "exec $c --"; do
		# The device behind descriptors 0 to 2, and the controlling terminal: not the caller's.
		run -0 script -qec "stty rows 31 cols 77 -echo; stat -Lc %d:%r - >caller; tty >name
			$CONDUCTOR $command sh -c 'stty size; tty; for fd in 0 1 2; do stat -Lc %d:%r /dev/fd/\$fd; done; : </dev/tty'" /dev/null </dev/null
		assert_contains "${lines[0]}" "31 77"
		assert_contains "${lines[1]}" "/dev/pts/0"
		assert_equal "${lines[2]}" "${lines[3]}"
		assert_equal "${lines[2]}" "${lines[4]}"
		assert_different "${lines[2]%$'\r'}" "$(cat caller)"
	done
}

@test "run: what is not a terminal stays what it is: a pipe in, a file out" {
	requires script
	run -0 script -qec "echo typed | $CONDUCTOR run --rm base $c -- sh -c 'cat; tty; tty <&1; true' >out" /dev/null </dev/null
	assert_equal "$(cat out)" "typed
not a tty
not a tty"
}

@test "run: Ctrl-C at the terminal ends the command" {
	requires script
	mkfifo keys
	script -qec "$CONDUCTOR run --rm base $c -- $SLEEP" /dev/null <keys >/dev/null 3>&- &
	job=$!
	exec 9>keys
	wait_until 5 runs $SLEEP
	printf '\003' >&9
	wait_until 5 runs_not $SLEEP
	exec 9>&-
	await "$job"
	assert_matches "$status" '^(130|137)$'
	assert_no_container $c
}

@test "run: a terminal that goes away ends the command" {
	requires script
	script -qec "$CONDUCTOR run --rm base $c -- $SLEEP" /dev/null </dev/zero >/dev/null 3>&- &
	job=$!
	wait_until 5 runs $SLEEP
	kill -KILL "$job"
	wait_until 5 runs_not $SLEEP
	wait_until 5 assert_no_container $c 2>/dev/null
}

# --- names --------------------------------------------------------------------------------------

# Its end with a word of ours unread is an error of the socket, which comes before what it said last.
@test "run: what a container says that fails is heard, also when it has ended before its parent listens" {
	requires strace
	run -125 --separate-stderr strace -f -o /dev/null -e trace=recvmsg -e inject=recvmsg:delay_enter=300000 \
		"$TOP/tests/tools/deny" umount2=EACCES "$CONDUCTOR" run base $c -- true
	assert_matches "$stderr" "^conductor: run: $c: cannot leave the host's root: Permission denied"
	assert_no_container $c
}

@test "run: a name in use is refused, and the container that has it goes on" {
	start_sleep $c
	run -125 --separate-stderr "$CONDUCTOR" run base $c -- true
	assert_equal "$stderr" "conductor: run: $c: the name is in use (conductor stop $c frees it)"
	run -125 "$CONDUCTOR" run -d base $c -- true
	assert_equal "$output" "conductor: run: $c: the name is in use (conductor stop $c frees it)"
	runs $SLEEP
	run -0 "$CONDUCTOR" exec $c -- true
}

@test "run: of thirty at once with one name exactly one gets it (R8, podman#11735)" {
	local i statuses=() pids=()
	for i in {1..30}; do
		"$CONDUCTOR" run -d base $c -- $SLEEP >/dev/null 2>&1 3>&- &
		pids+=($!)
	done
	for i in "${pids[@]}"; do
		await "$i"
		statuses+=("$status")
	done
	assert_equal "$(printf '%s\n' "${statuses[@]}" | sort -n | uniq -c | awk '{ print $1 "x" $2 }' | paste -sd ' ')" "1x0 29x125"
	run -0 "$CONDUCTOR" exec $c -- true
}
