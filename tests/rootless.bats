#!/usr/bin/env bats
# An ordinary user's containers where root can become one: with newuidmap and without, in a cgroup that
# was delegated, and where user namespaces are forbidden. On a machine without any root: tests/vm/no_root.bats
# shellcheck disable=SC2154 # bats's run sets output, stderr and lines
# shellcheck disable=SC2030,SC2031 # each test is a subshell
# shellcheck disable=SC2034 # rootless.bash reads REFUSING and REFUSING_LAB

load helpers
load rootless

ID=12345
RANGE=300000

# The lab's /etc gets a user with a range of ids. Nobody else's files change: the lab has its own mounts.
setup_file() {
	require_lab
	WORK=/run/$(random_name rootless)
	mkdir -m 755 "$WORK"
	cp "$CONDUCTOR" "$NAMESPACE_PROG" "$SIMPLE_CONTAINER" "$CONTAINER_PROG" "$LAB" "$TOP/tests/tools/deny" "$TOP/tests/faults/fault" "$WORK"
	export CONDUCTOR=$WORK/conductor CONDUCTOR_ROOT=$WORK/home/state LAB=$WORK/lab WORK
	export NAMESPACE_PROG=$WORK/namespace_prog SIMPLE_CONTAINER=$WORK/simple_container
	# Others skip each test: setup.
	if [ "$(id -u)" = 0 ] && ! in_user_namespace; then
		install -d -o $ID -g $ID "$WORK/home"
		give_range
		as_user "$CONDUCTOR" build base >/dev/null
	fi
	snapshot_world mounts links cgroups processes firewall
	export WORLD_BEFORE WORLD_SUBJECTS
}

give_range() {
	{ cat /etc/passwd; echo "scholar:x:$ID:$ID::/:/bin/sh"; } >"$WORK/passwd"
	echo "scholar:$RANGE:65536" >"$WORK/subid"
	mount --bind "$WORK/passwd" /etc/passwd
	[ ! -e /etc/subuid ] || mount --bind "$WORK/subid" /etc/subuid
	[ ! -e /etc/subgid ] || mount --bind "$WORK/subid" /etc/subgid
}

setup() {
	SCRATCH=
	forbidden=
	own_path=$PATH
	requires machine_root setpriv userns
	c=$(random_name c)
	# The user must be able to get there.
	SCRATCH=$WORK/$c
	install -d -o $ID -g $ID "$SCRATCH"
	cd "$SCRATCH" || return
}

