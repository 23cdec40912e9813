#!/usr/bin/env bats
# The kernel's own file systems: what of /proc, /sys and the cgroups a container can read and write.
# shellcheck disable=SC2154 # bats's run sets output, stderr and lines
# shellcheck disable=SC2016 # inner shells expand what stands in single quotes
# shellcheck disable=SC2030,SC2031 # each test is a subshell
# shellcheck disable=SC2086 # $SLEEP is two words

load attack

# --- /proc and /sys -----------------------------------------------------------------------------

SETTINGS=(/proc/sys/kernel/core_pattern /proc/sys/kernel/modprobe /proc/sys/kernel/hostname
	/proc/sys/kernel/panic /proc/sys/vm/overcommit_memory /proc/sys/fs/file-max
	/proc/sys/net/ipv4/ip_forward /proc/sys/kernel/ns_last_pid /sys/kernel/uevent_helper
	/sys/kernel/mm/transparent_hugepage/enabled)

existing() { # PATH...
	local path
	for path in "$@"; do
		[ ! -e "$path" ] || echo "$path"
	done
}

settings_stay() {
	run -1 way /attack write-back "$@"
	assert_equal "$(wc -l <<<"$output")" $#
	assert_refused "$output" EROFS EACCES
}

@test "kernel: core_pattern, modprobe, uevent_helper and other settings can't be written (S14, moby#25630)" {
	# shellcheck disable=SC2046 # words
	each_way settings_stay $(existing "${SETTINGS[@]}")
}

@test "kernel: settings can't be written (an ordinary user)" {
	ordinary_user
	# shellcheck disable=SC2046
	each_way settings_stay $(existing "${SETTINGS[@]}")
}

@test "kernel: settings can be written where nothing holds them back" {
	requires machine_root
	run -0 raw /attack write-back /proc/sys/kernel/core_pattern /proc/sys/vm/overcommit_memory
}

nothing_writable() {
	run -0 --separate-stderr way /attack writable /proc /sys
	assert_equal "$(grep -vE '^/proc/([0-9]+|pressure)/' <<<"$output" | head)" ""
}

# A process's own directory is its own; pressure/ takes triggers from everybody.
@test "kernel: nothing below /proc and /sys opens for writing but what is a process's own (S14)" {
	run -0 "$ATTACK" writable /proc/sys/kernel
	assert_line /proc/sys/kernel/msgmax # so what is writable is found, also in the lab of an ordinary user
	each_way nothing_writable
}

@test "kernel: nothing below /proc and /sys opens for writing (an ordinary user)" {
	ordinary_user
	each_way nothing_writable
}

MASKED_FILES="/proc/kcore /proc/keys /proc/latency_stats /proc/timer_list /proc/sched_debug"
MASKED_DIRECTORIES="/proc/scsi /proc/acpi /proc/asound /sys/firmware /sys/devices/virtual/powercap"

masked() {
	local path
	for path in $MASKED_FILES; do
		run --separate-stderr way head -c 1 $path
		assert_equal "$output" ""
	done
	for path in $MASKED_DIRECTORIES; do
		run --separate-stderr way ls -A $path
		assert_equal "$output" ""
	done
}

@test "kernel: memory, keys, timers, firmware can't be read (S14, moby#38285)" {
	each_way masked
}

@test "kernel: memory, keys, timers, firmware can't be read (an ordinary user)" {
	ordinary_user
	each_way masked
}

@test "kernel: without the confinement memory, keys or timers can be read" {
	requires machine_root
	run -0 --separate-stderr raw sh -c 'for file; do head -c 1 "$file" | tr "\0" x; done; true' - $MASKED_FILES
	[ -n "$output" ]
}

# The mask is the container's own node: what is bound over a file must not lead to one of the host.
@test "kernel: what masks a file can't be written through to the host" {
	run --separate-stderr inside sh -c 'for file; do echo x >"$file"; done; true' - $MASKED_FILES
	assert_equal "$(stat -c %F:%s /dev/null)" "character special file:0"
}

@test "kernel: sysrq-trigger can't be written (S14)" {
	[ -e /proc/sysrq-trigger ] || skip "this kernel has none"
	run -1 inside sh -c 'exec 9>/proc/sysrq-trigger' # opened, but nothing is said to it
}

