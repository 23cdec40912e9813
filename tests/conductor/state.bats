#!/usr/bin/env bats
# conductor's state: what a killed parent leaves and who sweeps it, odd and broken state directories.
# shellcheck disable=SC2154 # bats's run sets output, stderr and lines
# shellcheck disable=SC2016 # inner shells expand what stands in single quotes
# shellcheck disable=SC2030,SC2031 # each test is a subshell
# shellcheck disable=SC2086 # $SLEEP is two words

load containers

innocent() { # a process that has nothing to do with any container
	in_background sleep 6000
	wait_until 5 runs sleep 6000
}

start_of() { # PID: in ticks of the clock after boot, field 22 of proc_pid_stat(5)
	sed 's/.*) //' "/proc/$1/stat" | cut -d ' ' -f 20
}

set_state() { # NAME KEY VALUE: rewrites a line of a container's state
	sed -i "s/^$2=.*/$2=$3/" "$(directory_of "$1")/state"
}

# --- a parent that is killed --------------------------------------------------------------------

@test "state: kill -9 of the parent ends the container, and the next command sweeps what it left (R9, runc#39, podman#14003)" {
	local init groups group
	start_sleep $c
	"$CONDUCTOR" addnetwork $c >/dev/null
	"$CONDUCTOR" exec $c -- sh -c 'echo kept >/file'
	init=$(pid_of $SLEEP)
	groups=$(cgroups_of "$init" | grep "/conductor/" || :)
	kill -KILL "$(parent_of "$init")"
	wait_until 5 runs_not $SLEEP
	assert_matches "$("$CONDUCTOR" ps | awk -v name="$c" '$1 == name')" "^$c +base +dead +- "

	run -0 "$CONDUCTOR" run --rm base ${c}b -- true
	for group in $groups; do
		refute [ -e "$group" ]
	done
	wait_until 5 assert_equal "$(world_links)" "$(cat "$WORLD_BEFORE/links")"
	assert_equal "$(cat "$(directory_of $c)/rootfs/file")" kept # until stop
	run -125 "$CONDUCTOR" exec $c -- true
	assert_equal "$output" "conductor: exec: $c: it is not running"
	run -0 "$CONDUCTOR" stop $c
}

@test "state: kill -9 of the parent in the foreground, and of run --rm" {
	in_background "$CONDUCTOR" run --rm base $c -- $SLEEP
	wait_until 5 runs $SLEEP
	kill -KILL "$job"
	await "$job"
	assert_equal "$status" 137
	wait_until 5 runs_not $SLEEP
	run -0 "$CONDUCTOR" run --rm base ${c}b -- true
	assert_no_container $c
}

@test "state: a container that would outlive its parent is ended by the next command" {
	requires setpriv
	"$CONDUCTOR" run -d base $c -- setpriv --pdeathsig clear $SLEEP >/dev/null 3>&-
	wait_until 5 runs $SLEEP
	kill -KILL "$(parent_of "$(pid_of $SLEEP)")"
	runs $SLEEP # so it is the sweep that ends it
	run -0 "$CONDUCTOR" run --rm base ${c}b -- true
	runs_not $SLEEP
}

@test "state: a process that has a container's old PID is never touched" {
	local key before
	run -0 "$CONDUCTOR" run base $c -- true
	innocent
	before=$(($(start_of "$(pid_of sleep 6000)") - 1)) # a tick of the clock before
	sed -i '/^exit=/d' "$(directory_of $c)/state"
	for key in pid parent; do
		set_state $c $key "$(pid_of sleep 6000)"
	done
	for key in start parent_start; do
		set_state $c $key $before
	done
	run -125 "$CONDUCTOR" exec $c -- true
	run -0 "$CONDUCTOR" run --rm base ${c}b -- true
	run -0 "$CONDUCTOR" stop $c
	runs sleep 6000
}

@test "state: after a restart of the machine containers are dead, and PIDs mean nothing" {
	start_sleep $c
	cp "$(directory_of $c)/state" state.then
	run -0 "$CONDUCTOR" run base ${c}b -- true
	cp state.then "$(directory_of ${c}b)/state" # the same processes,
	set_state ${c}b boot 00000000-0000-0000-0000-000000000000 # as another boot had them
	assert_matches "$("$CONDUCTOR" ps | awk -v name="${c}b" '$1 == name { print $3 }')" '^dead$'
	run -0 "$CONDUCTOR" stop ${c}b
	runs $SLEEP
}

# --- odd places ---------------------------------------------------------------------------------

