#!/usr/bin/env bats
# Devices and files by other names than their path.
# shellcheck disable=SC2154 # bats's run sets output, stderr and lines
# shellcheck disable=SC2016 # inner shells expand what stands in single quotes
# shellcheck disable=SC2030,SC2031 # each test is a subshell
# shellcheck disable=SC2086 # $c is a word

load attack

# Never all of /dev: to open a watchdog is to start it.
dangerous_devices() {
	local device
	for device in /dev/kmsg /dev/mem /dev/port /dev/kvm /dev/fuse /dev/loop-control /dev/vda /dev/sda /dev/nvme0n1 /dev/loop0; do
		[ ! -e $device ] || echo $device
	done
}

numbers_of() { # DEVICE: as attack node wants them
	local kind=c
	[ ! -b "$1" ] || kind=b
	echo "$kind $((16#$(stat -c %t "$1"))) $((16#$(stat -c %T "$1")))"
}

allowed_devices() {
	run -0 --separate-stderr way sh -c 'for name in null zero full random urandom; do
			head -c 1 /dev/$name >/head || exit 1
		done
		echo x >/dev/null && echo x >/dev/zero && exec 8<>/dev/ptmx && echo opened'
	assert_equal "$output" opened
}

refused_devices() {
	local device
	for device in $(dangerous_devices); do
		run way sh -c 'exec 8<"$1"' - "$device"
		refute [ "$status" = 0 ]
		assert_matches "$output" 'Operation not permitted|Permission denied|No such file|No such device'
	done
}

# --- what is in /dev ----------------------------------------------------------------------------

@test "devices: null, zero, full, random, urandom and ptmx work" {
	each_way allowed_devices
}

@test "devices: null, zero, full, random, urandom and ptmx work (an ordinary user)" {
	ordinary_user
	each_way allowed_devices
}

@test "devices: the kernel's log, memory, disks and the like do not open (S15)" {
	[ -n "$(dangerous_devices)" ] || skip "this machine has none of them"
	each_way refused_devices
}

@test "devices: the kernel's log, memory, disks and the like do not open (an ordinary user)" {
	[ -n "$(dangerous_devices)" ] || skip "this machine has none of them"
	ordinary_user
	each_way refused_devices
}

@test "devices: a raw container opens the kernel's log" {
	requires machine_root
	[ -e /dev/kmsg ] || skip "this machine has none"
	run -0 raw sh -c 'exec 8</dev/kmsg'
}

# A device filter is not to be had, so what is not to be opened is not there.
@test "devices: an ordinary user's /dev has the harmless nodes, and no other" {
	ordinary_user
	only_harmless() {
		run -0 --separate-stderr way sh -c 'for file in /dev/* /dev/[a-eg-z]*/*; do
			[ -L $file ] || [ -d $file ] || echo $file
		done'
		assert_equal "$(grep -v '/dev/pts/[0-9]' <<<"$output" | sort | xargs)" \
			"/dev/full /dev/null /dev/pts/ptmx /dev/random /dev/tty /dev/urandom /dev/zero"
	}
	each_way only_harmless
}

# --- nodes of one's own -------------------------------------------------------------------------

nodes() {
	local device
	for device in /dev/null $(dangerous_devices); do
		# shellcheck disable=SC2046 # words
		run -1 way /attack node /node $(numbers_of "$device")
		assert_matches "$output" '(make|open): (EPERM|EACCES)$'
		# On the other file systems that are inside, too.
		# shellcheck disable=SC2046
		run -1 way /attack node /dev/shm/node $(numbers_of "$device")
		assert_matches "$output" '(make|open): (EPERM|EACCES)$'
	done
}

@test "devices: a node that the container makes itself opens nothing (S15)" {
	each_way nodes
}

@test "devices: a node that the container makes itself opens nothing (an ordinary user)" {
	ordinary_user
	each_way nodes
}

@test "devices: a node in an image opens nothing (S15)" {
	requires machine_root
	mkdir -p image
	mknod image/node c 1 11
	mknod image/null c 1 3
	printf 'FROM attack\nCOPY image /nodes\n' >Conductorfile
	"$CONDUCTOR" build nodes Conductorfile >/dev/null
	node_of_image() {
		run way sh -c 'exec 8</nodes/node'
		refute [ "$status" = 0 ]
		run way sh -c 'exec 8</nodes/null'
		refute [ "$status" = 0 ]
	}
	IMAGE=nodes each_way node_of_image
	"$CONDUCTOR" rmi nodes
}

