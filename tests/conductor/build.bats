#!/usr/bin/env bats
# conductor build: images from Conductorfiles, a layer an instruction, and the cache.
# shellcheck disable=SC2154 # bats's run sets output, stderr and lines
# shellcheck disable=SC2016 # inner shells expand what stands in single quotes
# shellcheck disable=SC2030,SC2031 # each test is a subshell
# shellcheck disable=SC2086 # $SLEEP is two words

load containers

conductorfile() { # LINE...
	printf '%s\n' "$@" >Conductorfile
}

build() { # builds image $c from Conductorfile
	"$CONDUCTOR" build "$c" Conductorfile
}

inside() { # COMMAND...: in a container of image $c
	"$CONDUCTOR" run --rm "$c" "$c" -- "$@"
}

# The directories of an image's layers, the lowest first.
layers_of() { # IMAGE
	sed -n "s,^layer=,$CONDUCTOR_ROOT/layers/,p" "$CONDUCTOR_ROOT/images/$1"
}

# What layers there are: a layer that is made again has another inode.
layer_inodes() {
	stat -c '%n %i' "$CONDUCTOR_ROOT"/layers/*/
}

# Nothing of a build that failed stays: no image, no container, no unfinished layer.
assert_no_image() {
	refute [ -e "$CONDUCTOR_ROOT/images/$c" ]
	assert_equal "$(ls -A "$CONDUCTOR_ROOT/containers")" ""
	assert_equal "$(find "$CONDUCTOR_ROOT/layers" -maxdepth 1 -name '.?*')" ""
}

# --- FROM ---------------------------------------------------------------------------------------

@test "build: without a Conductorfile an image of this host's shell and everyday tools" {
	local tool told
	run -0 "$CONDUCTOR" build $c
	# What the host lacks is told when the layer is made, which was done for an earlier test here.
	CONDUCTOR_ROOT=$BATS_TEST_TMPDIR/empty run -0 --separate-stderr "$CONDUCTOR" build $c
	told=$stderr
	for tool in sh bash cat grep sed sleep tail hostname ps top ip; do
		if command -v $tool >/dev/null; then
			run -0 "$CONDUCTOR" run --rm $c $c -- sh -c "command -v $tool"
		else
			assert_matches "$told" "has no (.*, )?${tool}[,:]"
		fi
	done
	run -0 --separate-stderr inside sh -c 'echo a b | sed "s/a/c/" | grep c; ls -d /tmp /etc/passwd; id -un'
	assert_equal "$output" $'c b\n/etc/passwd\n/tmp\nroot'
}

@test "build: FROM host runs no helper program, and needs no network" {
	requires strace
	run -0 strace -f -qq -e trace=execve -e status=successful -o trace "$CONDUCTOR" build $c
	assert_equal "$(grep -o 'execve("[^"]*"' trace | sort -u | grep -v -e '/ld-' -e "$(basename "$CONDUCTOR")" || :)" ""
}

@test "build: a program of another C library (musl) runs in an image of its own and beside glibc's" {
	requires root musl-gcc
	echo 'int main(void) { return 42; }' >program.c
	musl-gcc -o program program.c
	"$COPY_DEPS" ./program tree >/dev/null
	conductorfile 'FROM scratch' 'COPY tree /'
	build
	run -42 inside "$PWD/program"
	conductorfile 'FROM host' 'COPY tree /'
	build
	run -42 inside "$PWD/program"
	run -0 inside /bin/sh -c 'true'
}

@test "build: FROM scratch is empty, and COPY fills it" {
	mkdir tree
	"$COPY_DEPS" "$(command -v cat)" tree >/dev/null
	echo text >tree/file
	conductorfile 'FROM scratch' 'COPY tree /'
	run -0 build
	run -0 --separate-stderr inside "$(realpath "$(command -v cat)")" /file
	assert_equal "$output" text
	run -127 inside /bin/no-shell
}

@test "build: FROM a directory keeps modes, owners, times and links" {
	mkdir -p tree/sub
	echo text >tree/sub/file
	chmod 2750 tree/sub
	chmod 4751 tree/sub/file
	touch -d '2001-02-03 04:05:06 UTC' tree/sub/file
	ln -s /etc/absolute tree/link
	ln -s nowhere tree/dangling
	mkfifo tree/pipe
	conductorfile 'FROM ./tree'
	run -0 build
	(cd tree && find . -mindepth 1 -printf '%P %y %m %U:%G %l\n' | sort) >expected
	(cd "$(layers_of $c)" &&
		find . -mindepth 1 -printf '%P %y %m %U:%G %l\n' | sort) >actual
	assert_equal "$(cat actual)" "$(cat expected)"
	assert_equal "$(stat -c %Y "$CONDUCTOR_ROOT"/layers/*/sub/file)" 981173106
}

