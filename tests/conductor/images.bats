#!/usr/bin/env bats
# conductor images, rmi and rmcache: the store of images and the cache of layers.
# shellcheck disable=SC2154 # bats's run sets output, stderr and lines
# shellcheck disable=SC2016 # inner shells expand what stands in single quotes
# shellcheck disable=SC2030,SC2031 # each test is a subshell
# shellcheck disable=SC2086 # $SLEEP is two words

load containers

layers() {
	ls "$CONDUCTOR_ROOT/layers"
}

# An image of one layer that no other has.
build_small() { # NAME BYTES
	mkdir -p "$1.d/tree"
	head -c "$2" /dev/zero >"$1.d/tree/$1"
	echo "FROM ./tree" >"$1.d/Conductorfile"
	"$CONDUCTOR" build "$1" "$1.d/Conductorfile" >/dev/null
}

# --- images -------------------------------------------------------------------------------------

@test "images: name, size and date of each, sorted by name" {
	local before
	before=$(date +%s)
	own_root "$PWD/root" empty
	run -0 --separate-stderr "$CONDUCTOR" images
	assert_equal "${#lines[@]}" 1
	assert_matches "$output" '^NAME +SIZE +CREATED$'
	build_small second 2500000
	build_small first 100
	run -0 "$CONDUCTOR" images
	assert_matches "${lines[1]}" '^first +0\.0 MB +[0-9-]{10} [0-9:]{8}$'
	assert_matches "${lines[2]}" '^second +2\.5 MB +[0-9-]{10} [0-9:]{8}$'
	assert_number_between "$(date -d "$(awk 'NR == 2 { print $4, $5 }' <<<"$output")" +%s)" \
		"$before" "$(date +%s)"
}

@test "images --json: the same as JSON" {
	requires jq
	own_root "$PWD/root" empty
	run -0 "$CONDUCTOR" images --json
	assert_equal "$(jq -c . <<<"$output")" "[]"
	build_small small 1234
	run -0 "$CONDUCTOR" images --json
	assert_equal "$(jq -c 'map([.name, .size])' <<<"$output")" '[["small",1234]]'
	assert_number_between "$(jq .[0].created <<<"$output")" $(($(date +%s) - 30)) "$(date +%s)"
}

# --- rmi ----------------------------------------------------------------------------------------

@test "rmi: the image is gone, and others are not" {
	build_small $c 10
	run -0 "$CONDUCTOR" rmi $c
	assert_equal "$output" ""
	run -125 "$CONDUCTOR" run $c $c -- true
	assert_equal "$output" "conductor: run: $c: no such image (conductor build $c makes one)"
	run -0 "$CONDUCTOR" images
	refute_contains "$output" "$c"
	assert_contains "$output" base
	run -0 "$CONDUCTOR" run --rm base $c -- true
}

@test "rmi: an image that there is not" {
	run -1 "$CONDUCTOR" rmi no-such
	assert_equal "$output" "conductor: rmi: no-such: no such image"
}

@test "rmi: an image in use is refused, naming the container, also when that has exited (R13, moby#13261)" {
	"$CONDUCTOR" run -d base $c -- $SLEEP >/dev/null
	run -1 "$CONDUCTOR" rmi base
	assert_equal "$output" "conductor: rmi: base: container $c uses it (conductor stop $c)"
	run -0 "$CONDUCTOR" exec $c -- true
	run -0 "$CONDUCTOR" run --rm base ${c}b -- true
	kill -KILL "$(pid_of $SLEEP)"
	wait_until 5 runs_not $SLEEP
	run -1 "$CONDUCTOR" rmi base
	assert_equal "$output" "conductor: rmi: base: container $c uses it (conductor stop $c)"
}

@test "rmi: an image that is being built is refused, and so is the one that it stands on, naming the build (moby#13261)" {
	build_small ${c}base 10
	mkfifo gate
	printf 'FROM base\nCOPY gate /gate\n' >Conductorfile
	"$CONDUCTOR" build ${c}base Conductorfile >/dev/null
	printf 'FROM %s\nRUN true\n' ${c}base >Conductorfile
	"$CONDUCTOR" build $c Conductorfile >/dev/null
	printf 'FROM %s\nRUN read line && ls -d /gate && echo right >/right\n' ${c}base >Conductorfile
	in_background "$CONDUCTOR" build $c Conductorfile <>gate >/dev/null
	wait_until 5 runs /bin/sh -c 'read line && ls -d /gate && echo right >/right'
	run -1 "$CONDUCTOR" rmi $c
	assert_matches "$output" "^conductor: rmi: $c: container build-[0-9]+ uses it \\(conductor stop build-[0-9]+\\)$"
	run -1 "$CONDUCTOR" rmi ${c}base
	assert_equal "$output" "conductor: rmi: ${c}base: the build of $c stands on it"
	echo go >gate
	await "$job"
	assert_equal "$status" 0
	run -0 --separate-stderr "$CONDUCTOR" run --rm $c $c -- cat /right
	assert_equal "$output" right
	run -0 "$CONDUCTOR" rmi ${c}base # the build has ended
}

@test "rmi: a build that was killed holds no image" {
	"$CONDUCTOR" build ${c}base >/dev/null
	printf 'FROM %s\nRUN %s\n' ${c}base "$SLEEP" >Conductorfile
	in_background "$CONDUCTOR" build $c Conductorfile >/dev/null
	wait_until 5 runs $SLEEP
	kill -KILL "$job"
	await "$job"
	job=
	wait_until 5 runs_not $SLEEP
	run -0 "$CONDUCTOR" rmi ${c}base
	run -0 "$CONDUCTOR" build $c # sweeps what the killed one has left
	assert_equal "$(find "$CONDUCTOR_ROOT/images" "$CONDUCTOR_ROOT/layers" -name '.?*')" ""
}

