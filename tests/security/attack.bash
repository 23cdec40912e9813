# shellcheck shell=bash
# What the suites of attacks share: an image "attack", which is base with tests/tools/attack in it, for
# root and for an ordinary user, and after each test the check that nothing of it stays.
#
#   ordinary_user             from here on conductor runs as one, in a state directory of his own
#   conductor WORD...         conductor, as whoever we are
#   inside WORD...            a command in a new container, by its default confinement
#   raw WORD...               the same in one without (--privileged): what the defence holds back
#   each_way FUNCTION         calls it twice: `way` runs its words by run, then by exec
#   image_of NAME DIRECTORY   makes an image of a directory, with attack in it
#   canary                    makes $CANARY, a file on the host that nobody may read or change
#
# A title names the attack's CVE or issue and its number in the list of known failures (S1 to S20).

# Some attack a hundred times.
export BATS_TEST_TIMEOUT=${BATS_TEST_TIMEOUT:-150}
load ../conductor/containers

ATTACK=$TOP/tests/tools/attack
DENY=$TOP/tests/tools/deny
export ATTACK DENY

setup_file() {
	require_lab
	WORK=/run/$(random_name attack)
	mkdir -m 755 "$WORK"
	export WORK CONDUCTOR_ROOT=$WORK/root
	cp "$CONDUCTOR" "$WORK/conductor"
	cp "$ATTACK" "$WORK/attack"
	chmod 755 "$WORK/conductor" "$WORK/attack"
	printf 'FROM host\nCOPY attack /attack\n' >"$WORK/Conductorfile"
	"$CONDUCTOR" build attack "$WORK/Conductorfile" >/dev/null
	snapshot_world mounts links cgroups processes firewall
	export WORLD_BEFORE WORLD_SUBJECTS
}

WHO=root

# Whoever has no groups and no rights. In the lab of an ordinary user root is one.
ordinary_user() {
	requires machine_root setpriv userns
	WHO=user
	USER_GROUPS=
	CONDUCTOR_ROOT=$WORK/user/state
	roots+=("$CONDUCTOR_ROOT")
	if [ ! -d "$WORK/user" ]; then
		mkdir "$WORK/user"
		chown 65534:65534 "$WORK/user"
		conductor build attack "$WORK/Conductorfile" >/dev/null
	fi
}

# shellcheck disable=SC2120 # words come by way of other functions
conductor() { # WORD...
	if [ $WHO = user ]; then
		as_user "$WORK/conductor" "$@"
	else
		"$CONDUCTOR" "$@"
	fi
}

as_user() { # COMMAND...
	local groups=--clear-groups
	[ -z "$USER_GROUPS" ] || groups=--groups=$USER_GROUPS
	(cd / && exec setpriv --reuid=65534 --regid=65534 "$groups" "$@")
}

in_new() { # OPTION... -- COMMAND...
	local options=()
	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	conductor run --rm "${options[@]}" "${IMAGE:-attack}" "$(random_name c)" "$@"
}

inside() { # COMMAND...
	in_new -- "$@"
}

raw() { # COMMAND...
	in_new --privileged -- "$@"
}

# shellcheck disable=SC2154,SC2086,SC2317 # containers.bash sets $c and $SLEEP, two words; "$@" calls way
each_way() { # FUNCTION [ARGUMENT...]
	way() { inside "$@"; }
	"$@"
	conductor run -d "${IMAGE:-attack}" "$c" -- $SLEEP >/dev/null 3>&-
	way() { conductor exec "$c" -- "$@"; }
	"$@"
	conductor stop -t 0 "$c"
}

# A container that goes on, of the image attack: started NAME [OPTION...]
started() {
	# shellcheck disable=SC2086 # $SLEEP is two words
	conductor run -d "${@:2}" "${IMAGE:-attack}" "$1" -- $SLEEP >/dev/null 3>&-
}

# An attack that goes on in a container until it is stopped; it has begun when this returns.
attacker() { # NAME WORD...
	conductor run -d "${IMAGE:-attack}" "$1" -- "${@:2}" >/dev/null 3>&-
	wait_until 5 log_has "$1" ready || conductor logs "$1" >&2
}

log_has() { # NAME LINE
	conductor logs "$1" | grep -qx -e "$2"
}

# The image goes when the test ends.
image_of() { # NAME DIRECTORY
	local context=$WORK/context
	rm -rf "$context"
	mkdir "$context"
	cp -a "$2" "$context/image"
	cp "$ATTACK" "$context/image/attack"
	printf 'FROM ./image\n' >"$context/Conductorfile"
	[ $WHO = root ] || chown -R --no-dereference 65534:65534 "$context"
	conductor build "$1" "$context/Conductorfile" >/dev/null
	IMAGE=$1
}

# Both namespaces' root may open it, unless it is out of reach.
canary() {
	CANARY=$WORK/canary.d/$(random_name canary)
	mkdir -p "$WORK/canary.d"
	echo "secret of the host" >"$CANARY"
	CANARY_BEFORE=$(stat -c '%a %u:%g %s %Y %i' "$CANARY" "$WORK/canary.d")
}

assert_canary() {
	assert_equal "$(cat "$CANARY")" "secret of the host"
	assert_equal "$(stat -c '%a %u:%g %s %Y %i' "$CANARY" "$WORK/canary.d")" "$CANARY_BEFORE"
}

# Every line says that it was refused, by one of these names: assert_refused TEXT NAME...
assert_refused() {
	local names
	names=$(printf '|%s' "${@:2}")
	[ -n "$1" ] || fail "it said nothing"
	if grep -vE ": (${names#|})$" <<<"$1"; then
		fail "these are not refused by: ${*:2}"
	fi
}

# A device filter is had by the machine's root alone, where there is a cgroup v2.
has_device_filter() {
	[ $WHO = root ] && ! in_user_namespace || return
	local tree
	tree=$(cgroup_v2_trees | tail -n 1)
	[ -n "$tree" ] && can_make_cgroup_in "$tree"
}