@test "state: in a directory with : , \\ = and spaces in its path" {
	own_root "$PWD/a:b,c d\\e=f"
	printf 'FROM base\nCOPY file /file\nRUN cat /file >/seen\n' >Conductorfile
	echo text >file
	run -0 "$CONDUCTOR" build top Conductorfile
	"$CONDUCTOR" run -d top $c -- $SLEEP >/dev/null
	run -0 --separate-stderr "$CONDUCTOR" exec $c -- cat /seen
	assert_equal "$output" text
	assert_equal "$(cat "$(directory_of $c)/rootfs/seen")" text
	run -0 "$CONDUCTOR" stop $c
}

@test "state: a relative CONDUCTOR_ROOT, and a symbolic link" {
	own_root "$PWD/real"
	ln -s real link
	run -0 --separate-stderr env CONDUCTOR_ROOT=link "$CONDUCTOR" run --rm base $c -- cat /etc/passwd
	assert_contains "$output" root
	run -0 --separate-stderr env CONDUCTOR_ROOT=./real "$CONDUCTOR" run -d base $c -- $SLEEP
	run -0 --separate-stderr "$CONDUCTOR" exec $c -- cat /etc/passwd
	assert_contains "$output" root
	[ -e "$(directory_of $c)/rootfs/etc/passwd" ]
}

@test "state: where overlayfs can't be had the image is copied, which is told, and all works" {
	requires overlay
	mkdir "/run/$c" "/run/$c/lower" "/run/$c/upper" "/run/$c/work"
	mount_at "/run/$c/merged" -t overlay none -o "lowerdir=/run/$c/lower,upperdir=/run/$c/upper,workdir=/run/$c/work"
	own_root "/run/$c/merged/state"
	run -3 --separate-stderr "$CONDUCTOR" run base $c -- sh -c 'rm /etc/passwd; echo kept >/file; stat -c %a /; exit 3'
	assert_equal "$output" 755
	assert_matches "$stderr" '^conductor: run: no overlay here, so the image is copied: .'
	assert_equal "$(cat "$(directory_of $c)/rootfs/file")" kept
	[ -x "$(directory_of $c)/rootfs/bin/sh" ]
	run -0 "$CONDUCTOR" stop $c

	printf 'FROM base\nRUN rm /etc/passwd; echo one >/one; mkdir /d && touch /d/old\nCOPY Conductorfile /two\nRUN rm -r /d && mkdir /d\n' >Conductorfile
	run -0 "$CONDUCTOR" build top Conductorfile
	run -0 "$CONDUCTOR" build top Conductorfile
	run -0 --separate-stderr "$CONDUCTOR" run --rm top $c -- sh -c 'cat /one; ls /two /d; ls /etc/passwd; true'
	assert_equal "$output" $'one\n/two\n\n/d:'
}

@test "state: a copy of an image's overlay layers lacks what they removed, directories made again too" {
	requires_layers
	own_root "/run/$c/state"
	printf 'FROM base\nRUN mkdir /again && touch /again/old /gone\nRUN rm -r /again /gone && mkdir /again && touch /again/new\n' >Conductorfile
	run -0 --separate-stderr "$CONDUCTOR" build top Conductorfile
	refute_contains "$stderr" copied
	mkdir "/run/$c/lower" "/run/$c/upper" "/run/$c/work"
	mount_at "$CONDUCTOR_ROOT/containers" -t overlay none -o "lowerdir=/run/$c/lower,upperdir=/run/$c/upper,workdir=/run/$c/work"
	run -0 --separate-stderr "$CONDUCTOR" run --rm top $c -- sh -c 'ls /again; ls -d /gone; true'
	assert_contains "$stderr" "so the image is copied"
	assert_equal "$output" new
}

# --- broken places ------------------------------------------------------------------------------

@test "state: a directory that may not be entered is told, with what to do" {
	requires machine_root setpriv
	run -1 --separate-stderr as_nobody "$CONDUCTOR" ps
	assert_equal "$stderr" \
		"conductor: ps: $CONDUCTOR_ROOT: Permission denied (sudo, or set CONDUCTOR_ROOT to a directory of your own)"
	run -125 --separate-stderr as_nobody "$CONDUCTOR" run base $c -- true
	assert_equal "$(wc -l <<<"$stderr")" 1
	assert_contains "$stderr" "conductor: run: $CONDUCTOR_ROOT: Permission denied"
	CONDUCTOR_ROOT=/run/of_nobody run -1 --separate-stderr as_nobody "$CONDUCTOR" ps
	assert_equal "$stderr" \
		"conductor: ps: /run/of_nobody: Permission denied (sudo, or set CONDUCTOR_ROOT to a directory of your own)"
}