@test "build: FROM a tar, plain or compressed" {
	requires tar gzip
	mkdir tree
	echo text >tree/file
	tar -C tree -cf rootfs.tar .
	gzip -k rootfs.tar
	local archive
	for archive in rootfs.tar rootfs.tar.gz; do
		conductorfile "FROM ./$archive" 'COPY Conductorfile /x'
		run -0 build
		[ "$(cat "$(layers_of $c | head -n 1)/file")" = text ]
	done
}

@test "build: FROM a tar with paths that lead out of it writes nothing there" {
	requires tar
	mkdir victim tree
	ln -s "$PWD/victim" tree/link
	tar -cf rootfs.tar -C tree .
	rm tree/link
	mkdir tree/link
	touch tree/link/through
	tar -rf rootfs.tar -C tree ./link/through
	conductorfile 'FROM ./rootfs.tar'
	run -1 build
	touch up
	tar -cPf rootfs.tar --transform "s,^up$,../../../../../../../..$PWD/victim/up," up
	assert_contains "$(tar -tPf rootfs.tar)" "../..$PWD/victim/up"
	run -1 build
	assert_equal "$(ls -A victim)" ""
	assert_no_image
}

@test "build: FROM another image shares its layers" {
	requires_layers
	conductorfile 'FROM base' 'COPY Conductorfile /x'
	run -0 build
	assert_equal "$(layers_of $c | head -n 1)" "$(layers_of base)"
	run -0 inside sh -c 'true'
}

@test "build: FROM what there is not" {
	conductorfile 'FROM no-such-image'
	run -1 --separate-stderr build
	assert_contains "$stderr" "no-such-image: no such image"
	conductorfile 'FROM ./no-such-directory'
	run -1 --separate-stderr build
	assert_contains "$stderr" "no-such-directory: No such file or directory"
	echo 'no tar' >text
	conductorfile 'FROM ./text'
	run -1 --separate-stderr build
	assert_contains "$stderr" "conductor: build: tar failed with status 2"
	conductorfile 'FROM redhat:9'
	run -1 --separate-stderr build
	assert_no_image
}

@test "build: FROM debian:bookworm without debootstrap says what to install" {
	conductorfile 'FROM debian:bookworm'
	run -1 --separate-stderr env PATH=/nowhere "$CONDUCTOR" build $c Conductorfile
	assert_equal "$stderr" "conductor: build: debootstrap: No such file or directory (it is needed for this FROM: apt-get install it)"
	assert_no_image
}

# --- COPY ---------------------------------------------------------------------------------------

@test "build: COPY a file to a name, into a directory, and a directory's content" {
	mkdir -p dir/sub
	echo one >one
	echo two >two
	echo three >dir/sub/three
	conductorfile 'FROM base' 'COPY one /renamed' 'COPY one two /several' 'COPY one /etc' \
		'COPY two /made/deep/' 'COPY dir /content' 'COPY dir/sub/three one /tmp/'
	run -0 build
	run -0 --separate-stderr inside sh -c \
		'cd / && head -v renamed several/* etc/one made/deep/* content/sub/* tmp/*'
	assert_equal "$(grep -v '^$' <<<"$output" | paste -sd ' ')" \
		"==> renamed <== one ==> several/one <== one ==> several/two <== two ==> etc/one <== one ==> made/deep/two <== two ==> content/sub/three <== three ==> tmp/one <== one ==> tmp/three <== three"
}

