# shellcheck shell=bash
# shellcheck disable=SC2154 # bats's run sets output, stderr and lines
# shellcheck disable=SC2016 # inner shells expand what stands in single quotes
# What conductor does for an ordinary user, as functions: tests/rootless.bats calls them where root can
# become one, tests/vm/no_root.bats where everybody is one. Both define
#
#   as_user COMMAND...    runs it as the user, $ID, outside of the lab's or any other user namespace
#   $CONDUCTOR            a copy that the user may execute; $CONDUCTOR_ROOT, a directory of the user's
#   $RANGE                the first id that /etc/subuid and /etc/subgid give the user

conductor() {
	as_user "$CONDUCTOR" "$@"
}

# In a new container, which goes.
inside() { # COMMAND...
	conductor run --rm base "$(random_name c)" -- "$@"
}

told() { # NAME KEY
	conductor inspect "$1" | sed -n "s/^$2=//p"
}

kernel_map() { # PID KIND: as one line, the blanks single
	awk '{ printf "%s%s %s %s", sep, $1, $2, $3; sep = ", " } END { print "" }' "/proc/$1/$2"
}

directory_of() { # NAME
	echo "$CONDUCTOR_ROOT/containers/$1"
}

state_of() { # NAME KEY
	as_user sed -n "s/^$2=//p" "$(directory_of "$1")/state"
}

# An image "base" of a few programs: soon copied where there is no overlay, as on a tmpfs before Linux 6.6.
build_small_base() {
	local directory=$CONDUCTOR_ROOT/small
	mkdir -p "$directory"
	"$COPY_DEPS" /bin/sh sleep cat id touch chown mkdir chmod stat tail setpriv kill true env grep "$directory/root" >/dev/null
	echo "FROM ./root" >"$directory/Conductorfile"
	"$CONDUCTOR" build base "$directory/Conductorfile" >/dev/null
	rm -r "$directory"
}

# Every command that an ordinary user has; the container's names are its own, its root is the user.
lives_through() { # NAME
	local pid
	run -0 --separate-stderr conductor run -d base "$1" -- sh -c 'echo begun; exec sleep 3600'
	assert_equal "$output" "$1"
	pid=$(state_of "$1" pid)
	assert_equal "$(stat -c %u "/proc/$pid")" "$ID"
	run -0 conductor exec "$1" -- sh -c 'cat /proc/sys/kernel/hostname; id -u; echo /proc/[0-9]*'
	assert_equal "${lines[0]} ${lines[1]}" "$1 0"
	assert_matches "${lines[2]}" '^/proc/1 /proc/[0-9]+$'
	run -0 conductor logs "$1"
	assert_equal "$output" begun
	assert_matches "$(conductor ps)" "$1 +base +running +$pid "
	assert_equal "$(told "$1" uid_map)" "$(kernel_map "$pid" uid_map)"
	assert_equal "$(told "$1" gid_map)" "$(kernel_map "$pid" gid_map)"
	run -1 conductor addnetwork "$1"
	assert_contains "$output" "conductor: addnetwork: networks need root: sudo, or run all of it inside tests/lab/lab"
	run -0 conductor stop "$1"
	wait_until 5 has_ended "$pid"
	assert_nothing_of "$1"
}

has_ended() { # PID
	[ ! -d "/proc/$1" ]
}

assert_nothing_of() { # NAME
	as_user test ! -e "$(directory_of "$1")" || fail "there is something left of container $1"
}

has_one_id() {
	run -0 --separate-stderr inside sh -c 'cat /proc/self/uid_map /proc/self/gid_map /proc/self/setgroups; touch /f; chown 1000 /f 2>/dev/null || echo no'
	assert_equal "$(tr -s ' ' <<<"$output")" " 0 $ID 1"$'\n'" 0 $ID 1"$'\n'deny$'\n'no
}

