#!/usr/bin/env bats
# Paths that a container's files decide: links in an image, links made later, and things that are not
# what they are taken for.
# shellcheck disable=SC2154 # bats's run sets output, stderr and lines
# shellcheck disable=SC2016 # inner shells expand what stands in single quotes
# shellcheck disable=SC2030,SC2031 # each test is a subshell
# shellcheck disable=SC2086 # $SLEEP is two words

load attack

RUNS=200

# A directory and a file of the host that links lead to. World-writable: were it reached, nothing else
# would be in the way.
trap_directory() {
	canary
	chmod 777 "$WORK/canary.d"
	chmod 666 "$CANARY"
	cp "$CANARY" "$WORK/canary.d/hosts"
	cp "$CANARY" "$WORK/canary.d/resolv.conf"
	cp "$CANARY" "$WORK/canary.d/passwd"
	mkdir -p "$WORK/canary.d/pts" "$WORK/canary.d/shm" "$WORK/canary.d/self"
	TRAP=$(find "$WORK/canary.d" -printf '%P %m %U %s %T@ %C@ %i\n' | sort)
	TRAP_MOUNTS=$(grep -c . /proc/self/mountinfo)
}

assert_trap() {
	assert_equal "$(find "$WORK/canary.d" -printf '%P %m %U %s %T@ %C@ %i\n' | sort)" "$TRAP"
	assert_equal "$(grep -c . /proc/self/mountinfo)" "$TRAP_MOUNTS"
	assert_equal "$(cat "$WORK/canary.d"/{hosts,resolv.conf,passwd} | sort -u)" "secret of the host"
}

# What leads to the directory, or a file in it: absolutely, from where it is, and past the root.
ways_to() { # PATH
	echo "$1"
	echo "../../../../../../../..$1"
	echo "/proc/1/root$1"
	echo "/proc/self/cwd$1"
}

# --- in an image --------------------------------------------------------------------------------

# Either it is refused in one line, or what is mounted is inside.
try_linked_image() {
	local status=0 errors
	image_of linked image
	errors=$(conductor run -d linked $c -- /attack steal-loop 2>&1 >/dev/null 3>&-) || status=$?
	if [ $status = 0 ]; then
		refute_contains "$(conductor exec $c -- /attack fds)" "$WORK"
		conductor exec $c -- /attack open-handle /etc/hosts 1:00 >/dev/null || :
		[ $WHO = user ] || conductor addnetwork $c
	else
		assert_equal "$(wc -l <<<"$errors")" 1
		assert_matches "$errors" '^conductor: run: '
	fi
	conductor stop -t 0 $c 2>/dev/null || :
	conductor rmi linked
	assert_trap
}

linked_mount_points() {
	local point to
	trap_directory
	for point in proc sys dev etc; do
		for to in $(ways_to "$WORK/canary.d"); do
			rm -rf image
			mkdir image
			ln -s "$to" image/$point
			try_linked_image
		done
	done
}

@test "links: an image whose /proc, /sys, /dev or /etc is a link changes nothing outside (S7, CVE-2019-19921, CVE-2023-27561)" {
	linked_mount_points
}

@test "links: an image whose /proc, /sys, /dev or /etc is a link changes nothing outside (an ordinary user)" {
	ordinary_user
	linked_mount_points
}

linked_files() {
	local file to
	trap_directory
	for file in hosts resolv.conf passwd; do
		for to in $(ways_to "$WORK/canary.d/$file"); do
			rm -rf image
			mkdir -p image/etc
			ln -s "$to" image/etc/$file
			try_linked_image
		done
	done
}

@test "links: an image whose /etc/hosts, /etc/resolv.conf or /etc/passwd is a link changes nothing outside (S9, CVE-2026-55686)" {
	linked_files
}

@test "links: an image whose /etc/hosts or /etc/resolv.conf is a link changes nothing outside (an ordinary user)" {
	ordinary_user
	linked_files
}

@test "links: an image whose mount points are files, fifos or loops is refused or run, and never hangs" {
	local kind point
	trap_directory
	for point in proc sys dev etc etc/hosts; do
		for kind in file fifo loop; do
			rm -rf image
			mkdir -p "image/$(dirname $point)"
			case $kind in
			file) echo text >image/$point ;;
			fifo) mkfifo image/$point ;;
			loop) ln -s "$(basename $point)" image/$point ;;
			esac
			image_of linked image
			run timeout 10 "$CONDUCTOR" run --rm linked $c -- /attack fds
			[ "$status" = 0 ] || [ "$status" = 125 ] || fail "$point as a $kind: status $status: $output"
			conductor rmi linked
		done
	done
	assert_trap
}

