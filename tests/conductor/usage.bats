#!/usr/bin/env bats
# conductor's command line: what is wrong usage, how it is told, and what it exits with.
# shellcheck disable=SC2154 # bats's run sets output, stderr and lines
# shellcheck disable=SC2016 # inner shells expand what stands in single quotes
# shellcheck disable=SC2030,SC2031 # each test is a subshell
# shellcheck disable=SC2086 # $SLEEP is two words

load containers

COMMANDS="build images rmi rmcache run ps exec stop logs addnetwork peer"

# The last run printed nothing to stdout and exactly one line to stderr, which matches.
assert_one_error() { # EXTENDED-REGULAR-EXPRESSION
	assert_equal "$output" ""
	assert_equal "$(wc -l <<<"$stderr")" 1
	assert_matches "$stderr" "$1"
}

@test "help: lists every command, help COMMAND tells its options" {
	local command way
	for way in help --help -h; do
		run -0 --separate-stderr "$CONDUCTOR" $way
		assert_equal "$stderr" ""
		for command in $COMMANDS; do
			assert_matches "$output" $'\n'"  $command +[A-Z]"
		done
	done
	for command in $COMMANDS; do
		run -0 --separate-stderr "$CONDUCTOR" help $command
		assert_matches "${lines[0]}" "^Usage: conductor $command"
		assert_equal "$("$CONDUCTOR" $command --help)" "$output"
	done
	run -0 "$CONDUCTOR" help run
	for command in --detach --rm --hostname --cpus --memory --pids-limit; do
		assert_contains "$output" " $command"
	done
}

@test "help: needs and makes no state directory" {
	run -0 env CONDUCTOR_ROOT=$PWD/none "$CONDUCTOR" help
	refute [ -e none ]
}

@test "usage: no command, or an unknown one" {
	run -2 --separate-stderr "$CONDUCTOR"
	assert_one_error '^conductor: which command\? `conductor help` lists them$'
	local word
	for word in destroy "" --no-such RUN "run "; do
		run -2 --separate-stderr "$CONDUCTOR" "$word"
		assert_one_error "^conductor: $word: no such command: \`conductor help\` lists them\$"
	done
}

@test "usage: an unknown option, one without its value, one with a value it doesn't take" {
	local command wanted
	for command in $COMMANDS; do
		wanted=2
		[[ $command != @(run|exec) ]] || wanted=125
		run -$wanted --separate-stderr "$CONDUCTOR" $command --no-such a b
		assert_one_error "^conductor: $command: unknown option --no-such \\(usage: conductor $command"
		run -$wanted --separate-stderr "$CONDUCTOR" $command -Z a b
		assert_one_error "^conductor: $command: unknown option -Z \\(usage: conductor $command"
	done
	run -125 --separate-stderr "$CONDUCTOR" run base $c --hostname
	assert_one_error "^conductor: run: --hostname wants NAME \\(usage: "
	run -2 --separate-stderr "$CONDUCTOR" stop $c -t
	assert_one_error "^conductor: stop: -t wants SECONDS \\(usage: "
	run -125 --separate-stderr "$CONDUCTOR" run --rm=yes base $c
	assert_one_error "^conductor: run: --rm takes no value \\(usage: "
	assert_no_container $c
}

@test "usage: too few words, and too many" {
	local command wanted
	for command in build rmi run exec stop logs addnetwork peer; do
		wanted=2
		[[ $command != @(run|exec) ]] || wanted=125
		run -$wanted --separate-stderr "$CONDUCTOR" $command
		assert_one_error "^conductor: $command: too few words \\(usage: conductor $command .*\\)$"
	done
	run -125 --separate-stderr "$CONDUCTOR" run base
	assert_one_error "too few words"
	run -2 --separate-stderr "$CONDUCTOR" peer a
	assert_one_error "too few words"
	for command in "images a" "ps a" "rmcache a" "rmi a b" "stop a b" "logs a b" "build a b c" "peer a b c" "addnetwork a b"; do
		run -2 --separate-stderr "$CONDUCTOR" $command
		assert_one_error "^conductor: [a-z]+: too many words: [abc] \\(usage: "
	done
}

@test "usage: bad names are refused before anything is made or deleted" {
	local name long command
	long=$(printf 'n%.0s' {1..300})
	mkdir "$CONDUCTOR_ROOT/victim"
	for name in ../victim -rf "" .. .hidden a/b a:b "a b" $'a\nb' 'a*' ünï "$long"; do
		run -2 --separate-stderr "$CONDUCTOR" stop -- "$name"
		assert_equal "$output" ""
		assert_contains "$stderr" "conductor: stop: $name: not a name for a container (usage: "
	done
	for command in rmi build logs addnetwork "peer base"; do
		run -2 --separate-stderr "$CONDUCTOR" $command ../victim
		assert_one_error "^conductor: [a-z]+: ../victim: not a name for an? (image|container) \\(usage: "
	done
	for command in "run base ../victim" "run ../victim $c" "exec ../victim"; do
		run -125 --separate-stderr "$CONDUCTOR" $command -- true
		assert_one_error "^conductor: (run|exec): ../victim: not a name for an? (image|container) \\(usage: "
	done
	[ -d "$CONDUCTOR_ROOT/victim" ]
	rmdir "$CONDUCTOR_ROOT/victim"
	run -0 "$CONDUCTOR" images
	assert_equal "${#lines[@]}" 2
}