@test "build: COPY through the image's link /bin does not break the image" {
	local layer files=
	mkdir -p tree/usr/bin dir
	ln -s usr/bin tree/bin
	ln -s /usr/bin tree/absolute
	echo a >dir/from-dir
	echo b >single
	conductorfile 'FROM ./tree' 'COPY dir /bin' 'COPY single /absolute/' 'COPY single /bin/other'
	run -0 build
	for layer in $(layers_of $c); do
		refute [ -d "$layer/bin" -a ! -L "$layer/bin" ]
		refute [ -d "$layer/absolute" -a ! -L "$layer/absolute" ]
		files+=$(cd "$layer" && find . -type f -printf '%P ')
	done
	assert_equal "$(tr ' ' '\n' <<<"$files" | grep . | sort -u | paste -sd ' ')" \
		"usr/bin/from-dir usr/bin/other usr/bin/single"
	refute [ -e /usr/bin/from-dir ] # nor does an absolute link lead to the host
}

@test "build: COPY of what there is not, or from outside, names file and line" {
	local source
	mkdir -p a
	for source in /etc/passwd ../x a/../../x; do
		conductorfile 'FROM base' '' "COPY $source /x"
		run -1 --separate-stderr build
		assert_equal "$stderr" "conductor: build: Conductorfile:3: COPY $source: sources lie in the Conductorfile's directory"
	done
	conductorfile 'FROM base' 'COPY missing /x'
	run -1 --separate-stderr build
	assert_contains "$stderr" "missing: No such file or directory"
	conductorfile 'FROM base' 'COPY alone'
	run -1 --separate-stderr build
	assert_equal "$stderr" "conductor: build: Conductorfile:2: COPY wants SOURCE... DESTINATION"
	assert_no_image
}

@test "build: COPY through a link of the context does not reach the host's files" {
	mkdir context
	ln -s /etc context/escape
	ln -s /etc/passwd context/link
	printf 'FROM base\nCOPY escape/passwd /x\n' >context/Conductorfile
	run -1 --separate-stderr "$CONDUCTOR" build $c context/Conductorfile
	assert_no_image
}

@test "build: directories nested too deep are told in one line, whatever descriptors there are" {
	local half limit
	half=$(printf 'd/%.0s' {1..1500})
	mkdir -p "tree/$half"
	env -C "tree/$half" mkdir -p "$half" # no path may be as long as both
	for limit in 1024 "$(ulimit -Hn)"; do
		ulimit -Sn "$limit"
		conductorfile 'FROM base' 'COPY tree /tree'
		run -1 --separate-stderr build
		assert_equal "$stderr" "conductor: build: directories are nested more than 400 deep"
		conductorfile 'FROM ./tree'
		run -1 --separate-stderr build
		assert_equal "$stderr" "conductor: build: directories are nested more than 400 deep"
	done
	assert_no_image
	rm -r tree
}

@test "build: a failure deep down in a directory is told once" {
	mkdir -p "tree/$(printf 'd/%.0s' {1..200})"
	conductorfile 'FROM ./tree'
	ulimit -Sn 300 # copying takes two a level, reading one
	run -1 --separate-stderr build
	assert_matches "$stderr" "^conductor: build: cannot [a-z ]*: Too many open files$"
	assert_no_image
}

# --- RUN ----------------------------------------------------------------------------------------

@test "build: RUN is /bin/sh inside the image, each a layer on those before" {
	conductorfile 'FROM base' 'RUN echo "a  b" >/file; cat /proc/1/comm >/comm' \
		'RUN cat /file >/second && rm /file' 'RUN echo $$ >/pid'
	run -0 build
	run -0 --separate-stderr inside sh -c 'cat /second /comm /pid; ls -d /file /dev/null /etc/hosts; true'
	assert_equal "$(grep -v '^ls:' <<<"$output")" $'a  b\nsh\n1\n/dev/null\n/etc/hosts'
	assert_contains "$stderr" "/file" # a file that was removed is
}