# COPY writes inside, so what the image's links lead to is inside, too.
@test "links: COPY and RUN over an image's links stay inside (S4)" {
	trap_directory
	mkdir -p image "image$WORK/canary.d"
	ln -s "$WORK/canary.d" image/absolute
	ln -s "../../../../../../..$WORK/canary.d" image/relative
	image_of linked image
	echo new >hosts
	printf 'FROM linked\nCOPY hosts /absolute/hosts\nCOPY hosts /relative/hosts\n' >Conductorfile
	run -0 "$CONDUCTOR" build copied Conductorfile
	assert_trap
	run -1 --separate-stderr "$CONDUCTOR" run --rm copied $c -- /attack open-handle "$WORK/canary.d/hosts" 1:00
	assert_contains "$output" "open:" # the mount could be opened: so the file is inside, at that path
	conductor rmi copied
	conductor rmi linked
}

@test "links: a COPY source that is a link, or leads over one, does not leave the Conductorfile's directory (S4)" {
	trap_directory
	local source
	mkdir context
	ln -s "$CANARY" context/file
	ln -s "$WORK/canary.d" context/directory
	cp "$CANARY" outside
	ln -s ../outside context/up
	for source in file directory directory/hosts ../outside up "$CANARY"; do
		printf 'FROM attack\nCOPY %s /stolen\n' "$source" >context/Conductorfile
		run -1 "$CONDUCTOR" build stolen context/Conductorfile
	done
	ln -s "$CANARY" context/deep
	mkdir context/tree
	ln -s "$CANARY" context/tree/link
	printf 'FROM attack\nCOPY tree /stolen\n' >context/Conductorfile
	run -0 "$CONDUCTOR" build stolen context/Conductorfile
	run "$CONDUCTOR" run --rm stolen $c -- cat /stolen/link
	refute_contains "$output" "secret of the host"
	conductor rmi stolen
}

# --- swapped while it is used --------------------------------------------------------------------

# Whoever could swap a directory of the layer, between the look at it and the mount on it.
@test "links: mount points that become links and back while $RUNS containers start (S7, CVE-2021-30465, CVE-2024-45310)" {
	local layer i
	trap_directory
	mkdir -p image/{proc,sys,dev,etc}
	image_of swapped image
	layer=$(dirname "$(grep -l . "$CONDUCTOR_ROOT"/layers/*/attack | xargs ls -td | head -n 1)")
	local pids=()
	for point in proc sys dev etc; do
		ln -s "$WORK/canary.d" "$layer/$point.link"
		"$ATTACK" swap-loop "$layer/$point" "$layer/$point.link" >/dev/null 3>&- &
		pids+=($!)
	done
	for ((i = 0; i < RUNS; i++)); do
		"$CONDUCTOR" run --rm swapped $c -- /attack fds >out 2>&1 || :
		refute_contains "$(<out)" "$WORK"
	done
	kill "${pids[@]}"
	wait "${pids[@]}" || :
	assert_trap
	conductor rmi swapped
}

@test "links: what a container swaps while it is being removed leads stop nowhere (S4, S7)" {
	trap_directory
	local i
	for i in {1..20}; do
		conductor run -d attack $c -- sh -c 'mkdir -p /a/b/c && ln -s "$1" /link && exec /attack swap-loop /a /link' - "$WORK/canary.d" >/dev/null 3>&-
		wait_until 5 log_has $c ready
		kill -KILL "$(pid_of /attack swap-loop /a /link)"
		conductor stop -t 0 $c
		assert_no_container $c
	done
	assert_trap
}

# Older kernels and filters of outer containers lack the call that follows no link and crosses no mount.
@test "links: where there is no openat2, stop follows nothing and says what it could not remove" {
	trap_directory
	conductor run attack $c -- sh -c 'mkdir -p /d/e; ln -s "$1" /d/e/link; ln -s "$1" /link' - "$WORK/canary.d"
	run "$DENY" openat2=ENOSYS "$CONDUCTOR" stop $c
	if [ "$status" != 0 ]; then
		assert_matches "$output" "^conductor: stop: $c: .*: Function not implemented"
		assert_equal "$(wc -l <<<"$output")" 1
	fi
	assert_trap
	[ "$status" = 0 ] || conductor stop $c
	assert_no_container $c
}

# --- made later, by the container ----------------------------------------------------------------

@test "links: a container that makes its /etc a link leads addnetwork and peer nowhere (S9)" {
	trap_directory
	started $c
	started ${c}b
	conductor exec $c -- sh -c 'mv /etc /etc.old; ln -s "$1" /etc' - "$WORK/canary.d"
	conductor exec $c -- ls -l /etc
	conductor addnetwork $c -i
	conductor addnetwork ${c}b
	conductor peer $c ${c}b
	assert_trap
	refute_contains "$(conductor exec $c -- cat /etc/hosts 2>/dev/null)" "secret of the host"
	conductor stop -t 0 ${c}b
	conductor stop -t 0 $c
	assert_trap
}