@test "usage: a name may have 63 letters, digits, _ . -" {
	local name
	for name in a 0 A.b-c_d "$(printf 'n%.0s' {1..63})"; do
		run -0 "$CONDUCTOR" run --rm base "$name" -- true
	done
	run -125 "$CONDUCTOR" run base "$(printf 'n%.0s' {1..64})" -- true
}

@test "usage: an image or container that there is not" {
	run -125 --separate-stderr "$CONDUCTOR" run no-such $c -- true
	assert_one_error '^conductor: run: no-such: no such image \(conductor build no-such makes one\)$'
	assert_no_container $c
	run -125 --separate-stderr "$CONDUCTOR" exec $c -- true
	assert_one_error "^conductor: exec: $c: no such container$"
	local command
	for command in "stop $c" "logs $c" "addnetwork $c" "peer $c ${c}b"; do
		run -1 --separate-stderr "$CONDUCTOR" $command
		assert_one_error "^conductor: [a-z]+: $c: no such container$"
	done
}

@test "usage: bad values of run's limits and hostname; nothing is made" {
	local value
	for value in 0 -1 x "" 1e3 0.001 99999 1,5; do
		run -125 --separate-stderr "$CONDUCTOR" run --cpus "$value" base $c -- true
		assert_one_error "^conductor: run: --cpus $value: not a number from 0.01 to 1024 \\(usage: "
	done
	for value in 0 -1 "" 1MB M 99999999999999999999 9999999999G; do
		run -125 --separate-stderr "$CONDUCTOR" run --memory "$value" base $c -- true
		assert_one_error "^conductor: run: --memory $value: not a size such as 64M \\(usage: "
	done
	for value in 0 "" 1.5 9999999; do
		run -125 --separate-stderr "$CONDUCTOR" run --pids-limit "$value" base $c -- true
		assert_one_error "^conductor: run: --pids-limit $value: not a number from 1 to 4194304 \\(usage: "
	done
	run -125 --separate-stderr "$CONDUCTOR" run --hostname ../x base $c -- true
	assert_one_error "^conductor: run: --hostname ../x: not a hostname \\(usage: "
	assert_no_container $c
}

@test "usage: --root names the state directory, as CONDUCTOR_ROOT does" {
	run -0 "$CONDUCTOR" --root "$PWD/other" images
	[ -d other/images ]
	assert_equal "$(stat -c %a other)" 700
	assert_equal "${#lines[@]}" 1
}

@test "usage: without either it is /var/lib/conductor, closed to others" {
	requires unshare
	run -0 unshare --mount bash -c 'mount -t tmpfs none /var/lib && unset CONDUCTOR_ROOT &&
		"$CONDUCTOR" images >/dev/null && stat -c %a /var/lib/conductor && ls /var/lib/conductor'
	assert_equal "$output" $'700\ncontainers\nimages\nlayers'
}

@test "usage: an ordinary user's state directory is below his home" {
	requires machine_root setpriv
	mkdir /run/$c
	chown 65534 /run/$c
	(
		unset CONDUCTOR_ROOT XDG_DATA_HOME HOME
		HOME=/run/$c run -0 as_nobody "$CONDUCTOR" images
		[ -d /run/$c/.local/share/conductor/images ]
		XDG_DATA_HOME=/run/$c/data run -0 as_nobody "$CONDUCTOR" images
		[ -d /run/$c/data/conductor/images ]
		run -1 as_nobody "$CONDUCTOR" images
		assert_equal "$output" "conductor: images: where is the state to be kept? neither CONDUCTOR_ROOT nor HOME is set"
	)
	rm -r /run/$c
}

@test "usage: it works with standard descriptors closed" {
	run -0 timeout 20 bash -c 'exec "$CONDUCTOR" run --rm base "$1" -- sh -c "echo x >/y" <&- >&- 2>&-' - $c
	run -0 timeout 20 bash -c 'exec "$CONDUCTOR" run -d base "$1" -- sleep 1000 <&- >&- 2>&-' - $c
	run -0 "$CONDUCTOR" stop $c
}

@test "usage: lists that can't be written make it fail" {
	local command
	for command in "images" "ps" "images --json" "ps --json" "help"; do
		run -1 --separate-stderr bash -c '"$CONDUCTOR" $1 >/dev/full' - "$command"
		assert_equal "$(wc -l <<<"$stderr")" 1
		assert_contains "$stderr" "No space left on device"
	done
}