@test "state: a path that is no directory, that is nowhere, or too long" {
	CONDUCTOR_ROOT=/etc/passwd run -1 "$CONDUCTOR" ps
	assert_equal "$output" "conductor: ps: /etc/passwd: Not a directory"
	CONDUCTOR_ROOT=/proc/none run -125 "$CONDUCTOR" run base $c -- true
	assert_equal "$output" "conductor: run: /proc/none: No such file or directory"
	CONDUCTOR_ROOT=/$(printf 'n%.0s' {1..5000}) run -1 "$CONDUCTOR" ps
	assert_equal "$output" "conductor: ps: the path of the state directory is too long"
}

@test "state: no room on disk is told in one line, leaves nothing half-made, and stop still works (R10, podman#25317, containerd#11075)" {
	mount_at "/run/$c" -t tmpfs -o size=80m none
	own_root "/run/$c/state"
	start_sleep $c
	head -c 100m /dev/zero >"/run/$c/filler" 2>/dev/null || :
	run -125 --separate-stderr "$CONDUCTOR" run base ${c}b -- true
	assert_equal "$(wc -l <<<"$stderr")" 1
	assert_contains "$stderr" "No space left on device"
	assert_no_container ${c}b
	printf 'FROM base\nCOPY big /big\n' >Conductorfile
	head -c 1m /dev/urandom >big
	run -1 --separate-stderr "$CONDUCTOR" build top Conductorfile
	assert_contains "$stderr" "No space left on device"
	refute [ -e "$CONDUCTOR_ROOT/images/top" ]
	run -0 "$CONDUCTOR" ps
	run -0 "$CONDUCTOR" exec $c -- true
	run -0 "$CONDUCTOR" stop $c
	assert_equal "$(ls "$CONDUCTOR_ROOT/containers")" ""
	head -c 100m /dev/zero >"/run/$c/filler2" 2>/dev/null || : # with what stop gave back
	run -0 "$CONDUCTOR" rmi base
	refute_contains "$("$CONDUCTOR" images)" base

	rm "/run/$c"/filler*
	run -0 "$CONDUCTOR" build base
	run -0 "$CONDUCTOR" build top Conductorfile
	run -0 --separate-stderr "$CONDUCTOR" run --rm top $c -- stat -c %s /big
	assert_equal "$output" 1048576
}

@test "state: no room for an image's first layer" {
	mount_at "/run/$c" -t tmpfs -o size=4m none
	own_root "/run/$c/state" empty
	run -1 --separate-stderr "$CONDUCTOR" build base
	assert_contains "$stderr" "No space left on device"
	assert_equal "$(find "$CONDUCTOR_ROOT/layers" "$CONDUCTOR_ROOT/images" -mindepth 1)" ""
}

@test "state: on a read-only file system lists work, and run says why it can't (R10, podman#10876)" {
	own_root "$PWD/state"
	mount_at "$PWD/read-only" --bind "$PWD/state"
	mount -o remount,bind,ro "$PWD/read-only"
	CONDUCTOR_ROOT=$PWD/read-only run -0 "$CONDUCTOR" images
	assert_contains "$output" base
	CONDUCTOR_ROOT=$PWD/read-only run -0 "$CONDUCTOR" ps
	CONDUCTOR_ROOT=$PWD/read-only run -125 "$CONDUCTOR" run base $c -- true
	assert_matches "$output" '^conductor: run: .*: Read-only file system'
	assert_equal "${#lines[@]}" 1
}

@test "state: a container whose record is cut short or garbage can be listed and stopped" {
	local record
	for record in "" "image=" $'pid=1\nstart=0\nparent=1' "$(head -c 2000 /dev/urandom | base64 -w 0)" $'layer=../../../etc\nlayer=x'; do
		mkdir -p "$(directory_of $c)/upper"
		printf '%s' "$record" >"$(directory_of $c)/state"
		run -0 "$CONDUCTOR" ps
		assert_contains "$output" "$c"
		run -125 "$CONDUCTOR" exec $c -- true
		run -125 "$CONDUCTOR" run base $c -- true
		run -0 "$CONDUCTOR" stop $c
		assert_no_container $c
	done
	mkdir "$(directory_of $c)" # killed before it wrote one
	run -0 "$CONDUCTOR" stop $c
}

@test "state: a link among the containers is none, and is never followed" {
	mkdir -p victim/upper
	echo "image=base" >victim/state
	ln -s "$PWD/victim" "$(directory_of $c)"
	run -1 "$CONDUCTOR" stop $c
	run -125 "$CONDUCTOR" exec $c -- true
	rm "$(directory_of $c)"
	[ -d victim/upper ]
	[ -s victim/state ]
}