# --- a host's /dev that anybody could write ------------------------------------------------------

# What the lab has is read-only. This one isn't, and has a node that no driver is behind: the kernel looks
# at the device filter first (EPERM), then for the driver (ENXIO, ENODEV).
on_writable_dev() { # COMMAND...
	unshare --mount bash -c '
		mount -t tmpfs -o mode=755 dev /dev && mkdir /dev/{pts,shm,mqueue,net} && ln -s pts/ptmx /dev/ptmx &&
		mknod -m 666 /dev/null c 1 3 && mknod -m 666 /dev/zero c 1 5 && mknod -m 666 /dev/full c 1 7 &&
		mknod -m 666 /dev/random c 1 8 && mknod -m 666 /dev/urandom c 1 9 && mknod -m 666 /dev/tty c 5 0 &&
		mknod -m 666 /dev/driverless c 10 249 && mknod -m 666 /dev/disk b 259 1048575 || exit 99
		"$@"; status=$?
		echo /dev/* >&2
		exit $status' - "$@"
}

@test "devices: the filter itself refuses what no driver would, while a raw container gets through" {
	requires machine_root cgroup_v2 unshare
	local open='for node in driverless disk; do exec 8</dev/$node; done'
	run on_writable_dev "$CONDUCTOR" run --rm attack $c -- bash -c "$open"
	assert_matches "$output" 'driverless: Operation not permitted'
	assert_matches "$output" 'disk: Operation not permitted'
	run on_writable_dev "$CONDUCTOR" run --rm --privileged attack $c -- bash -c "$open"
	assert_matches "$output" 'driverless: No such device'
	refute_contains "$output" "not permitted"
}

@test "devices: nothing can be made, removed or changed in the host's /dev" {
	requires machine_root unshare
	run on_writable_dev "$CONDUCTOR" run --rm attack $c -- sh -c 'touch /dev/made; mknod /dev/node c 1 3; rm /dev/full; chmod 600 /dev/null; mv /dev/zero /dev/moved; exit 3'
	assert_equal "$status" 3 # so it did run
	assert_equal "$(tail -n 1 <<<"$output" | sed 's,/dev/,,g')" "disk driverless full mqueue net null ptmx pts random shm tty urandom zero"
	assert_contains "$output" "Read-only file system"
}

# A read-only mount keeps nobody from writing to them, and the filter knows devices only.
@test "devices: a socket or pipe in the host's /dev, such as its log, is not in the container's" {
	requires machine_root cgroup_v2 unshare python3
	local look='ls -d /dev/disk /dev/initctl /dev/log /dev/null 2>/dev/null | paste -sd " "'
	run on_writable_dev "$CONDUCTOR" run --rm attack $c -- sh -c "$look"
	assert_equal "$(head -n 1 <<<"$output")" "/dev/disk /dev/null" # the host's, as it is
	run on_writable_dev sh -c 'mkfifo /dev/initctl && exec "$@"' - "$CONDUCTOR" run --rm attack $c -- sh -c "$look"
	assert_equal "$(head -n 1 <<<"$output")" /dev/null
	run on_writable_dev sh -c 'python3 -c "import socket; socket.socket(socket.AF_UNIX).bind(\"/dev/log\")" && exec "$@"' - \
		"$CONDUCTOR" run --rm attack $c -- sh -c "$look"
	assert_equal "$(head -n 1 <<<"$output")" /dev/null
}

# --- handles ------------------------------------------------------------------------------------

handles() {
	run -1 way /attack open-handle /etc/hosts "$handle"
	assert_equal "$output" "open: EPERM"
}

# /etc/hosts is a file of the host's file system: with a handle, the way to all of it ("shocker").
@test "devices: a file of the host can't be opened by its handle (S15)" {
	local handle
	canary
	handle=$("$ATTACK" handle "$CANARY")
	each_way handles
	assert_canary
}

@test "devices: a file of the host can't be opened by its handle (an ordinary user)" {
	local handle
	ordinary_user
	canary
	handle=$("$ATTACK" handle "$CANARY")
	each_way handles
}

@test "devices: a raw container opens a file of the host by its handle" {
	requires machine_root
	canary
	run -0 raw /attack open-handle /etc/hosts "$("$ATTACK" handle "$CANARY")"
	assert_line "secret of the host"
}