@test "build: a RUN that fails ends it with file and line, and its layer is never used (R13, moby#13261)" {
	conductorfile 'FROM base' '# a comment' 'RUN [ -e /flag ] && exit 0; echo said; exit 7' 'RUN echo never'
	run -1 --separate-stderr build
	assert_contains "$stderr" "conductor: build: Conductorfile:3: RUN failed with status 7"
	assert_contains "$output" said
	refute_contains "$output" $'\nnever'
	assert_no_image
	run -1 --separate-stderr build
	assert_contains "$output" said
}

@test "build: what a RUN removed is gone, and a directory made again holds the new alone" {
	conductorfile 'FROM base' 'RUN mkdir /again /gone && touch /again/old /gone/old /old' \
		'RUN rm -r /again /gone /old && mkdir /again && touch /again/new' 'COPY Conductorfile /gone/copied'
	run -0 build
	run -0 --separate-stderr inside sh -c 'ls /again /gone; ls -d /old; true'
	assert_equal "$output" $'/again:\nnew\n\n/gone:\ncopied'
}

@test "build: a RUN's processes end with it" {
	conductorfile 'FROM base' "RUN $SLEEP & true"
	build >output # not through run's pipe: who outlives the build would hold it
	runs_not $SLEEP
}

# --- the cache ----------------------------------------------------------------------------------

@test "build: building again makes no layer, and runs nothing" {
	local before
	echo text >file
	conductorfile 'FROM base' 'COPY file /file' 'RUN expr 6 \* 7'
	run -0 build
	assert_line 42
	before=$(layer_inodes)
	run -0 build
	refute_line 42
	assert_equal "$(layer_inodes)" "$before"
}

@test "build: a file that COPY brings, once changed, is brought again, and what follows is made again" {
	echo old >file
	conductorfile 'FROM base' 'COPY file /file' 'RUN cat /file >/seen'
	run -0 build
	echo new >file
	run -0 build
	run -0 --separate-stderr inside cat /file /seen
	assert_equal "$output" $'new\nnew'
	chmod 711 file
	run -0 build
	run -0 --separate-stderr inside stat -c %a /file
	assert_equal "$output" 711
}

@test "build: what the link of a FROM leads to, once changed, is brought again" {
	requires tar
	mkdir tree
	ln -s tree directory
	ln -s rootfs.tar archive
	local link
	for link in directory archive; do
		conductorfile "FROM ./$link"
		touch tree/old
		tar -cf rootfs.tar tree
		run -0 build
		touch "tree/new-$link"
		tar -cf rootfs.tar tree
		run -0 build
		[ -n "$(find "$(layers_of $c)" -name "new-$link")" ]
	done
}

@test "build: a file's capabilities, once changed, are brought again" {
	requires machine_root setcap
	mkdir tree
	touch tree/file
	local source
	for source in 'FROM ./tree' $'FROM scratch\nCOPY tree /' $'FROM scratch\nCOPY tree/file /'; do
		conductorfile "$source"
		setcap -r tree/file 2>/dev/null || :
		run -0 build
		setcap cap_net_raw+ep tree/file
		run -0 build
		assert_contains "$(getcap "$(layers_of $c | tail -n 1)/file")" cap_net_raw
	done
}

@test "build: FROM host brings a tool again whose mode has changed" {
	local tools=/usr/local/sbin
	[ -d $tools ] || skip "there is no $tools to mount on"
	mount_at $tools -t tmpfs none
	cp "$(type -P true)" $tools/cmp
	run -0 "$CONDUCTOR" build $c
	chmod 700 $tools/cmp
	run -0 "$CONDUCTOR" build $c
	assert_equal "$(stat -c %a "$(layers_of $c)$tools/cmp")" 700
}

