#!/usr/bin/env bats
# Where user namespaces are forbidden to an ordinary user, every program says in one line what is wrong
# and what to do. Machine 3 of tests/vm forbids them by one setting after another; elsewhere these
# tests are skipped.
# shellcheck disable=SC2154 # bats's run sets output, stderr and lines
# shellcheck disable=SC2034 # rootless.bash reads REFUSING and REFUSING_LAB, and c

load ../helpers
load ../rootless

setup() {
	export CONDUCTOR_ROOT=$BATS_TEST_TMPDIR/state
	[ "$(id -u)" != 0 ] || skip "needs a user who is not root"
	c=$(random_name c)
}

as_user() { # COMMAND...
	"$@"
}

setting_is() { # NAME VALUE
	[ "$(cat "/proc/sys/$1" 2>/dev/null)" = "$2" ] || skip "$1 is not $2 here"
}

@test "forbidden: user.max_user_namespaces=0" {
	setting_is user/max_user_namespaces 0
	each_says 'No space left on device' \
		"no more user namespaces allowed: use sudo, or raise them with: sudo sysctl user.max_user_namespaces=10000"
	each_names user.max_user_namespaces=10000
}

@test "forbidden: kernel.unprivileged_userns_clone=0" {
	setting_is kernel/unprivileged_userns_clone 0
	each_says 'Operation not permitted' \
		"user namespaces are root's only here: use sudo, or allow them with: sudo sysctl kernel.unprivileged_userns_clone=1"
	each_names kernel.unprivileged_userns_clone=1
}

# As on Ubuntu: the namespace can be made, but its root has no rights.
@test "forbidden: kernel.apparmor_restrict_unprivileged_userns=1" {
	local advice="AppArmor restricts user namespaces here: use sudo, or allow them with: sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0"
	setting_is kernel/apparmor_restrict_unprivileged_userns 1
	run -1 --separate-stderr "$TOP/tests/faults/fault" fail "$BATS_TEST_TMPDIR/hit" unshare 0 write 1 1 -- "$CONDUCTOR" build base
	assert_equal "$stderr" "conductor: build: cannot map this user to root: Operation not permitted ($advice)"
	run -125 --separate-stderr "$TOP/tests/tools/deny" mount=EACCES "$LAB" true
	assert_matches "$stderr" "^lab: cannot .*: Permission denied \($advice\)\$"
	each_names kernel.apparmor_restrict_unprivileged_userns=0
	# And by a profile that refuses the namespace itself.
	REFUSING=("$TOP/tests/tools/deny" newuser=EPERM)
	REFUSING_LAB=("$TOP/tests/tools/deny" clone3=EPERM)
	each_says 'Operation not permitted' "$advice"
}
