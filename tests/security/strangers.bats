#!/usr/bin/env bats
# Others on the same machine: users who look into the state, processes that got an old number.
# shellcheck disable=SC2154 # bats's run sets output, stderr and lines
# shellcheck disable=SC2016 # inner shells expand what stands in single quotes
# shellcheck disable=SC2030,SC2031 # each test is a subshell
# shellcheck disable=SC2086 # $SLEEP is two words

load attack

# --- other users --------------------------------------------------------------------------------

# By env, since setpriv itself keeps root's capabilities up to its execve.
as_stranger() { # COMMAND...
	(cd / && setpriv --reuid=65533 --regid=65533 --clear-groups env "$@")
}

# A state directory made under this umask, with a set-user-ID program in its image and secrets.
make_state() { # UMASK
	local umask_before
	umask_before=$(umask)
	umask "$1"
	CONDUCTOR_ROOT=$WORK/state$1
	[ $WHO = root ] || CONDUCTOR_ROOT=$WORK/user/state$1
	roots+=("$CONDUCTOR_ROOT")
	mkdir -p image
	cp "$(readlink -f "$(command -v id)")" image/id
	chmod 4755 image/id
	(
		umask 022
		mkdir -p "$WORK/context$1"
		cp -a image/id "$ATTACK" "$WORK/context$1"
		printf 'FROM host\nCOPY id /suid\nCOPY attack /attack\n' >"$WORK/context$1/Conductorfile"
		chmod -R a+rX "$WORK/context$1"
	)
	conductor build attack "$WORK/context$1/Conductorfile" >/dev/null
	conductor run -d attack $c -- sh -c "echo secret; echo secret >/secret; exec $SLEEP" >/dev/null 3>&-
	umask "$umask_before"
	wait_until 5 runs $SLEEP
}

closed_to_strangers() {
	local file found=0
	while read -r file; do
		found=$((found + 1))
		run as_stranger head -c 1 "$file"
		refute [ "$status" = 0 ]
	done < <(find "$CONDUCTOR_ROOT" -type f \( -name log -o -name state -o -name secret -o -name hosts -o -path '*/images/*' -o -name suid \))
	[ $found -ge 5 ]
	for file in "$CONDUCTOR_ROOT"/layers/*/suid; do
		run as_stranger "$file"
		refute [ "$status" = 0 ]
	done
	run as_stranger ls "$CONDUCTOR_ROOT/containers/"
	refute [ "$status" = 0 ]
	run as_stranger ls "$CONDUCTOR_ROOT/containers/$c/rootfs/"
	refute [ "$status" = 0 ]
	run as_stranger touch "$CONDUCTOR_ROOT/x" "$CONDUCTOR_ROOT/images/x"
	refute [ "$status" = 0 ]
	run -0 --separate-stderr conductor exec $c -- stat -c %a /
	assert_equal "$output" 755
}

strangers_look() {
	local mask
	for mask in 000 077; do
		make_state $mask
		closed_to_strangers
		conductor stop -t 0 $c
	done
}

@test "strangers: whatever the umask, no other user gets into the state, logs, layers (S16, CVE-2021-41091)" {
	requires machine_root setpriv
	strangers_look
}

@test "strangers: whatever the umask, no other user gets into an ordinary user's state (S16)" {
	ordinary_user
	strangers_look
}

# As /var/lib/conductor may be, by a package or an administrator.
@test "strangers: a state directory that was there before, open to all, is closed all the same (S16)" {
	requires machine_root setpriv
	mkdir -m 755 "$WORK/state022"
	make_state 022
	closed_to_strangers
}

# Not in /run itself, which the lab mounts nosuid.
@test "strangers: a set-user-ID program of an image would serve them, could they reach it" {
	requires machine_root setpriv
	local program=/run/conductor/$c
	cp "$(readlink -f "$(command -v id)")" "$program"
	chmod 4755 "$program"
	run as_stranger "$program"
	rm "$program"
	assert_contains "$output" "euid=0"
}

# --- numbers that others have now ----------------------------------------------------------------

recycled() {
	local init parent rootfs other
	started $c
	init=$(pid_of $SLEEP)
	parent=$(parent_of "$init")
	rootfs=$(directory_of $c)/rootfs
	kill -KILL "$parent"
	wait_until 5 runs_not $SLEEP
	wait_until 5 gone "$init"
	wait_until 5 gone "$parent"
	"$ATTACK" pid "$init" >victim1 3>&- &
	other=$!
	wait_until 15 grep -q ready victim1 # one at a time: both write the number that comes next
	"$ATTACK" pid "$parent" >victim2 3>&- &
	other+=" $!"
	wait_until 15 grep -q ready victim2
	bash -c 'exec -a "$1" sleep 5000' - "$rootfs" 3>&- &
	other+=" $!"
	conductor stop -t 0 $c
	assert_equal "$(tr '\0' ' ' <"/proc/$init/cmdline")" "$ATTACK pid $init "
	assert_equal "$(tr '\0' ' ' <"/proc/$parent/cmdline")" "$ATTACK pid $parent "
	kill -0 $other # each of them
	kill -KILL "$init" "$parent" $other
	wait $other || :
}

gone() { # PID
	[ ! -e "/proc/$1" ]
}

@test "strangers: stop kills none that got the number of the container's process or its watcher (S17, runc#871, conmon#260)" {
	[ -w /proc/sys/kernel/ns_last_pid ] || skip "this kernel has no ns_last_pid"
	recycled
}

@test "strangers: stop kills none that got the number (S17, an ordinary user)" {
	[ -w /proc/sys/kernel/ns_last_pid ] || skip "this kernel has no ns_last_pid"
	ordinary_user
	recycled
}
