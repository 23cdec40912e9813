#!/usr/bin/env bats
# Names and words that would be more than that: a path, an option, a format, a command.
# shellcheck disable=SC2154 # bats's run sets output, stderr and lines
# shellcheck disable=SC2016 # these are not to be expanded: that is the point
# shellcheck disable=SC2030,SC2031 # each test is a subshell

load attack

LONG=$(printf 'n%.0s' {1..300})
# shellcheck disable=SC2054 # the comma is one of the names
# What each of these would do, where a name reaches rm, overlay's options, nft, printf or a shell.
BAD_NAMES=(../x .. . -rf -- a/b /etc a:b a,b 'a\b' $'a\nb' $'a\tb' 'a b' %n %s '$(touch x)' '`touch x`' ';touch x'
	'*' '~' '' "$LONG" a=b '{}' '"' "'" '#x' ü _x @x 'a|b' 'a>b')

tree() {
	find "$WORK" /run/netns . -printf '%p %i %m %s\n' 2>/dev/null | grep -v '/lock ' | sort
}

# In every place where a command takes a name.
say_it() { # NAME
	local places=(
		"build @ $WORK/Conductorfile" "rmi @" "run @ $c -- true" "run attack @ -- true" "run -d attack @ -- true"
		"run --hostname @ attack $c -- true" "exec @ -- true" "stop @" "logs @" "addnetwork @" "addnetwork -i @"
		"peer @ $c" "peer $c @"
	)
	local place word words
	for place in "${places[@]}"; do
		words=()
		for word in $place; do
			[ "$word" != @ ] || word=$1
			words+=("$word")
		done
		status=0
		"$CONDUCTOR" "${words[@]}" >out 2>err || status=$?
		case $status in
		1 | 2 | 125) ;;
		*) fail "conductor ${words[*]@Q}: exit status $status" ;;
		esac
		assert_equal "$(<out)" ""
		[[ $(<err) == "conductor: ${words[0]}: "* ]] || fail "conductor ${words[*]@Q}: $(<err)"
	done
}

@test "names: paths, options, formats, commands are refused wherever a name is taken, and do nothing (S18)" {
	local name before
	"$CONDUCTOR" ps >out 2>err # so that these files and the state are there
	before=$(tree | grep -vE '^\./(out|err) ')
	for name in "${BAD_NAMES[@]}"; do
		say_it "$name"
		assert_equal "$(tree | grep -vE '^\./(out|err) ')" "$before"
	done
}

# 2 says that it was the call that was wrong, before anything was looked for.
@test "names: it is the usage that is wrong, not a container that isn't there (S18)" {
	local name
	for name in ../x a/b a:b a,b %n '$(touch x)' "$LONG" $'a\nb' ''; do
		for command in stop logs rmi addnetwork; do
			run -2 "$CONDUCTOR" $command "$name"
		done
		run -125 --separate-stderr "$CONDUCTOR" run attack "$name" -- true
		assert_matches "$stderr" "not a name"
		run -125 --separate-stderr "$CONDUCTOR" exec "$name" -- true
		assert_matches "$stderr" "not a name"
	done
}

# The kernel itself would mount layer "a" alone.
@test "names: an unescaped lowerdir=a:b mounts a, silently: what the names keep out" {
	requires overlay machine_root
	mkdir "$WORK/$c" "$WORK/$c/a:b" "$WORK/$c/a" "$WORK/$c/m" "$WORK/$c/u" "$WORK/$c/w"
	mkdir "$WORK/$c/b"
	touch "$WORK/$c/a/wrong"
	cd "$WORK/$c"
	mount -t overlay x -o "lowerdir=a:b,upperdir=u,workdir=w" m
	ls m >seen
	umount m
	assert_equal "$(<seen)" wrong
}

@test "names: values of options, ports, sizes are parsed to the end" {
	local words
	started "$c"
	for words in "run --cpus 1x attack ${c}b" "run --cpus -1 attack ${c}b" "run --memory 1MM attack ${c}b" "run --memory -1 attack ${c}b" \
		"run --pids-limit 0x10 attack ${c}b" "run --pids-limit 99999999999999999999 attack ${c}b" \
		"addnetwork $c -e 80" "addnetwork $c -e 80-" "addnetwork $c -e 80-3000-1" "addnetwork $c -e 65536-1" "addnetwork $c -e 0-1" \
		"addnetwork $c -e 80-%n" "addnetwork $c -e -80-3000" "stop -t 1e9 $c" "stop -t -1 $c"; do
		# shellcheck disable=SC2086 # words
		run "$CONDUCTOR" $words
		[[ $status == @(2|125) ]] || fail "conductor $words: exit status $status: $output"
	done
	run -0 "$CONDUCTOR" exec "$c" -- true
}

# What a container is called by its image or command must not become a line of its state.
@test "names: a command with lines of a state file in it adds none" {
	"$CONDUCTOR" run attack "$c" -- sh -c 'exit 3' $'\nprivileged=1\npid=1\nstart=0\nexit=0' || :
	run -0 --separate-stderr "$CONDUCTOR" ps
	assert_matches "$(awk -v name="$c" '$1 == name' <<<"$output")" 'exited'
	[ "$(grep -c '^privileged=1$' "$(directory_of "$c")/state")" = 0 ]
	[ "$(grep -c '^exit=' "$(directory_of "$c")/state")" = 1 ]
}