@test "build: an instruction whose text has changed is made again" {
	conductorfile 'FROM base' 'RUN echo 1 >/x'
	run -0 build
	conductorfile 'FROM base' 'RUN echo 2 >/x'
	run -0 build
	run -0 --separate-stderr inside cat /x
	assert_equal "$output" 2
	conductorfile 'FROM base' 'COPY Conductorfile /a'
	run -0 build
	conductorfile 'FROM base' 'COPY Conductorfile /b'
	run -0 build
	run -0 --separate-stderr inside sh -c 'ls -d /a /b; true'
	assert_equal "$output" /b
}

@test "build: ninety instructions, a layer each; more in one file, or a hundred layers, are refused" {
	requires_layers
	local copies
	mapfile -t copies < <(printf 'COPY Conductorfile /%s\n' {1..100})
	conductorfile 'FROM base' "${copies[@]:0:89}"
	run -0 build
	run -0 --separate-stderr inside sh -c 'ls -d /1 /45 /89'
	conductorfile 'FROM base' "${copies[@]:0:90}"
	run -1 --separate-stderr build
	assert_equal "$stderr" "conductor: build: Conductorfile:91: more than 90 instructions"
	conductorfile "FROM $c" "${copies[@]:0:11}"
	run -1 --separate-stderr "$CONDUCTOR" build ${c}b Conductorfile
	assert_equal "$stderr" "conductor: build: Conductorfile: the image would have more than 100 layers"
	refute [ -e "$CONDUCTOR_ROOT/images/${c}b" ]
}

@test "build: of several at once each is right, and shares the layers" {
	local i pids=()
	requires_layers
	conductorfile 'FROM base' 'RUN echo text >/x' 'RUN cat /x >/y'
	for i in 1 2 3 4; do
		"$CONDUCTOR" build $c$i Conductorfile >/dev/null 3>&- &
		pids+=($!)
	done
	for i in "${pids[@]}"; do
		await "$i"
		assert_equal "$status" 0
	done
	assert_equal "$(sort -u "$CONDUCTOR_ROOT/images/$c"? | grep -c ^layer=)" 3
	run -0 --separate-stderr "$CONDUCTOR" run --rm ${c}4 $c -- cat /y
	assert_equal "$output" text
}

@test "build: a layer of which there is the record only is made again, on the image below it" {
	local layer
	echo text >file
	conductorfile 'FROM base' 'COPY file /file'
	run -0 build
	layer=$(layers_of $c | tail -n 1)
	rm -r "$layer"
	echo whole=1 >>"$layer.txt" # as where there was no overlay
	run -0 build
	run -0 --separate-stderr inside cat /file
	assert_equal "$output" text
}

@test "build: one that was killed leaves nothing after the next" {
	conductorfile 'FROM base' "RUN echo half >/half; $SLEEP"
	in_background build >/dev/null
	wait_until 5 runs $SLEEP
	kill -KILL "$(pid_of "$CONDUCTOR" build "$c" Conductorfile)"
	await "$job"
	wait_until 5 runs_not $SLEEP
	conductorfile 'FROM base' 'RUN true'
	run -0 build
	run -0 "$CONDUCTOR" rmi $c
	assert_no_image
}

@test "build: one that was interrupted ends its RUN and leaves nothing" {
	conductorfile 'FROM base' "RUN $SLEEP"
	in_background build >/dev/null
	wait_until 5 runs $SLEEP
	kill -TERM "$(pid_of "$CONDUCTOR" build "$c" Conductorfile)"
	await "$job"
	refute [ "$status" = 0 ]
	wait_until 5 runs_not $SLEEP
	wait_until 5 assert_no_image
}

@test "build: where a RUN's container can't be made there is one line, whichever process is faster" {
	requires strace
	conductorfile 'FROM base' "RUN true # $c" # which no cache has
	# The container's end comes before its network: that is made under the lock.
	run -1 --separate-stderr strace -f -qq -o /dev/null -e trace=flock,sethostname \
		-e inject=sethostname:error=EPERM -e inject=flock:delay_enter=300000 "$CONDUCTOR" build $c Conductorfile
	assert_equal "${#stderr_lines[@]}" 1
	assert_matches "$stderr" "^conductor: build: build-[0-9]+: cannot set the hostname.*Operation not permitted"
	assert_no_image
}