# Who may not have shed a group before may not now; newgidmap's administrator has allowed it.
has_a_range_of_ids() {
	run -0 --separate-stderr inside sh -c 'cat /proc/self/uid_map /proc/self/gid_map; id -G
		touch /f && chown 1000:1000 /f && stat -c "%u %g" /f
		setpriv --reuid=1000 --regid=1000 --groups=5 id -u && setpriv --reuid=1000 --regid=1000 --groups=5 id -G
		setpriv --reuid=1000 --regid=1000 --clear-groups sh -c ": >/etc/passwd" 2>/dev/null || echo no'
	assert_equal "$(tr -s ' ' <<<"$output")" " 0 $ID 1
 1 $RANGE 65536
 0 $ID 1
 1 $RANGE 65536
0
1000 1000
1000
1000 5
no"
	refute_contains "$stderr" "one id only"
}

# The host's root has no id in there: its tools are the container's root's, and nobody's are nobody's.
tools_are_roots() {
	run -0 --separate-stderr inside stat -c '%u %g' /bin/sh /usr/bin/env /usr/bin/stat
	assert_equal "$output" $'0 0\n0 0\n0 0'
}

SECRET='mkdir -p /d/e && touch /d/e/f && chown -R 1000:1000 /d && chmod 700 /d'

# What other users of the container have, the user outside can neither see nor delete.
removes_what_others_wrote() { # NAME
	run -0 conductor run base "$1" -- sh -c "$SECRET"
	assert_equal "$(as_user stat -c %u "$(directory_of "$1")/rootfs/d")" $((RANGE + 999))
	refute as_user ls "$(directory_of "$1")/rootfs/d" 2>/dev/null
	run -0 conductor stop "$1"
	assert_nothing_of "$1"
	run -0 conductor run --rm base "$1" -- sh -c "$SECRET"
	assert_nothing_of "$1"

	as_user sh -c "printf 'FROM base\nRUN %s\n' '$SECRET' >$CONDUCTOR_ROOT/Conductorfile"
	run -0 conductor build secret "$CONDUCTOR_ROOT/Conductorfile"
	run -0 conductor run --rm secret "$1" -- stat -c %u /d/e/f
	assert_equal "${lines[-1]}" 1000
	conductor rmi secret
	run -0 conductor rmcache
	assert_equal "$(as_user find "$CONDUCTOR_ROOT/layers" -mindepth 1 -maxdepth 1 -type d | wc -l)" 1 # base's
}

# PID 1 may become another user, whom only the namespace's owner may signal; that also clears
# PR_SET_PDEATHSIG. So it outlives its parent until the next command.
ends_other_users() { # NAME
	local pid as=(setpriv --reuid=1000 --regid=1000 --clear-groups)
	run -0 conductor run -d base "$1" -- "${as[@]}" sleep 3600
	pid=$(state_of "$1" pid)
	wait_until 10 is_users "$pid" $((RANGE + 999))
	run -0 conductor exec "$1" -- kill -0 1
	run -0 conductor stop -t 0 "$1"
	wait_until 5 has_ended "$pid"

	run -0 conductor run -d base "$1" -- "${as[@]}" sleep 3600
	pid=$(state_of "$1" pid)
	wait_until 10 is_users "$pid" $((RANGE + 999))
	kill -KILL "$(state_of "$1" parent)"
	run -0 inside true
	wait_until 5 has_ended "$pid"
	run -0 conductor stop "$1"
	assert_nothing_of "$1"
}

is_users() { # PID ID
	[ "$(stat -c %u "/proc/$1")" = "$2" ]
}

# Neither newuidmap is found, nor anything else but what is named: the user's PATH.
conductor_alone() { # WORD...
	as_user env PATH=/nowhere "$CONDUCTOR" "$@"
}