# What a broken conductor left would be in every test's way.
teardown() {
	local directory
	export PATH=$own_path
	cd /
	[ -z "$forbidden" ] || umount "$forbidden"
	for directory in "$CONDUCTOR_ROOT"/containers/*/; do
		[ ! -d "$directory" ] || conductor stop -t 0 "$(basename "$directory")" || :
	done
	[ -z "$SCRATCH" ] || rm -r "$SCRATCH"
	BATS_TEST_NAME='' assert_world_unchanged
}

as_user() { # COMMAND...
	(cd / && HOME=$WORK/home TMPDIR=$WORK/home exec setpriv --reuid=$ID --regid=$ID --groups=$ID,6 "$@")
}

# Without newuidmap: the user has a PATH of his own, on which all else is.
without_newuidmap() {
	mkdir path
	ln -s /usr/sbin/* /usr/bin/* path/ 2>/dev/null || :
	rm -f path/newuidmap path/newgidmap
	export PATH=$PWD/path
}

with_newuidmap() {
	requires newuidmap
	if [ ! -e /etc/subuid ] || [ ! -e /etc/subgid ]; then
		skip "this machine has no /etc/subuid"
	fi
}

@test "rootless: run, exec, ps, inspect, logs and stop (one id)" {
	without_newuidmap
	lives_through "$c"
}

@test "rootless: run, exec, ps, inspect, logs and stop (newuidmap)" {
	with_newuidmap
	lives_through "$c"
}

@test "rootless: without newuidmap there is one id, and groups can't be shed" {
	without_newuidmap
	has_one_id
	tools_are_roots
	unpacks_an_archive $ID
}

@test "rootless: with newuidmap and a range there are users, owners and groups" {
	with_newuidmap
	has_a_range_of_ids
	tools_are_roots
	unpacks_an_archive $((RANGE + 6))
}

@test "rootless: files of a container's other users are removed by stop, --rm and rmcache" {
	with_newuidmap
	removes_what_others_wrote "$c"
}

@test "rootless: a PID 1 that has become another user is ended by stop, and by the next command when its parent was killed" {
	with_newuidmap
	ends_other_users "$c"
}

@test "rootless: what one mapping left the other cleans, or says in one line what it lacks" {
	with_newuidmap
	each_cleans_up_after_the_other "$c"
}

@test "rootless: newuidmap that refuses is told, and leaves one id" {
	with_newuidmap
	# set-user-ID programs are inert under no_new_privs.
	run -0 --separate-stderr as_user setpriv --no-new-privs "$CONDUCTOR" run --rm base "$c" -- cat /proc/self/uid_map
	assert_equal "$(tr -s ' ' <<<"$output")" " 0 $ID 1"
	assert_matches "$stderr" '^conductor: run: one id only, as .*newuidmap failed with status 1: newuidmap: .*$'
	assert_equal "$(wc -l <<<"$stderr")" 1
	# Another range the next time.
	echo "scholar:$((RANGE + 65536)):65536" >"$WORK/subid" # in place: it is mounted
	run -0 as_user "$CONDUCTOR" run --rm base "$c" -- cat /proc/self/uid_map
	echo "scholar:$RANGE:65536" >"$WORK/subid"
	assert_equal "$(tr -s ' ' <<<"$output")" " 0 $ID 1"$'\n'" 1 $((RANGE + 65536)) 65536"
}

@test "rootless: newuidmap gets numbers and no environment" {
	mkdir path
	# It can't map anything itself; but it tells what it was given.
	printf '#!/bin/sh\n{ echo "$@"; /usr/bin/env; } >%s/home/told\nexit 3\n' "$WORK" >path/newuidmap
	cp path/newuidmap path/newgidmap
	chmod 755 path/*
	run -0 --separate-stderr as_user env PATH="$PWD/path:$PATH" SECRET=1 "$CONDUCTOR" run --rm base "$c" -- true
	assert_equal "$stderr" "conductor: run: one id only, as $PWD/path/newuidmap failed with status 3"
	assert_matches "$(head -n 1 "$WORK/home/told")" "^[0-9]+ 0 $ID 1 1 $RANGE 65536\$"
	refute grep -q SECRET "$WORK/home/told"
	rm "$WORK/home/told"
}

# --- a delegated cgroup -------------------------------------------------------------------------

v2_path() { # PID
	sed -n 's/^0:://p' "/proc/$1/cgroup"
}

delegate() { # CGROUP: with a cgroup for the user's shell in it
	mkdir -p "$1/shell"
	chown -R $ID:$ID "$1"
}

# As the user, from that cgroup.
in_cgroup() { # CGROUP COMMAND...
	local group=$1
	shift
	(echo 0 >"$group/cgroup.procs" && as_user "$@") 3>&-
}

@test "rootless: a container is in the cgroup that was delegated, wherever stop is called from" {
	requires cgroup_v2
	local tree group pid
	tree=$(cgroup_v2_trees | tail -n 1)
	group=$tree/$(random_name delegated)
	delegate "$group"
	run -0 in_cgroup "$group/shell" "$CONDUCTOR" run -d base "$c" -- sleep 3600
	pid=$(state_of "$c" pid)
	assert_matches "$(v2_path "$pid")" "/${group##*/}/conductor/$c-[0-9]+\$"
	run -0 conductor exec "$c" -- true # from elsewhere: without a limit there is nothing to hold
	run -0 conductor stop "$c"
	assert_equal "$(find "$group" -mindepth 1 -type d)" "$group/shell"
	rmdir "$group/shell" "$group"
}