# A build in the background, as $builder, that is in the middle of its COPY for the next three seconds.
build_held_at_copy() {
	echo "$c" | tee one >two # which no cache has
	conductorfile 'FROM base' 'COPY one two /copied/'
	in_background strace -f -qq -o trace -e trace=fchownat -e inject=fchownat:delay_enter=3000000 \
		"$CONDUCTOR" build "$c" Conductorfile >/dev/null 2>errors
	wait_until 5 compgen -G "$CONDUCTOR_ROOT/containers/build-*/upper/copied/one" >path
	builder=$(sed -E 's,.*/build-([0-9]+)/.*,\1,' path)
}

assert_build_ended() {
	await "$job"
	assert_equal "$status" 1
	assert_equal "$(grep -v ^strace: errors)" "conductor: build: Conductorfile:2: COPY failed with status 137"
	assert_no_image
}

@test "build: one that was interrupted ends its COPY and leaves nothing" {
	requires_layers
	requires strace
	build_held_at_copy
	kill -INT "$builder"
	assert_build_ended
}

@test "build: one that was interrupted just when its COPY was done ends, too" {
	requires_layers
	requires strace
	local inner
	build_held_at_copy
	kill -STOP "$builder"
	kill -TERM "$builder"
	inner=$(sed -n 's/^pid=//p' "$CONDUCTOR_ROOT/containers/build-$builder/state")
	wait_until 10 grep -q '^State:.Z' "/proc/$inner/status"
	kill -CONT "$builder"
	assert_build_ended
}

# --- the file -----------------------------------------------------------------------------------

@test "build: comments, empty lines, small letters, blanks, and lines joined by a backslash" {
	printf '\n  # comment\n\tfrom base  \r\n\nRun echo one \\\n  two >/x && \\\n\techo three >>/x\n# RUN false\ncopy Conductorfile /y' >Conductorfile
	run -0 build
	run -0 --separate-stderr inside cat /x
	assert_equal "$output" $'one two\nthree'
}

@test "build: an unknown instruction is told with file and line, before anything is made" {
	conductorfile 'FROM base' "RUN echo \\" '  joined' '' 'EXPOSE 80'
	run -1 --separate-stderr build
	assert_equal "$stderr" "conductor: build: Conductorfile:5: unknown instruction EXPOSE (FROM, COPY and RUN are known)"
	assert_equal "$output" ""
	assert_no_image
}

@test "build: a Conductorfile without FROM, with two, with nothing, with NUL bytes" {
	conductorfile 'RUN true'
	run -1 build
	assert_equal "$output" "conductor: build: Conductorfile:1: an image begins with one FROM, and has no other"
	conductorfile 'FROM base' 'FROM base'
	run -1 build
	assert_equal "$output" "conductor: build: Conductorfile:2: an image begins with one FROM, and has no other"
	conductorfile '# nothing'
	run -1 build
	assert_equal "$output" "conductor: build: Conductorfile: holds no instruction"
	printf 'FROM base\nRUN echo \0 x\n' >Conductorfile
	run -1 build
	assert_equal "$output" "conductor: build: Conductorfile: is no text"
	conductorfile 'FROM'
	run -1 build
	assert_equal "$output" "conductor: build: Conductorfile:1: FROM wants something behind it"
	assert_no_image
}

@test "build: a Conductorfile that there is not, or that is a directory" {
	run -1 "$CONDUCTOR" build $c no-such
	assert_equal "$output" "conductor: build: no-such: No such file or directory"
	mkdir directory
	run -1 "$CONDUCTOR" build $c directory
	assert_equal "$output" "conductor: build: directory: Is a directory"
	assert_no_image
}

@test "build: what COPY brings is root's, whoever has it outside" {
	requires machine_root
	mkdir directory
	touch file directory/file
	chown -R 1234:1235 file directory
	conductorfile 'FROM base' 'COPY file /file' 'COPY directory /directory'
	run -0 build
	run -0 "$CONDUCTOR" run --rm $c $c -- stat -c %u:%g /file /directory/file
	assert_equal "$output" $'0:0\n0:0'
}
