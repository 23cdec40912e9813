#!/usr/bin/env bats
# tests/preflight, which tells what a machine has.
# shellcheck disable=SC2154 # bats's run sets output, stderr and lines

load helpers

setup_file() {
	require_lab
}

# The line for programs, from a copy of the script that anyone may enter.
facts_of() { # COMMAND...
	mkdir -p "/run/$NAME/tests"
	cp "$TOP/tests/preflight" "/run/$NAME/tests"
	"$@" "/run/$NAME/tests/preflight"
}

setup() {
	NAME=$(random_name)
}

teardown() {
	rm -rf "/run/$NAME"
}

@test "preflight: names this kernel and ends with one line for programs" {
	requires unshare
	run -0 --separate-stderr "$TOP/tests/preflight"
	assert_equal "$stderr" ""
	assert_matches "${lines[-1]}" "^preflight: $(uname -r); (cgroup v2|hybrid cgroups|cgroup v1|no cgroups); [^;]+; lacks .+\$"
	run -2 "$TOP/tests/preflight" --help
}

@test "preflight: root of the machine lacks nothing where it may make cgroups" {
	requires machine_root cgroup_cpu cgroup_memory cgroup_pids unshare
	run -0 "$TOP/tests/preflight"
	assert_matches "${lines[-1]}" "; root; lacks nothing\$"
	assert_contains "$output" "limits       yes"
}

@test "preflight: an ordinary user is told what he lacks" {
	requires machine_root setpriv unshare userns
	run -0 facts_of setpriv --reuid=65534 --regid=65534 --clear-groups
	assert_matches "${lines[-1]}" "; user; lacks users other than root in a container, limits \(task 2c, --cpus\)\$"
}

@test "preflight: where user namespaces are forbidden it fails and says what to do" {
	requires machine_root setpriv unshare
	# A user namespace in which there may be no more of them: user_namespaces(7), /proc/sys/user.
	# shellcheck disable=SC2016 # the inner shell expands it
	run -1 unshare --user --map-user=1000 --map-group=1000 --keep-caps bash -c '
		echo 0 >/proc/sys/user/max_user_namespaces
		exec setpriv --ambient-caps=-all --inh-caps=-all "$0"' "$TOP/tests/preflight"
	assert_contains "$output" "an ordinary user, who may not make user namespaces: No space left on device"
	assert_line "               try: sudo sysctl user.max_user_namespaces=10000"
	assert_matches "${lines[-1]}" "; user, user namespaces forbidden; lacks all but sudo"
}

@test "preflight: on a kernel that is too old it fails and says so" {
	requires unshare
	run -1 setarch --uname-2.6 "$TOP/tests/preflight"
	assert_matches "$output" "kernel +2\.6\.[^,]*, older than 5\.15: "
	assert_matches "${lines[-1]}" "^preflight: 2\.6\..*; lacks a kernel that is new enough"
}
