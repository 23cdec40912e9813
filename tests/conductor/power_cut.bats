#!/usr/bin/env bats
# What makes state outlive a power cut, as far as it can be seen without one: the order of the calls
# that wait for the disk, and what is made of records that were left empty. `make test-vm VM=5` has
# the cuts.
# shellcheck disable=SC2154 # bats's run sets output, stderr and lines
# shellcheck disable=SC2086 # $SLEEP is two words

load networked

OTHER_BOOT=00000000-0000-0000-0000-000000000000

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	c=$(random_name c)
	echo 0 >/proc/sys/net/ipv4/ip_forward # the lab's own
}

directory_of() { # NAME
	echo "$CONDUCTOR_ROOT/containers/$1"
}

# Of the calls in a trace those that wait for the disk, and the renames, a word each.
story() { # TRACE
	sed -nE 's/.*(syncfs|fsync)\(.*/\1/p
		s/.*rename[a-z0-9]*\(.*"layers\/[0-9a-f]+"\).*/layer/p
		s/.*rename[a-z0-9]*\(.*"layers\/[0-9a-f]+\.txt"\).*/record/p
		s/.*rename[a-z0-9]*\(.*"images\/[^.][^"]*"\).*/image/p' "$1" | xargs
}

# The container's records as a power cut leaves them that came after their names were on the disk.
empty_records() { # NAME
	local file
	for file in state network hosts resolv.conf; do
		: >"$(directory_of "$1")/$file"
	done
}

@test "power cut: build puts a layer on the disk before it gets its name, that before its record, and the image last" {
	requires strace
	mkdir files
	echo text >files/text
	printf '%s\n' 'FROM ./files' 'COPY files /copied' >Conductorfile
	cp /bin/true files # a FROM that no other test has
	run -0 strace -f -qq -e trace=syncfs,fsync,rename,renameat,renameat2 -o trace "$CONDUCTOR" build $c Conductorfile
	assert_equal "$(story trace)" "syncfs layer fsync record fsync syncfs layer fsync record fsync fsync image fsync"
	run -0 "$CONDUCTOR" rmi $c
}

@test "power cut: building again waits for the image's record only, and run and stop wait for nothing" {
	requires strace
	local trace=syncfs,fsync,fdatasync,sync,sync_file_range,rename,renameat,renameat2
	echo 'FROM base' >Conductorfile
	run -0 strace -f -qq -e trace=$trace -o trace "$CONDUCTOR" build $c Conductorfile
	assert_equal "$(story trace)" "fsync image fsync"
	run -0 strace -f -qq -e trace=$trace -o trace "$CONDUCTOR" run base $c -- true
	grep -q rename trace
	refute grep sync trace
	run -0 strace -f -qq -e trace=$trace -o trace "$CONDUCTOR" stop $c
	grep -q rename trace
	refute grep sync trace
	run -0 "$CONDUCTOR" rmi $c
}

@test "power cut: rmcache cut short, by whatever, leaves no layer that lacks a part" {
	requires strace
	local at
	mkdir files
	touch files/{1..9}
	echo 'FROM ./files' >Conductorfile
	for at in 1 5 9; do
		run -0 "$CONDUCTOR" build $c Conductorfile
		run -0 "$CONDUCTOR" rmi $c
		run -137 strace -f -qq -o trace -e inject=unlinkat:signal=KILL:when=$at "$CONDUCTOR" rmcache
		run -0 "$CONDUCTOR" build $c Conductorfile
		cd "$(sed -n "s,^layer=,$CONDUCTOR_ROOT/layers/,p" "$CONDUCTOR_ROOT/images/$c")"
		assert_equal "$(echo *)" "1 2 3 4 5 6 7 8 9"
		cd "$BATS_TEST_TMPDIR"
		run -0 "$CONDUCTOR" rmi $c
		run -0 "$CONDUCTOR" rmcache
	done
}

@test "power cut: a container whose records are empty is dead, and stop takes it away without a word" {
	start $c
	"$CONDUCTOR" addnetwork $c -i
	"$CONDUCTOR" run base ${c}b -- true
	cp "$(directory_of $c)/network" "$(directory_of ${c}b)/"
	"$CONDUCTOR" stop -t 0 $c
	empty_records ${c}b
	run -0 --separate-stderr "$CONDUCTOR" ps
	assert_matches "$output" "${c}b +dead"
	assert_equal "$stderr" ""
	run -0 --separate-stderr "$CONDUCTOR" inspect ${c}b
	run -0 --separate-stderr "$CONDUCTOR" run --rm base $c -- true
	assert_equal "$stderr" ""
	run -0 --separate-stderr "$CONDUCTOR" stop ${c}b
	assert_equal "$stderr" ""
	refute [ -e "$(directory_of ${c}b)" ]
}

@test "power cut: what ip_forward was in another boot is not put back in this one" {
	local value
	for value in "" 0 "0 $OTHER_BOOT"; do
		printf '%s' "$value" >"$CONDUCTOR_ROOT/ip_forward"
		echo 1 >/proc/sys/net/ipv4/ip_forward # as this boot has it
		start $c
		"$CONDUCTOR" addnetwork $c -i
		run -0 --separate-stderr "$CONDUCTOR" stop -t 0 $c
		local after
		after=$(cat /proc/sys/net/ipv4/ip_forward)
		echo 0 >/proc/sys/net/ipv4/ip_forward
		assert_equal "$stderr" ""
		assert_equal "$after" 1
		refute [ -e "$CONDUCTOR_ROOT/ip_forward" ]
	done
}