@test "links: the host's /etc/hosts and /etc/resolv.conf stay as they are (S9)" {
	local before
	before=$(stat -c '%i %s %Y %a' /etc/hosts /etc/resolv.conf; cat /etc/hosts /etc/resolv.conf)
	started $c
	conductor addnetwork $c -i
	conductor exec $c -- sh -c 'echo "192.0.2.1 evil" >>/etc/hosts; echo "nameserver 192.0.2.1" >/etc/resolv.conf'
	conductor stop -t 0 $c
	assert_equal "$(stat -c '%i %s %Y %a' /etc/hosts /etc/resolv.conf; cat /etc/hosts /etc/resolv.conf)" "$before"
}

# The path that the assignment names: through it, a link inside leads to where it would from the host.
@test "links: the rootfs link of a container that ended is not what conductor itself follows" {
	trap_directory
	conductor run attack $c -- sh -c 'rm -rf /etc; ln -s "$1" /etc' - "$WORK/canary.d"
	run "$CONDUCTOR" ps
	run "$CONDUCTOR" logs $c
	run -125 "$CONDUCTOR" exec $c -- true
	conductor stop $c
	assert_trap
}

@test "links: cp between host and container, with a path that is swapped (S4, CVE-2018-15664, CVE-2021-41089)" {
	"$CONDUCTOR" help | grep -q '^  cp ' || skip "this conductor has no cp"
	local i
	trap_directory
	echo mine >mine
	conductor run -d attack $c -- sh -c 'mkdir /d && echo inside >/d/hosts && ln -s "$1" /l && exec /attack swap-loop /d /l' - "$WORK/canary.d" >/dev/null 3>&-
	wait_until 5 log_has $c ready
	for ((i = 0; i < 500; i++)); do
		rm -f out
		"$CONDUCTOR" cp $c:/d/hosts out 2>/dev/null || :
		[ ! -e out ] || refute_contains "$(<out)" "secret of the host"
		"$CONDUCTOR" cp mine $c:/d/hosts 2>/dev/null || :
	done
	assert_trap
}

# --- exec into what is hostile --------------------------------------------------------------------

@test "links: exec into a container whose shell is a link to conductor, whose passwd is a fifo" {
	mkdir -p image/bin image/etc
	ln -s /proc/self/exe image/bin/sh
	ln -s /proc/self/exe image/bin/bash
	mkfifo image/etc/passwd image/etc/group image/etc/hosts image/etc/resolv.conf
	image_of hostile image
	attacker $c /attack exe-loop
	run timeout 10 "$CONDUCTOR" exec $c </dev/null
	[ "$status" != 124 ] || fail "it hangs"
	run -0 timeout 10 "$CONDUCTOR" exec $c -- /attack fds
	assert_equal "$(cut -d ' ' -f 1 <<<"$output" | head -n 3 | xargs)" "0 1 2"
	refute_contains "$(conductor logs $c)" overwrote
	conductor stop -t 0 $c
	conductor rmi hostile
}

# A raw container can mount. Its exec is raw, too; but cgroups and namespaces must be the container's.
@test "links: exec into a raw container that covered /proc (S8, CVE-2025-52881)" {
	requires cgroup_v2
	started $c --privileged
	conductor exec $c -- sh -c 'mkdir /fake && mount -t tmpfs fake /fake && mkdir -p /fake/self/ns /fake/1 /fake/self/attr &&
		ln -s / /fake/self/fd && touch /fake/self/status /fake/self/setgroups /fake/self/uid_map && mount --move /fake /proc'
	in_background conductor exec $c -- sleep 3000
	wait_until 5 runs sleep 3000
	assert_equal "$(cgroups_of "$(pid_of sleep 3000)")" "$(cgroups_of "$(pid_of $SLEEP)")"
	for kind in mnt pid net uts ipc cgroup; do
		assert_equal "$(namespace_of "$(pid_of sleep 3000)" $kind)" "$(namespace_of "$(pid_of $SLEEP)" $kind)"
	done
	assert_equal "$(grep -E '^(Cap|NoNew|Seccomp:)' "/proc/$(pid_of sleep 3000)/status")" "$(grep -E '^(Cap|NoNew|Seccomp:)' "/proc/$(pid_of $SLEEP)/status")"
}

@test "links: a confined container can cover neither /proc/self nor /proc/1 (S8)" {
	cover() {
		run way sh -c 'mkdir -p /fake; mount --bind /fake /proc/self || mount --bind /fake /proc/1 || mount -t tmpfs x /proc || mount --move /dev/shm /proc'
		refute [ "$status" = 0 ]
	}
	each_way cover
}
