#!/usr/bin/env bats
# An ordinary user in a cgroup that was delegated, as systemd does it: what is limited is what the
# kernel's files say. Machine 3 of tests/vm makes that cgroup; elsewhere these tests are skipped.
# shellcheck disable=SC2154 # bats's run sets output, stderr and lines
# shellcheck disable=SC2016 # inner shells expand what stands in single quotes

load ../helpers
load ../rootless

TREE=/sys/fs/cgroup

setup_file() {
	CONDUCTOR_ROOT=$HOME/$(random_name state)
	export CONDUCTOR_ROOT
	build_small_base
}

teardown_file() {
	"$CONDUCTOR" rmi base
	"$CONDUCTOR" rmcache
	rm -r "$CONDUCTOR_ROOT"
}

setup() {
	[ "$(id -u)" != 0 ] || skip "needs a user who is not root"
	requires pure_v2
	OWN=$TREE$(sed 's/^0:://' /proc/self/cgroup)
	[ -w "$OWN" ] || skip "no cgroup is delegated to this user"
	c=$(random_name c)
}

as_user() { # COMMAND...
	"$@"
}

group_of() { # PID
	echo "$TREE$(sed 's/^0:://' "/proc/$1/cgroup")"
}

limits_in() { # CGROUP
	(cd "$1" && echo "$(cat cpu.max); $(cat memory.max); $(cat pids.max)")
}

# The highest of the user's, which holds no process: user@1000.service
requires_empty_place() {
	PLACE=$OWN
	while [ -w "${PLACE%/*}/cgroup.procs" ]; do
		PLACE=${PLACE%/*}
	done
	[ "$PLACE" != "$OWN" ] || skip "the delegated cgroup holds processes"
}

@test "delegated: run's limits are the kernel's, for exec too, and stop removes the cgroup" {
	requires_empty_place
	local group
	"$CONDUCTOR" run -d --cpus 0.5 --memory 64M --pids-limit 50 base "$c" -- sleep 3600 3>&-
	group=$(group_of "$(state_of "$c" pid)")
	assert_matches "$group" "^$PLACE/conductor/$c-[0-9]+\$"
	assert_equal "$(limits_in "$group")" "500000 1000000; 67108864; 50"
	# exec's child is the last in the list.
	run -0 "$CONDUCTOR" exec "$c" -- cat /proc/self/cgroup
	assert_equal "$output" 0::/
	run -0 "$CONDUCTOR" stop -t 0 "$c"
	[ ! -e "$group" ]
	[ ! -e "$PLACE/conductor" ]
}

@test "delegated: the limits bite" {
	requires_empty_place
	run -137 "$CONDUCTOR" run --rm --memory 64M base "$c" -- tail /dev/zero
	run --separate-stderr "$CONDUCTOR" run --rm --pids-limit 4 base "$c" -- sh -c 'for i in 1 2 3 4 5; do sleep 9 & done'
	refute [ "$status" = 0 ]
	assert_matches "$stderr" '[Ff]ork'
	[ ! -e "$PLACE/conductor" ]
}

@test "delegated: tasks 2 and 3 have limits in the lab" {
	requires_empty_place
	run -0 --separate-stderr "$LAB" "$SIMPLE_CONTAINER" 2c
	assert_line "Limit (cgroup v2): cpu.max = 500000 1000000"
	assert_number_between "$(sed -n 's/^Share of one core: \([0-9.]*\) .*/\1/p' <<<"$output")" 0.40 0.60
	run -0 --separate-stderr "$LAB" bash -c '"$CONDUCTOR" build base >/dev/null
		"$CONDUCTOR" run -d --cpus 0.5 --memory 64M --pids-limit 50 base c1 -- sleep 3600
		cd /sys/fs/cgroup/conductor/c1-* && cat cpu.max memory.max pids.max'
	assert_equal "$output" $'c1\n500000 1000000\n67108864\n50'
	# And nothing of the lab stays.
	[ -z "$(find "$PLACE" -maxdepth 1 -name 'lab-*')" ]
}

move_all() { # FROM TO: has none been left?
	local pid pids
	mapfile -t pids <"$1/cgroup.procs"
	for pid in "${pids[@]}"; do
		echo "$pid" >"$2/cgroup.procs" || :
	done 2>/dev/null
	[ -z "$(cat "$1/cgroup.procs")" ]
}

@test "delegated: a cgroup that holds processes itself can't be used, and what to do about it works" {
	local advice
	[ ! -w "${OWN%/*}/cgroup.procs" ] || skip "the cgroup above is delegated, too"
	run -125 --separate-stderr "$CONDUCTOR" run --pids-limit 50 base "$c" -- true
	advice="mkdir $OWN/shell && echo \$\$ >$OWN/shell/cgroup.procs"
	assert_equal "$stderr" "conductor: run: $c: cannot limit pids: cannot make a cgroup in $TREE: Permission denied (processes are in $OWN itself, so what is below can't be limited: move this shell down: $advice)"
	# All the shells that are in it, of which there are several here; some end meanwhile.
	mkdir "$OWN/shell"
	wait_until 10 move_all "$OWN" "$OWN/shell"
	run -0 --separate-stderr "$CONDUCTOR" run --rm --pids-limit 50 base "$c" -- true
	assert_contains "$stderr" "switched on: +pids in $OWN/cgroup.subtree_control"
}
