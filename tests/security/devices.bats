#!/usr/bin/env bats
# Devices and files by other names than their path.
# shellcheck disable=SC2154 # bats's run sets output, stderr and lines
# shellcheck disable=SC2016 # inner shells expand what stands in single quotes
# shellcheck disable=SC2030,SC2031 # each test is a subshell

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

# /dev/kmsg's number, where nothing but the device filter is in the way: the kernel says EPERM for it,
# EACCES for a file system that is mounted nodev.
@test "devices: the filter itself refuses, whatever the file system is mounted like" {
	requires machine_root cgroup_v2
	[ -e /dev/kmsg ] || skip "this machine has no /dev/kmsg"
	filtered() {
		run way sh -c 'exec 8</dev/kmsg'
		assert_contains "$output" "Operation not permitted"
	}
	each_way filtered
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
	run -0 "$ATTACK" open-handle "$WORK" "$handle"
	assert_line "secret of the host" # so it is a good handle
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