# One mapping's containers end and are removed under the other, or one line says what is missing.
each_cleans_up_after_the_other() { # NAME
	run -0 conductor_alone run base "$1" -- /bin/sh -c '/bin/mkdir /d; >/d/f; /bin/cat /proc/self/setgroups'
	assert_equal "${lines[-1]}" deny
	run -0 conductor stop "$1"
	assert_nothing_of "$1"

	run -0 conductor run base "$1" -- sh -c "$SECRET"
	run -1 conductor_alone stop "$1"
	assert_equal "${output/ copy:/ upper:}" "conductor: stop: $1: cannot remove upper: Operation not permitted (files of other users of a container: they need newuidmap and the same range in /etc/subuid as when they were made)"
	assert_contains "$(conductor ps)" "$1 "
	run -0 conductor stop "$1"
	assert_nothing_of "$1"
}

# A foreign archive keeps its owners where there are ids for them; without, all is root's.
unpacks_an_archive() { # EXPECTED
	as_user sh -c "cd $CONDUCTOR_ROOT && mkdir -p tree/bin && cp -L /bin/true tree/bin/odd && tar -c --owner=7 --group=7 -f tree.tar -C tree bin &&
		printf 'FROM ./tree.tar\n' >Conductorfile"
	run -0 conductor build archive "$CONDUCTOR_ROOT/Conductorfile"
	assert_equal "$(as_user sh -c "stat -c %u $CONDUCTOR_ROOT/layers/*/bin/odd | sort -u")" "$1"
	conductor rmi archive
	conductor rmcache
	as_user rm -r "$CONDUCTOR_ROOT/tree" "$CONDUCTOR_ROOT/tree.tar" "$CONDUCTOR_ROOT/Conductorfile"
}

# --- where user namespaces are forbidden --------------------------------------------------------

# Before a command, as_user or not: what makes the kernel refuse one, and before the lab, which asks
# for it by another call. Empty where a setting of the machine does.
REFUSING=()
REFUSING_LAB=()

# Every program's line for the kernel's refusal, with this advice.
each_says() { # TEXT ADVICE
	local text=$1 advice=$2
	run -125 --separate-stderr as_user "${REFUSING[@]}" "$CONDUCTOR" run base "$c" -- true
	assert_equal "$stderr" "conductor: run: cannot make a user namespace: $text ($advice)"
	run -1 --separate-stderr as_user "${REFUSING[@]}" "$CONDUCTOR" build new
	assert_equal "$stderr" "conductor: build: cannot make a user namespace: $text ($advice)"
	run -125 --separate-stderr as_user "${REFUSING_LAB[@]}" "$LAB" true
	assert_equal "$stderr" "lab: cannot make the lab's namespaces: $text ($advice)"
	# What needs none goes on.
	run -0 as_user "${REFUSING[@]}" "$CONDUCTOR" ps
	run -0 as_user "${REFUSING[@]}" "$CONDUCTOR" images
	assert_nothing_of "$c"
}

# Of those that need root anyway: the lab is no way out then.
each_names() { # SYSCTL
	local hint="needs root: try sudo, or run it inside tests/lab/lab, which needs: sudo sysctl $1"
	run -1 --separate-stderr as_user "$NAMESPACE_PROG"
	assert_equal "$stderr" "namespace_prog: cannot clone into new UTS and PID namespaces: Operation not permitted ($hint)"
	run -1 --separate-stderr as_user "$SIMPLE_CONTAINER" 2a
	assert_matches "$stderr" '^simple_container: 2a: cannot chroot to .*: Operation not permitted \('
	assert_contains "$stderr" "($hint)"
	run -1 --separate-stderr as_user "$SIMPLE_CONTAINER" 2b
	assert_equal "$stderr" "simple_container: 2b: cannot clone: Operation not permitted ($hint)"
	run -1 conductor addnetwork "$c"
	assert_equal "$output" "conductor: addnetwork: networks need root: sudo, or run all of it inside tests/lab/lab, which needs: sudo sysctl $1"
	run -1 conductor peer "$c" "${c}b"
	assert_contains "$output" "which needs: sudo sysctl $1"
}