# --- without root -------------------------------------------------------------------------------

@test "state: an ordinary user has containers too, in a directory of his own" {
	requires machine_root setpriv userns
	mkdir "/run/$c"
	chown 65534:65534 "/run/$c"
	roots+=("/run/$c/state")
	CONDUCTOR_ROOT=/run/$c/state run -0 as_nobody "$CONDUCTOR" build mine
	CONDUCTOR_ROOT=/run/$c/state run -0 --separate-stderr as_nobody "$CONDUCTOR" run --rm mine $c -- \
		sh -c 'echo $$; cat /proc/sys/kernel/hostname; id -u; echo /proc/[0-9]*'
	assert_equal "$output" "1"$'\n'"$c"$'\n'"0"$'\n'"/proc/1"
	CONDUCTOR_ROOT=/run/$c/state run -0 as_nobody "$CONDUCTOR" run -d mine $c -- sh -c "echo begun; exec $SLEEP"
	wait_until 5 runs $SLEEP
	assert_equal "$(stat -c %u "/proc/$(pid_of $SLEEP)")" 65534
	CONDUCTOR_ROOT=/run/$c/state run -0 --separate-stderr as_nobody "$CONDUCTOR" exec $c -- cat /proc/sys/kernel/hostname
	assert_equal "$output" $c
	CONDUCTOR_ROOT=/run/$c/state run -0 --separate-stderr as_nobody "$CONDUCTOR" logs $c
	assert_equal "$output" begun
	[ -e "/run/$c/state/containers/$c/rootfs/etc/passwd" ]
	CONDUCTOR_ROOT=/run/$c/state run -0 as_nobody "$CONDUCTOR" stop $c
	runs_not $SLEEP
}

@test "state: an ordinary user's image is copied where files have no attributes of users" {
	requires machine_root setpriv userns
	mount_at "/run/$c" -t ramfs none
	chown 65534:65534 "/run/$c"
	roots+=("/run/$c/state")
	CONDUCTOR_ROOT=/run/$c/state run -0 as_nobody "$CONDUCTOR" build mine
	CONDUCTOR_ROOT=/run/$c/state run -0 --separate-stderr as_nobody "$CONDUCTOR" run mine $c -- sh -c 'rm /etc/passwd; echo x >/x'
	assert_matches "$stderr" '^conductor: run: no overlay here, so the image is copied: Operation not supported$'
	assert_equal "$(cat "/run/$c/state/containers/$c/rootfs/x")" x
	refute [ -e "/run/$c/state/containers/$c/rootfs/etc/passwd" ]
	[ -e "$(echo /run/$c/state/layers/*/etc/passwd)" ] # the image's own
	CONDUCTOR_ROOT=/run/$c/state run -0 as_nobody "$CONDUCTOR" stop $c
}

@test "state: what a machine restricts is told with what would allow it, and nothing weaker is begun (R15, nsjail#236, bubblewrap#505, podman#20453)" {
	requires machine_root setpriv userns
	local deny=$TOP/tests/tools/deny case
	mkdir "/run/$c"
	chown 65534:65534 "/run/$c"
	roots+=("/run/$c/state")
	while IFS='|' read -r denied said; do
		run -125 --separate-stderr "$deny" "$denied" "$CONDUCTOR" run base $c -- $SLEEP
		assert_equal "$stderr" "conductor: run: $said"
		assert_no_container $c
	done <<-EOF
		mount=EACCES|$c: cannot make the mounts private: Permission denied (this root may not mount: a security policy, or /proc is masked here)
		clone3=EPERM|cannot make the namespaces: Operation not permitted (this root lacks CAP_SYS_ADMIN, or a security policy forbids it)
		clone3=ENOSPC|cannot make the namespaces: No space left on device (a limit below /proc/sys/user/max_*_namespaces is reached)
	EOF
	export CONDUCTOR_ROOT=/run/$c/state
	run -0 as_nobody "$CONDUCTOR" build base
	for case in EPERM:'Operation not permitted' ENOSPC:'No space left on device'; do
		run -125 --separate-stderr as_nobody "$deny" "newuser=${case%%:*}" "$CONDUCTOR" run base $c -- $SLEEP
		assert_contains "$stderr" "conductor: run: cannot make a user namespace: ${case#*:} (" # rootless.bats has the rest
		assert_no_container $c
	done
	refute runs $SLEEP
}