@test "rmi: what an image has been built on stays usable" {
	build_small ${c}base 10
	printf 'FROM %s\nCOPY file /file\n' ${c}base >Conductorfile
	echo text >file
	run -0 "$CONDUCTOR" build ${c}top Conductorfile
	run -0 "$CONDUCTOR" rmi ${c}base
	run -0 "$CONDUCTOR" rmcache
	printf 'FROM %s\nCOPY %s /\n' ${c}top file >Conductorfile
	run -0 "$CONDUCTOR" build ${c}top2 Conductorfile
	run -0 "$CONDUCTOR" rmi ${c}top
	run -0 "$CONDUCTOR" rmi ${c}top2
}

# --- the cache ----------------------------------------------------------------------------------

@test "rmi keeps the layers as a cache: building again makes nothing; rmcache empties it" {
	local inodes
	own_root "$PWD/root" empty
	build_small small 10
	inodes=$(stat -c '%n %i' "$CONDUCTOR_ROOT"/layers/*) # each layer, and what it says of itself
	run -0 "$CONDUCTOR" rmi small
	build_small small 10
	assert_equal "$(stat -c '%n %i' "$CONDUCTOR_ROOT"/layers/*)" "$inodes"
	run -0 "$CONDUCTOR" rmi small
	run -0 "$CONDUCTOR" rmcache
	assert_equal "$output" ""
	assert_equal "$(ls -A "$CONDUCTOR_ROOT/layers")" ""
}

@test "rmcache: what an image uses stays" {
	local before
	run -0 "$CONDUCTOR" rmcache # of the tests before
	before=$(layers)
	build_small $c 10
	run -0 "$CONDUCTOR" rmi $c
	assert_different "$(layers)" "$before"
	run -0 "$CONDUCTOR" rmcache
	assert_equal "$(layers)" "$before"
	run -0 "$CONDUCTOR" run --rm base $c -- true
}

@test "rmcache: what a container uses stays, though its image has been built anew" {
	local layer
	printf 'FROM base\nCOPY file /file\n' >Conductorfile
	echo old >file
	run -0 "$CONDUCTOR" build ${c}i Conductorfile
	"$CONDUCTOR" run -d ${c}i $c -- $SLEEP >/dev/null
	echo new >file
	run -0 "$CONDUCTOR" build ${c}i Conductorfile
	run -0 "$CONDUCTOR" rmcache
	run -0 --separate-stderr "$CONDUCTOR" exec $c -- cat /file
	assert_equal "$output" old
	run -0 "$CONDUCTOR" stop $c
	run -0 --separate-stderr "$CONDUCTOR" run --rm ${c}i $c -- cat /file
	assert_equal "$output" new
	run -0 "$CONDUCTOR" rmi ${c}i
	layer=$(layers)
	run -0 "$CONDUCTOR" rmcache
	assert_different "$(layers)" "$layer"
}

# A record that can't be read: a directory is in its place.
cannot_be_read() { # FILE
	mv "$1" "$BATS_TEST_TMPDIR/kept"
	mkdir "$1"
}

can_be_read() { # FILE
	rmdir "$1"
	mv "$BATS_TEST_TMPDIR/kept" "$1"
}

@test "rmcache, rmi: an image or container that can't be read might use anything, so nothing goes" {
	local before image=$CONDUCTOR_ROOT/images/$c state
	state=$(directory_of $c)/state
	printf 'FROM base\nCOPY Conductorfile /file\n' >Conductorfile
	run -0 "$CONDUCTOR" build $c Conductorfile
	before=$(layers)
	cannot_be_read "$image"
	run -1 "$CONDUCTOR" rmcache
	assert_equal "$output" "conductor: rmcache: $c: cannot read the image: Is a directory"
	assert_equal "$(layers)" "$before"
	can_be_read "$image"

	"$CONDUCTOR" run -d $c $c -- $SLEEP >/dev/null
	cannot_be_read "$state"
	run -1 "$CONDUCTOR" rmi $c
	assert_equal "$output" "conductor: rmi: $c: cannot read its state: Is a directory"
	[ -e "$image" ]
	rm "$image"
	run -1 "$CONDUCTOR" rmcache
	assert_equal "$output" "conductor: rmcache: $c: cannot read its state: Is a directory"
	assert_equal "$(layers)" "$before"
	can_be_read "$state"
	run -0 "$CONDUCTOR" stop $c
	run -0 "$CONDUCTOR" rmcache
	assert_different "$(layers)" "$before"
}

@test "rmcache: refused while a build runs, whose layers it would take" {
	mkfifo gate
	printf 'FROM base\nRUN read line && exit 0\n' >Conductorfile
	in_background "$CONDUCTOR" build $c Conductorfile <>gate >/dev/null
	wait_until 5 runs /bin/sh -c 'read line && exit 0'
	run -1 "$CONDUCTOR" rmcache
	assert_equal "$output" "conductor: rmcache: a build is running; its layers are no cache yet"
	echo go >gate
	await "$job"
	assert_equal "$status" 0
	run -0 "$CONDUCTOR" rmi $c
	run -0 "$CONDUCTOR" rmcache
}

@test "images: a damaged image is told when it is run" {
	own_root "$PWD/root" empty
	build_small small 10
	rm -r "$CONDUCTOR_ROOT"/layers/*
	run -125 --separate-stderr "$CONDUCTOR" run small $c -- true
	assert_equal "$stderr" "conductor: run: small: the image is damaged (conductor build small mends it)"
	assert_no_container $c
	build_small small 10
	[ -e "$(echo "$CONDUCTOR_ROOT"/layers/*/small)" ]
}