@test "kernel: the root of no process leads out, and neither does .. or a working directory" {
	local inode
	canary
	out_of_reach() {
		run way sh -c 'for way in / /.. /proc/1/root /proc/1/cwd /proc/self/root /proc/self/cwd /proc/1/root/.. /proc/thread-self/root; do
			[ ! -e "$way/$1" ] || cat "$way/$1"
		done; ls /proc' - "$CANARY"
		assert_equal "$status" 0
		refute_contains "$output" "secret of the host"
		refute_line "$BASHPID" # nor is a process of ours there
	}
	each_way out_of_reach
	inode=$(stat -c %i "/proc/$BASHPID/root/$CANARY") # it can be reached by such ways
	assert_equal "$inode" "$(stat -c %i "$CANARY")"
}

# --- mounts -------------------------------------------------------------------------------------

no_host_mounts() {
	local point type
	started $c
	while read -r point type; do
		case $point:$type in
		/:overlay | /proc:proc | /sys:sysfs | /dev/pts:devpts | /dev/shm:tmpfs | /dev/mqueue:mqueue | /dev:*) ;;
		/etc/hosts:* | /etc/resolv.conf:*) ;; # its own, from its directory
		/proc/*:* | /sys/*:* | /dev/*:*) ;;   # masks
		*) fail "a mount that is not a container's: $point of $type" ;;
		esac
	done < <(awk '{ for (i = 7; $i != "-"; i++) continue; print $5, $(i + 1) }' "/proc/$(pid_of $SLEEP)/mountinfo")
	grep -q ' / / .* - overlay ' "/proc/$(pid_of $SLEEP)/mountinfo"
	assert_equal "$(grep -cE ' (shared|master):' "/proc/$(pid_of $SLEEP)/mountinfo")" 0
}

@test "kernel: no mount of the host's is inside, and none is shared with it" {
	requires overlay
	no_host_mounts
}

@test "kernel: no mount of the host's is inside (an ordinary user)" {
	ordinary_user
	requires_layers
	no_host_mounts
}

# --- cgroups ------------------------------------------------------------------------------------

cgroup_mounts() {
	awk '{ for (i = 7; $i != "-"; i++) continue; if ($(i + 1) ~ /^cgroup/) print $5, $6, $(i + 1), $(i + 3) }' /proc/self/mountinfo
}

no_cgroup_mounts() {
	run -1 way /attack try mount-cgroup2 unshare-cgroup unshare-user unshare-mount
	assert_refused "$output" EPERM
	run -1 way sh -c 'grep " - cgroup" /proc/self/mountinfo'
	run way sh -c 'mkdir -p /cg; mount -t cgroup -o none,name=attack x /cg; mount -t cgroup -o memory x /cg
		for file in /cg/release_agent /sys/fs/cgroup/*/release_agent /sys/fs/cgroup/release_agent; do
			[ ! -e "$file" ] || echo "there is $file"
		done; cat /proc/self/mounts'
	refute_contains "$output" "there is"
	refute_contains "$output" " /cg "
}

agents() {
	find /sys/fs/cgroup -maxdepth 2 -name release_agent -exec cat {} + 2>/dev/null
}

@test "kernel: no cgroup tree can be mounted, no release_agent set (S5, CVE-2022-0492)" {
	local agents
	agents=$(agents)
	each_way no_cgroup_mounts
	assert_equal "$(agents)" "$agents"
}

@test "kernel: no cgroup tree can be mounted (an ordinary user)" {
	ordinary_user
	each_way no_cgroup_mounts
}

@test "kernel: a raw container can mount a cgroup tree: that is what is held back" {
	requires machine_root
	run -0 raw /attack try mount-cgroup2
}

@test "kernel: the host's cgroups can't be written, and their mounts stay as they are (S6, CVE-2023-25809, runc#5258)" {
	local mounts
	mounts=$(cgroup_mounts)
	no_cgroup_writable() {
		run -0 --separate-stderr way sh -c 'find / -xdev -name cgroup.procs -writable; find /sys -name cgroup.procs -writable; true'
		assert_equal "$output" ""
		run -0 --separate-stderr way cat /proc/self/cgroup
		refute_contains "$output" /..
		refute_contains "$output" /conductor
	}
	each_way no_cgroup_writable
	assert_equal "$(cgroup_mounts)" "$mounts"
}
