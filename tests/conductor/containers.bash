# shellcheck shell=bash
# What the suites of conductor's commands share: an image "base" in a state directory of the suite's
# own, a name for a container, and after each test the check that nothing of it stays.
#
#   $c, $SLEEP            a name, and a command that no other test runs: how its process is found
#   pid_of COMMAND...     the one process with exactly this command line, as our /proc shows it
#   cgroups_of PID        its cgroups, a line each, as directories
#   in_background COMMAND...   as $job, which teardown ends
#   own_root DIRECTORY    a state directory of this test's own
#   requires_layers       skips where images are copied, so that a layer is the whole tree

# shellcheck source=tests/helpers.bash
load "$(dirname "${BASH_SOURCE[0]}")/../helpers" # for suites of other directories, too

# The world is looked at once, since each look costs as much as a test; every test compares with it.
setup_file() {
	require_lab
	CONDUCTOR_ROOT=/run/$(random_name state)
	export CONDUCTOR_ROOT
	"$CONDUCTOR" build base >/dev/null
	snapshot_world mounts links cgroups processes firewall
	export WORLD_BEFORE WORLD_SUBJECTS
}

setup() {
	c=$(random_name c)
	SLEEP="sleep 1$(printf '%05d%05d' $RANDOM $RANDOM)"
	job=
	mounted=()
	roots=("$CONDUCTOR_ROOT")
	export c SLEEP
	cd "$BATS_TEST_TMPDIR" || return
}

# The product ends what is left. What it can't end, or leaves behind, fails the test; then it is ended
# here, so that bats waits for none of it.
teardown() {
	local clean=yes
	cd /
	end_job || clean=no
	for CONDUCTOR_ROOT in "${roots[@]}"; do
		stop_all && assert_no_containers || clean=no
	done
	while [ ${#mounted[@]} -gt 0 ]; do
		umount "${mounted[-1]}" || clean=no
		unset 'mounted[-1]'
	done
	# This test's own processes were not there when the world was looked at.
	if ! BATS_TEST_NAME='' assert_world_unchanged; then
		clean=no
		kill_leftovers
	fi
	[ $clean = yes ]
}

end_job() {
	[ -n "$job" ] || return 0
	kill -TERM "$job" 2>/dev/null || :
	if ! wait_until 5 job_has_ended; then
		kill -KILL "$job"
		return 1
	fi
}

job_has_ended() {
	! kill -0 "$job" 2>/dev/null
}

kill_leftovers() {
	awk '$1 == ">" && $3 == "started" { print $2 }' "${WORLD_BEFORE%.before}.diff" |
		xargs --no-run-if-empty kill -KILL
}

assert_no_containers() {
	[ ! -d "$CONDUCTOR_ROOT/containers" ] || assert_equal "$(ls -A "$CONDUCTOR_ROOT/containers")" ""
}

# Not the shell's own `&` alone: bats waits for whoever holds its descriptor 3.
in_background() { # COMMAND...
	"$@" <&0 3>&- & # and the shell gives it /dev/null as its input, unless told
	job=$!
}

# A descriptor of a pipe that nobody reads, in $unread. By a named pipe, since there is nobody to wait
# for: in bats, bash sometimes never sees the end of a `>(:)` that it waits for.
# shellcheck disable=SC2034 # the caller reads unread
open_unread() {
	local pipe=$BATS_TEST_TMPDIR/unread both
	mkfifo "$pipe"
	exec {both}<>"$pipe"
	exec {unread}>"$pipe"
	exec {both}<&-
}

requires_layers() {
	requires overlay
	if in_user_namespace && [ "$(printf '%s\n' 6.6 "$(uname -r)" | sort -V | head -n 1)" != 6.6 ]; then
		skip "an ordinary user has no overlays on tmpfs before Linux 6.6: it lacks user.* attributes"
	fi
}

# Stops every container; what can't be stopped fails the test.
stop_all() {
	local directory
	for directory in "$CONDUCTOR_ROOT"/containers/*/; do
		[ ! -d "$directory" ] || "$CONDUCTOR" stop -t 0 "$(basename "$directory")" || return
	done
}

# How the kernel calls a namespace of a process.
namespace_of() { # PID KIND
	readlink "/proc/$1/ns/$2"
}

pid_of() { # COMMAND...
	local directory wanted found IFS=$'\n'
	wanted=$*
	for directory in /proc/[0-9]*; do
		mapfile -d '' found <"$directory/cmdline" || continue
		if [ "${found[*]}" = "$wanted" ]; then
			echo "${directory#/proc/}"
			return
		fi
	done 2>/dev/null
	return 1
}

runs() { # COMMAND...
	pid_of "$@" >/dev/null
}

runs_not() { # COMMAND...
	! pid_of "$@" >/dev/null
}

descriptors_of() { # PID
	find "/proc/$1/fd/" -mindepth 1 -printf '%f\n' | sort -n | paste -sd ' '
}

parent_of() { # PID
	sed -E 's/.*\) . ([0-9]+) .*/\1/' "/proc/$1/stat"
}

cgroups_of() { # PID
	local id controllers path mount
	while IFS=: read -r id controllers path; do
		mount=$(awk -v id="$id" -v wanted="$controllers" '{
			for (i = 7; $i != "-"; i++) continue
			v1 = $(i + 1) == "cgroup" && index("," $(i + 3) ",", "," wanted ",")
			if (id == 0 ? $(i + 1) == "cgroup2" : v1) print $5
		}' /proc/self/mountinfo | tail -n 1)
		[ -z "$mount" ] || echo "$mount$path"
	done <"/proc/$1/cgroup"
}

# With an image, unless the directory is to have none: own_root DIRECTORY [empty]
own_root() {
	export CONDUCTOR_ROOT=$1
	roots+=("$1")
	[ "${2:-}" = empty ] || "$CONDUCTOR" build base >/dev/null
}

# Mounts something that teardown unmounts, after the containers have ended.
mount_at() { # DIRECTORY MOUNT-ARGUMENT...
	mkdir -p "$1"
	mount "${@:2}" "$1"
	mounted+=("$1")
}

# A container's directory below the state.
directory_of() { # NAME
	echo "$CONDUCTOR_ROOT/containers/$1"
}

assert_different() { # TEXT TEXT
	[ "$1" != "$2" ] || fail "must not be the same: $1"
}

assert_no_container() { # NAME
	if [ -e "$(directory_of "$1")" ]; then
		fail "there is a container $1"
	fi
}

# A container in the background whose command is $SLEEP.
start_sleep() { # NAME [OPTION...]
	# shellcheck disable=SC2086 # two words
	"$CONDUCTOR" run -d "${@:2}" base "$1" -- $SLEEP >/dev/null 3>&-
}