@test "rootless: without a delegated cgroup a limit is refused with a reason, never ignored" {
	local option
	for option in --cpus=0.5 --memory=64M --pids-limit=50; do
		run -125 --separate-stderr conductor run "${option%=*}" "${option#*=}" base "$c" -- true
		assert_matches "$stderr" "^conductor: run: $c: (no cgroup here controls|cannot limit) (cpu|memory|pids)"
		assert_equal "$(wc -l <<<"$stderr")" 1
		assert_nothing_of "$c"
	done
}

# --- user namespaces forbidden ------------------------------------------------------------------

# A setting that this kernel may not have says so, and the calls fail as it would make them.
forbid() { # SETTING VALUE
	local directory=/proc/sys/${1%/*}
	mkdir -p "sys/random"
	cp /proc/sys/kernel/random/boot_id sys/random/
	echo "$2" >"sys/${1##*/}"
	mount --bind sys "$directory"
	forbidden=$directory
}

allow() {
	umount "$forbidden"
	rm -r sys
	forbidden=
}

refuse() { # ERROR
	REFUSING=("$WORK/deny" "newuser=$1")
	REFUSING_LAB=("$WORK/deny" "clone3=$1")
}

@test "rootless: user namespaces that nothing known forbids are told with what is left: sudo" {
	refuse EPERM
	each_says 'Operation not permitted' "a security policy, or a container around us, refuses ordinary users what this needs: use sudo"
	refuse ENOSPC
	each_says 'No space left on device' "no more user namespaces allowed: use sudo, or raise them with: sudo sysctl user.max_user_namespaces=10000"
}

@test "rootless: a setting that forbids user namespaces is named by every program (R15, nsjail#236)" {
	local setting value allowed who advice
	refuse EPERM
	while IFS='|' read -r setting value allowed who; do
		forbid "$setting" "$value"
		advice="$who: use sudo, or allow them with: sudo sysctl $allowed"
		each_says 'Operation not permitted' "$advice"
		each_names "$allowed"
		allow
	done <<-'EOF'
		kernel/apparmor_restrict_unprivileged_userns|1|kernel.apparmor_restrict_unprivileged_userns=0|AppArmor restricts user namespaces here
		kernel/unprivileged_userns_clone|0|kernel.unprivileged_userns_clone=1|user namespaces are root's only here
	EOF
}

# AppArmor lets the namespace be made, and denies it every right: the first that is missed is to
# write the map.
@test "rootless: AppArmor's namespace without rights is told, too (bubblewrap#505)" {
	local advice="AppArmor restricts user namespaces here: use sudo, or allow them with: sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0"
	without_newuidmap
	forbid kernel/apparmor_restrict_unprivileged_userns 1
	: >hit
	chmod 666 hit
	run -125 --separate-stderr as_user "$WORK/fault" fail "$PWD/hit" unshare 0 write 1 1 -- "$CONDUCTOR" run base "$c" -- true
	assert_equal "$stderr" "conductor: run: cannot map this user to root: Operation not permitted ($advice)"
	grep -q hit hit
	# And where newuidmap, which is not restricted, has written it: the next one is a mount.
	run -125 --separate-stderr as_user "$WORK/deny" mount=EACCES "$CONDUCTOR" run base "$c" -- true
	assert_equal "$stderr" "conductor: run: $c: cannot make the mounts private: Permission denied ($advice)"
	run -125 --separate-stderr as_user "$WORK/deny" mount=EACCES "$LAB" true
	assert_matches "$stderr" "^lab: cannot .*: Permission denied \($advice\)\$"
	allow
	assert_nothing_of "$c"
}
