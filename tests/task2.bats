#!/usr/bin/env bats
# Task 2: a container from the command line.
# shellcheck disable=SC2154 # bats's run sets output, stderr and lines
# shellcheck disable=SC2016 # inner shells expand what stands in single quotes
# shellcheck disable=SC2030,SC2031 # each test is a subshell

load helpers
export LC_ALL=C # names are sorted by it

# The whole of simple_container runs once, in setup_file: several tests read what it printed.
setup_file() {
	require_lab
	export WHOLE=$BATS_FILE_TMPDIR/whole HOSTNAME_BEFORE
	HOSTNAME_BEFORE=$(</proc/sys/kernel/hostname)
	favour_this_lab
	"$SIMPLE_CONTAINER" >"$WHOLE" 2>"$WHOLE.errors" || echo $? >"$WHOLE.status"
}

# Half a core can be measured only while nobody takes it away: others who compute on this machine now
# (other suites, for one) are to yield to our lab, as far as its own cgroup can say so.
favour_this_lab() {
	local tree
	if in_lab && tree=$(cgroup_tree cpu) && can_make_cgroup_in "$tree"; then
		# v2's file or v1's, each with the highest weight there is
		{ echo 10000 >"$tree/cpu.weight" || echo 262144 >"$tree/cpu.shares"; } 2>/dev/null || :
	fi
}

setup() {
	snapshot_world
	export TMPDIR=$BATS_TEST_TMPDIR/tmp # for temporary roots: seen when one stays
	mkdir "$TMPDIR" "$BATS_TEST_TMPDIR/here"
	cd "$BATS_TEST_TMPDIR/here" || return
}

teardown() {
	if [ -n "${job:-}" ]; then
		kill -KILL "$job" 2>/dev/null || :
		wait "$job" 2>/dev/null || :
	fi
	cd /
	while [ ${#mounted[@]} -gt 0 ]; do
		umount "${mounted[-1]}"
		unset 'mounted[-1]'
	done
	assert_equal "$(ls "$BATS_TEST_TMPDIR/tmp")" ""
	assert_world_unchanged
}

mounted=()
mount_small() { # DIRECTORY SIZE
	mkdir "$1"
	mount -t tmpfs -o "size=$2" none "$1"
	mounted+=("$PWD/$1")
}

# Built with SANITIZE=1 the probe misses procfs in its root, which is no complaint of ours.
complaints() {
	grep -v '^==[0-9]*==WARNING: reading executable name'
}

# The lines of the whole run under a heading.
section() { # 2a|2b|2c
	awk -v heading="Output Subtask $1" '/^Output Subtask/ { shown = $0 == heading; next } shown && NF' "$WHOLE"
}

number_after() { # TEXT KEY: the first number after KEY
	sed -nE "s/.*$2([0-9.]+).*/\1/p" <<<"$1" | head -n 1
}

compile() { # FILE SOURCE [OPTION...]
	local file=$1 source=$2
	shift 2
	gcc -x c -o "$file" - -x none "$@" <<<"$source"
}

# --- container_prog -----------------------------------------------------------------------------

@test "container_prog subtask1: prints its PID, its child's and the root directory" {
	# The shell prints its own PID, then becomes the program.
	run -0 bash -c 'echo $$; exec "$1" subtask1' - "$CONTAINER_PROG"
	assert_equal "${lines[1]}" "Process PID: ${lines[0]}"
	assert_matches "${lines[2]}" '^Child Process PID: [0-9]+$'
	refute assert_equal "${lines[2]}" "Child Process PID: ${lines[0]}"
	assert_equal "${lines[3]}" "Files in the root directory:"
	assert_equal "$(tail -n +5 <<<"$output")" "$(cd / && printf '  %s\n' *)"
	assert_equal "$(</proc/sys/kernel/hostname)" "$HOSTNAME_BEFORE"
}

@test "container_prog: an unknown subtask is wrong usage" {
	local words
	for words in "" subtask0 subtask4 subtask subtask12 2a "subtask1 subtask2" --help; do
		# shellcheck disable=SC2086 # words
		run -2 --separate-stderr "$CONTAINER_PROG" $words
		assert_equal "$stderr" "container_prog: usage: container_prog subtask1|subtask2|subtask3"
		assert_equal "$output" ""
	done
}

@test "container_prog: output that can't be written makes it fail" {
	local subtask
	for subtask in subtask1 subtask3; do
		run -1 --separate-stderr bash -c '"$1" "$2" >/dev/full' - "$CONTAINER_PROG" $subtask
		assert_equal "$stderr" "container_prog: cannot write to standard output: No space left on device"
	done
}

@test "container_prog subtask2: without the right to set the hostname it says so" {
	requires machine_root setpriv
	run -1 --separate-stderr as_nobody "$CONTAINER_PROG" subtask2
	assert_matches "$stderr" '^container_prog: cannot set the hostname: Operation not permitted \(needs root: '
}

# --- copy_deps: what is needed ------------------------------------------------------------------

@test "copy_deps --list: names what ldd finds" {
	requires ldd
	local program file
	for program in "$CONTAINER_PROG" "$(command -v bash)" "$(command -v ls)" "$(command -v awk)"; do
		run -0 "$COPY_DEPS" --list "$program"
		assert_line "$(realpath "$program")"
		for file in $(ldd "$(realpath "$program")" | grep -o '/[^ ]*'); do
			assert_line "$(realpath "$file")"
		done
	done
}

@test "copy_deps --list: several programs, a name on PATH, each path once, nothing written" {
	run -0 "$COPY_DEPS" --list ls bash ls
	assert_equal "$(sort -u <<<"$output" | wc -l)" "${#lines[@]}"
	assert_line "$(realpath "$(command -v ls)")"
	assert_line "$(realpath "$(command -v bash)")"
	assert_equal "$(ls)" ""
}

@test "copy_deps: the root holds what it printed, byte for byte, and nothing else" {
	local path
	run -0 "$COPY_DEPS" "$CONTAINER_PROG" ls root
	for path in "${lines[@]}"; do
		if [ -L "$path" ]; then
			assert_equal "$(readlink "root$path")" "$(readlink "$path")"
		else
			cmp "$path" "root$path"
			assert_equal "$(stat -c %a "root$path")" "$(stat -c %a "$path")"
		fi
	done
	assert_equal "$(cd root && find . ! -type d | cut -c2- | sort)" "$(sort <<<"$output")"
}

@test "copy_deps: a static program needs itself only" {
	requires gcc
	compile static 'int main(void) { return 3; }' -static
	run -3 "$COPY_DEPS" ./static root -- "$PWD/static"
	assert_equal "$output" "$PWD/static"
}

@test "copy_deps: a script's interpreter comes along, and env's argument" {
	printf '#!/bin/sh\necho "sh $1"\n' >script
	printf '#!/usr/bin/env -S bash -e\necho "bash $1"\n' >env-script
	chmod +x script env-script
	run -0 "$COPY_DEPS" ./script root -- "$PWD/script" "one argument"
	assert_line "sh one argument"
	run -0 "$COPY_DEPS" ./env-script root2 -- "$PWD/env-script" "one argument"
	assert_line "bash one argument"
}

@test "copy_deps: links on the way to a program are kept, absolute and relative" {
	mkdir -p real/bin
	printf '#!/bin/sh\necho "started as $0"\n' >real/bin/program
	chmod +x real/bin/program
	ln -s "$PWD/real" absolute
	ln -s real/bin relative
	ln -s ../../relative/program real/bin/again
	run -0 "$COPY_DEPS" absolute/bin/again root -- "$PWD/absolute/bin/again"
	assert_line "$PWD/absolute"
	assert_line "$PWD/real/bin/again"
	assert_line "$PWD/relative"
	assert_line "$PWD/real/bin/program"
	assert_line "started as $PWD/absolute/bin/again"
}

@test "copy_deps: libraries of a program's own, in a path with a blank" {
	requires gcc
	mkdir 'a lib'
	compile 'a lib/libown.so.1' 'int own(void) { return 5; }' -shared -fPIC -Wl,-soname,libown.so.1
	compile program 'int own(void); int main(void) { return own(); }' "a lib/libown.so.1" "-Wl,-rpath,$PWD/a lib"
	run -5 "$COPY_DEPS" ./program root -- "$PWD/program"
	assert_line "$PWD/a lib/libown.so.1"
}

@test "copy_deps: a missing library is named, and nothing is made" {
	requires gcc
	compile libgone.so.1 'int gone(void) { return 5; }' -shared -fPIC -Wl,-soname,libgone.so.1
	compile program 'int gone(void); int main(void) { return gone(); }' ./libgone.so.1
	rm libgone.so.1
	run -1 --separate-stderr "$COPY_DEPS" "$CONTAINER_PROG" ./program root
	assert_equal "$stderr" "copy_deps: ./program: its library libgone.so.1 is missing or broken"
	refute test -e root
}

@test "copy_deps: a 32-bit program works" {
	requires gcc
	compile program 'int main(void) { return 32; }' -m32 2>/dev/null || skip "gcc can't build 32-bit programs"
	run ./program
	[ "$status" = 32 ] || skip "this kernel runs no 32-bit programs"
	run -32 "$COPY_DEPS" ./program root -- "$PWD/program"
}

@test "copy_deps: a library that is searched for beside the program (\$ORIGIN) is found through a link to it" {
	requires gcc
	mkdir home
	compile home/libown.so 'int own(void) { return 42; }' -shared -fPIC -Wl,-soname,libown.so
	compile home/program 'int own(void); int main(void) { return own(); }' home/libown.so \
		-Wl,--enable-new-dtags '-Wl,-rpath,$ORIGIN'
	ln -s home/program link
	run -42 ./link # the positive control
	run -0 "$COPY_DEPS" --list ./link # not started: in a root without /proc nobody knows $ORIGIN
	assert_line "$PWD/home/libown.so"
}

@test "copy_deps: a program of another C library (musl) works" {
	requires musl-gcc
	echo 'int main(void) { return 42; }' >program.c
	musl-gcc -o program program.c
	run -42 "$COPY_DEPS" ./program root -- "$PWD/program"
	run -0 "$COPY_DEPS" --list ./program
	assert_equal "$(grep -c '/ld-musl-[a-z0-9_]*\.so\.1$' <<<"$output")" 1
}

@test "copy_deps: never runs the program or a constructor in it, nor its loader with LD_PRELOAD" {
	requires gcc
	# Writes down the name of the process that it runs in.
	local write='#include <stdio.h>
		#include <sys/prctl.h>
		__attribute__((constructor)) static void start(void) {
			char name[16];
			FILE *file = fopen("ran", "a");
			prctl(PR_GET_NAME, name);
			fprintf(file, "%s\n", name);
			fclose(file);
		}'
	compile preload.so "$write" -shared -fPIC
	compile program "$write int main(void) { return 0; }"
	LD_PRELOAD=$PWD/preload.so ./program
	assert_equal "$(cat ran)" $'program\nprogram' # the positive control
	rm ran
	run -0 env ASAN_OPTIONS=verify_asan_link_order=0 LD_PRELOAD="$PWD/preload.so" "$COPY_DEPS" ./program root
	assert_equal "$(grep -sv '^copy_deps$' ran)" "" # where copy_deps itself is dynamic (sanitized)
}

@test "copy_deps: a program that has its loader run a library (DT_AUDIT) is refused" {
	requires gcc
	local audit='#include <stdio.h>
		unsigned la_version(unsigned v) { fclose(fopen("ran", "w")); return v; }' kind
	compile audit.so "$audit" -shared -fPIC
	for kind in audit depaudit; do
		compile program 'int main(void) { return 0; }' "-Wl,--$kind=$PWD/audit.so"
		./program
		rm ran # the positive control
		run -1 --separate-stderr "$COPY_DEPS" ./program root
		assert_equal "$stderr" "copy_deps: ./program: it asks for an audit library (DT_AUDIT)"
		refute test -e ran
		refute test -e root
	done
}

# Makes an ELF file in which two segments lie at the same address: what is found there first is the
# dynamic section without its DT_AUDIT, and what the loader maps over it has one.
overlapping='#include <elf.h>
	#include <string.h>
	#include <unistd.h>
	static char file[2][65536];
	int main(void) {
		Elf64_Ehdr *header = (void *)file[0];
		int size = read(0, file[0], sizeof(file[0]));
		Elf64_Phdr *segment = (void *)(file[0] + header->e_phoff), *dynamic = 0, *load = 0, *spare = 0;
		for (int i = 0; i < header->e_phnum; i++) {
			if (segment[i].p_type == PT_DYNAMIC)
				dynamic = &segment[i];
			if (segment[i].p_type == PT_LOAD)
				load = &segment[i];
			if (segment[i].p_type == PT_GNU_EH_FRAME)
				spare = &segment[i];
		}
		if (size < 1 || size >= 65536 || !dynamic || !load || !spare || spare < load)
			return 1;
		*spare = *load;
		memcpy(file[1], file[0], size);
		Elf64_Dyn *entry = (void *)(file[1] + dynamic->p_offset);
		for (; entry->d_tag != DT_NULL; entry++)
			if (entry->d_tag == DT_AUDIT)
				entry->d_tag = DT_DEBUG;
		load->p_offset += sizeof(file[0]);
		return write(1, file, sizeof(file)) != sizeof(file);
	}'

@test "copy_deps: a program that hides its audit library below another segment is refused" {
	requires gcc
	[ "$(getconf LONG_BIT)" = 64 ] || skip "made for programs of 64 bits"
	compile audit.so '#include <stdio.h>
		unsigned la_version(unsigned v) { fclose(fopen("ran", "w")); return v; }' -shared -fPIC
	compile overlapping "$overlapping"
	compile plain 'int main(void) { return 0; }' -pie -fPIE -s -Wl,-z,noseparate-code,-z,norelro \
		"-Wl,--audit=$PWD/audit.so"
	./overlapping <plain >program
	chmod +x program
	./program
	rm ran # the positive control
	run -1 --separate-stderr "$COPY_DEPS" ./program root
	assert_equal "$stderr" "copy_deps: ./program: its PT_LOADs are broken"
	refute test -e ran
	refute test -e root
}

@test "copy_deps: a program that wants to lie where its loader may be is refused" {
	requires gcc
	compile program 'int main(void) { return 0; }' -no-pie -Wl,-Ttext-segment=0x40000000 2>/dev/null ||
		skip "gcc can't place programs"
	./program # the positive control
	run -1 --separate-stderr "$COPY_DEPS" ./program root
	assert_equal "$stderr" "copy_deps: ./program: it wants an address where its loader may be"
	refute test -e root
}

@test "copy_deps: a loader that isn't the machine's own is not run" {
	requires gcc
	printf '#!/bin/sh\ntouch %s/ran\n' "$PWD" >ld-own.so
	chmod +x ld-own.so
	compile program 'int main(void) { return 0; }' "-Wl,--dynamic-linker=$PWD/ld-own.so"
	run -1 --separate-stderr "$COPY_DEPS" ./program root
	assert_equal "$stderr" "copy_deps: ./program: its loader $PWD/ld-own.so is not one of this machine's own"
	refute test -e ran
	refute test -e root
}

# --- copy_deps: bad input -----------------------------------------------------------------------

@test "copy_deps: what is no program is refused with the reason, and nothing is made" {
	local program reason
	echo text >text
	echo text >text.x
	: >empty.x
	printf '#!/no/such/interpreter\n' >lost.x
	printf '#!/usr/bin/env no-such-interpreter\n' >lost-env.x
	printf '#!relative\n' >relative.x
	printf '#!%s/self.x\n' "$PWD" >self.x
	head -c 70 "$CONTAINER_PROG" >cut.x
	head -c 20 "$CONTAINER_PROG" >shorter.x
	mkfifo fifo.x
	ln -s loop.x loop.x
	chmod +x ./*.x 2>/dev/null || :
	while IFS=: read -r program reason; do
		run -1 --separate-stderr timeout 10 "$COPY_DEPS" "$CONTAINER_PROG" "$program" root
		assert_contains "$stderr" "copy_deps: $program: $reason"
		assert_equal "$(wc -l <<<"$stderr")" 1
		assert_equal "$output" ""
		refute test -e root
	done <<-'CASES'
		no-such-program:no such program on PATH
		./no-such-program:No such file or directory
		:no such program on PATH
		..:no such program on PATH
		./:is a directory
		/:is a directory
		text:no such program on PATH
		./text:is not executable
		./text.x:is neither an ELF program nor a script with #!
		./empty.x:is neither an ELF program nor a script with #!
		./lost.x:its interpreter /no/such/interpreter: No such file or directory
		./lost-env.x:its interpreter no-such-interpreter is missing
		./relative.x:its #! line names no absolute path
		./self.x:its interpreter
		./cut.x:its program headers are cut short
		./shorter.x:its ELF header is cut short
		./fifo.x:is not a regular file
		./loop.x:Too many levels of symbolic links
		/dev/null:is not a regular file
		/etc/passwd:is not executable
	CASES
}

@test "copy_deps: a program that may not be read is refused" {
	requires machine_root setpriv
	printf '#!/bin/sh\n' >/run/secret
	chmod 711 /run/secret
	run -1 --separate-stderr as_nobody "$COPY_DEPS" --list /run/secret
	rm /run/secret
	assert_equal "$stderr" "copy_deps: /run/secret: Permission denied"
}

@test "copy_deps: wrong usage" {
	local words
	for words in "" ls "--list" "--list ls -- ls" "ls root --" "--unknown ls root" "-- ls" "ls -- ls"; do
		# shellcheck disable=SC2086 # words
		run -2 --separate-stderr "$COPY_DEPS" $words
		assert_matches "$stderr" '^copy_deps: .*\(usage: copy_deps PROGRAM\.\.\. ROOT .*\)$'
		assert_equal "$(wc -l <<<"$stderr")" 1
		assert_equal "$output" ""
	done
	run -0 "$COPY_DEPS" --help
	refute test -e root
}

# --- copy_deps: the root directory --------------------------------------------------------------

@test "copy_deps: adds to a root that holds something already" {
	"$COPY_DEPS" ls root >/dev/null
	echo mine >root/mine
	"$COPY_DEPS" ls "$CONTAINER_PROG" root >/dev/null
	assert_equal "$(<root/mine)" mine
	run -0 "$COPY_DEPS" ls root -- ls /
	assert_line mine
}

@test "copy_deps: a link in the root never leads it outside" {
	local first
	first=$(cut -d/ -f2 <<<"$PWD")
	mkdir root outside
	ln -s "$PWD/outside" "root/$first"
	printf '#!/bin/sh\n' >script
	chmod +x script
	run -1 --separate-stderr "$COPY_DEPS" ./script root
	assert_equal "$stderr" "copy_deps: root: cannot copy $PWD/script: Not a directory"
	assert_equal "$(ls outside)" ""
	assert_equal "$(ls root)" "$first"
}

@test "copy_deps: a root in which the copy would be the file itself is refused" {
	requires gcc
	local before
	compile program 'int main(void) { return 0; }' -static
	before=$(stat -c '%i %Y %s' program)
	run -1 --separate-stderr "$COPY_DEPS" ./program /
	assert_equal "$stderr" "copy_deps: /: cannot copy $PWD/program: File exists (it is the file itself)"
	assert_equal "$(stat -c '%i %Y %s' program)" "$before"
}

@test "copy_deps: when there is no room it says where, and nothing is left" {
	mount_small small 64k
	run -1 --separate-stderr "$COPY_DEPS" bash small/root
	assert_matches "$stderr" '^copy_deps: small/root: cannot copy /.*: No space left on device$'
	assert_equal "$(ls -A small)" ""
	echo mine >small/mine
	run -1 --separate-stderr "$COPY_DEPS" bash small
	assert_equal "$(ls -A small)" mine
}

@test "copy_deps: a root that can't be made or isn't a directory is refused" {
	echo text >file
	run -1 --separate-stderr "$COPY_DEPS" ls file
	assert_equal "$stderr" "copy_deps: file: cannot open or make the directory: Not a directory"
	run -1 --separate-stderr "$COPY_DEPS" ls no/such/place
	assert_equal "$stderr" "copy_deps: no/such/place: cannot open or make the directory: No such file or directory"
	assert_equal "$(<file)" text
}

# --- copy_deps: the command ---------------------------------------------------------------------

@test "copy_deps -- COMMAND: runs it with ROOT as its root, in it, and with no other descriptor" {
	mkfifo gate
	exec 9<>gate
	"$COPY_DEPS" sh root -- sh -c 'read -r x; exit 7' <gate >out 8</ 3>&- &
	job=$!
	wait_until 10 grep -qx sh "/proc/$job/comm"
	assert_equal "$(readlink "/proc/$job/root")" "$PWD/root"
	assert_equal "$(readlink "/proc/$job/cwd")" "$PWD/root"
	assert_equal "$(find "/proc/$job/fd" -type l -printf '%f\n' | sort | xargs)" "0 1 2"
	echo go >&9
	await "$job"
	assert_equal "$status" 7
	exec 9>&-
}

@test "copy_deps -- COMMAND: arguments arrive untouched, the exit status comes back" {
	run -0 "$COPY_DEPS" sh root -- sh -c 'printf "<%s>" "$@"' - "two words" '' '*' '$x' -- --list
	assert_line "<two words><><*><\$x><--><--list>"
	run -137 "$COPY_DEPS" sh root -- sh -c 'kill -9 $$'
	run -127 --separate-stderr "$COPY_DEPS" sh root -- no-such-command
	assert_equal "$stderr" "copy_deps: root: cannot run no-such-command: No such file or directory"
	run -126 --separate-stderr "$COPY_DEPS" sh root -- /usr
	assert_equal "$stderr" "copy_deps: root: cannot run /usr: Permission denied"
}

@test "copy_deps -- COMMAND: an ordinary user is told of sudo and of the lab" {
	requires machine_root setpriv
	local root
	root=/run/$(random_name)
	install -d -o 65534 "$root"
	run -1 --separate-stderr as_nobody "$COPY_DEPS" sh "$root" -- sh -c true
	rm -r "$root"
	assert_equal "$stderr" "copy_deps: $root: cannot chroot: Operation not permitted (needs root: try sudo, or run it inside tests/lab/lab, which needs none)"
}

# --- simple_container: the three subtasks -------------------------------------------------------

@test "simple_container: runs the three subtasks in order, without a complaint" {
	refute test -e "$WHOLE.status"
	assert_equal "$(complaints <"$WHOLE.errors")" ""
	assert_equal "$(grep '^Output' "$WHOLE" | xargs)" "Output Subtask 2a Output Subtask 2b Output Subtask 2c"
	assert_matches "$(head -n 1 "$WHOLE")" '^Container root: /.*/container_root\.[^/]* \([0-9]+ files and links copied\)$'
	refute test -e "$(sed -nE '1s/Container root: (.*) \(.*/\1/p' "$WHOLE")"
}

@test "simple_container 2a: the probe sees a root directory with nothing but its own files" {
	run -0 section 2a
	assert_matches "$output" '^Process PID: [0-9]+'
	refute_line "Process PID: 1"
	"$COPY_DEPS" "$CONTAINER_PROG" root >/dev/null
	assert_equal "$(sed -n '/^  /p' <<<"$output")" "$(cd root && printf '  %s\n' *)"
}

@test "simple_container 2b: the probe is PID 1, its child PID 2, its hostname its own" {
	run -0 section 2b
	assert_line "Process PID: 1"
	assert_line "Child Process PID: 2"
	assert_line "Hostname within container: new_hostname"
	assert_line "Hostname of the host: $HOSTNAME_BEFORE"
	assert_equal "$(</proc/sys/kernel/hostname)" "$HOSTNAME_BEFORE"
	assert_number_between "$(number_after "$output" 'Time Taken: ')" 2250 20000
}

@test "simple_container 2c: the kernel counts half a core over three whole periods or more" {
	requires cgroup_cpu
	run -0 section 2c
	assert_number_between "$(number_after "$output" 'Share of one core: ')" 0.45 0.55
	assert_number_between "$(number_after "$output" '\(in ')" 3 100
	assert_number_between "$(number_after "$output" 'nr_throttled = ')" 3 100
	assert_number_between "$(number_after "$output" 'CPU time used: ')" 2200 2600
}

@test "simple_container 2c: the benchmark takes about twice as long as in 2b, with the same checksum" {
	requires cgroup_cpu
	local free limited
	free=$(number_after "$(section 2b)" 'Time Taken: ')
	# A machine that had more to do than one core's worth: what the limit is compared with is the
	# benchmark on a free core.
	for _ in 1 2 3; do
		[ "$free" -gt 2600 ] || break
		run -0 "$SIMPLE_CONTAINER" 2b
		free=$(number_after "$output" 'Time Taken: ')
	done
	limited=$(number_after "$(section 2c)" 'Time Taken: ')
	assert_number_between "$((limited * 100 / free))" 160 240
	assert_equal "$(section 2c | grep Checksum)" "$(section 2b | grep Checksum)"
	assert_matches "$(section 2c | grep Checksum)" '^Checksum: [0-9a-f]{8}$'
}

@test "simple_container 2c: says which limit the kernel has, and where that isn't cgroup v2" {
	requires cgroup_cpu
	run -0 section 2c
	if grep -qsw cpu "$(cgroup_tree cpu)/cgroup.controllers"; then
		assert_line "Limit (cgroup v2): cpu.max = 500000 1000000"
	else
		assert_line "Limit (cgroup v1, as v2 has no cpu controller here): cpu.cfs_quota_us = 500000, cpu.cfs_period_us = 1000000"
	fi
}

# --- simple_container: as the kernel sees it ----------------------------------------------------

# Starts a container that sleeps. Sets job, simple_container's PID, and inner, the sleeper's.
start_sleeping() { # [ARGUMENT...]
	# A shell without job control has its background jobs ignore Ctrl-C: undone.
	env --default-signal=INT,QUIT "$SIMPLE_CONTAINER" "$@" -- sleep 1000 >out 2>errors 3>&- &
	job=$!
	wait_until 10 find_sleeper
}

find_sleeper() {
	inner=$(awk -v parent="$job" '/^Name:/ { name = $2 } /^Pid:/ { pid = $2 }
		/^PPid:/ && $2 == parent && name == "sleep" { print pid }' /proc/[0-9]*/status 2>/dev/null)
	[ -n "$inner" ]
}

same_namespace() { # KIND
	[ "$(readlink "/proc/$inner/ns/$1")" = "$(readlink "/proc/self/ns/$1")" ]
}

# Ends it by a signal; everything must be gone when simple_container is.
stop_sleeping() { # [SIGNAL NUMBER]
	local sleeper=$inner
	kill -"${1:-TERM}" "$job"
	await "$job"
	job=
	assert_equal "$status" $((128 + ${2:-15}))
	assert_equal "$(<errors)" ""
	refute test -e "/proc/$sleeper"
	assert_equal "$(ls "$TMPDIR")" ""
	assert_equal "$(world_cgroups)" "$(<"$WORLD_BEFORE/cgroups")"
}

@test "simple_container 2a: another root, the same namespaces" {
	local kind
	start_sleeping 2a
	for kind in cgroup ipc mnt net pid user uts; do
		same_namespace "$kind"
	done
	assert_matches "$(readlink "/proc/$inner/root")" "^$TMPDIR/container_root\."
	assert_equal "$(readlink "/proc/$inner/cwd")" "$(readlink "/proc/$inner/root")"
	assert_equal "$(find "/proc/$inner/fd" -type l -printf '%f\n' | sort | xargs)" "0 1 2"
	stop_sleeping
}

@test "simple_container 2b: new PID and UTS namespaces, and no others" {
	local kind
	start_sleeping 2b
	for kind in cgroup ipc mnt net user; do
		same_namespace "$kind"
	done
	for kind in pid uts; do
		refute same_namespace "$kind"
	done
	assert_equal "$(awk '/^NSpid:/ { print $NF }' "/proc/$inner/status")" 1
	stop_sleeping
}

# The directory of the cgroup that limits the sleeper.
sleepers_cgroup() {
	local tree path
	tree=$(cgroup_tree cpu)
	path=$(awk -F: -v v2="$(test -e "$tree/cgroup.controllers" && echo yes)" \
		'v2 ? $1 == 0 : $2 ~ /(^|,)cpu(,|$)/ { print $3 }' "/proc/$inner/cgroup")
	echo "$tree$path"
}

@test "simple_container 2c: it is in a cgroup of its own, with the limit in the kernel's file" {
	requires cgroup_cpu
	local directory cpus quota
	while read -r cpus quota; do
		# shellcheck disable=SC2086 # words
		start_sleeping 2c ${cpus:+--cpus $cpus}
		refute same_namespace pid
		directory=$(sleepers_cgroup)
		assert_equal "$(<"$directory/cgroup.procs")" "$inner"
		if [ -e "$directory/cpu.max" ]; then
			assert_equal "$(<"$directory/cpu.max")" "$quota 1000000"
		else
			assert_equal "$(<"$directory/cpu.cfs_quota_us") $(<"$directory/cpu.cfs_period_us")" "$quota 1000000"
		fi
		stop_sleeping
		refute test -e "$directory"
	done <<-CASES
		0.5 500000
		0.25 250000
		1.5 1500000
	CASES
}

can_limit() {
	local tree
	tree=$(cgroup_tree cpu) && can_make_cgroup_in "$tree"
}

@test "simple_container: Ctrl-C and its like leave nothing: no process, no cgroup, no root" {
	local subtask signal number
	for subtask in 2a 2b 2c; do
		[ $subtask != 2c ] || can_limit || continue
		while read -r signal number; do
			start_sleeping $subtask
			stop_sleeping "$signal" "$number"
		done <<-SIGNALS
			INT 2
			TERM 15
			HUP 1
			QUIT 3
		SIGNALS
	done
}

@test "simple_container: a signal that its caller ignores (nohup) doesn't end it" {
	env --ignore-signal=HUP "$SIMPLE_CONTAINER" 2b -- sleep 1000 >out 2>errors 3>&- &
	job=$!
	wait_until 10 find_sleeper
	kill -HUP "$job"
	stop_sleeping # of two signals the first counts
}

@test "simple_container: what the command has started ends with it" {
	mkfifo alive
	"$SIMPLE_CONTAINER" 2b -- sh -c 'read -r x <"$1" & exit 3' - /nowhere >out 3>&- || assert_equal $? 3
	# teardown sees to it that no process is left
}

@test "simple_container: killed, it takes the container along" {
	requires cgroup_cpu
	start_sleeping 2c
	local directory
	directory=$(sleepers_cgroup)
	kill -KILL "$job"
	await "$job"
	job=
	wait_until 5 refute test -e "/proc/$inner"
	# Of itself, killed in this way, a program can remove nothing more.
	rm -r "$TMPDIR"/container_root.*
	wait_until 5 rmdir "$directory"
	find "$(cgroup_tree cpuacct)" -mindepth 1 -name "$(basename "$directory")" -exec rmdir {} + 2>/dev/null || :
}

# --- simple_container: root and command ---------------------------------------------------------

@test "simple_container ROOT: is made if it is missing, filled, and kept" {
	run -0 "$SIMPLE_CONTAINER" 2a root
	assert_equal "${lines[0]}" "Container root: root ($(find root ! -type d | wc -l) files and links copied)"
	run -0 "$COPY_DEPS" --list "$CONTAINER_PROG"
	assert_equal "$(cd root && find . ! -type d | cut -c2- | sort)" "$(sort <<<"$output")"
}

@test "simple_container ROOT: one that isn't empty is refused and left alone" {
	mkdir root
	echo mine >root/.mine
	run -1 --separate-stderr "$SIMPLE_CONTAINER" 2a root
	assert_equal "$stderr" "simple_container: root: is not empty (give a new or an empty directory)"
	assert_equal "$output" ""
	assert_equal "$(ls -A root)" .mine
	rm root/.mine
	run -0 "$SIMPLE_CONTAINER" 2a root
	run -1 "$SIMPLE_CONTAINER" 2a root
}

@test "simple_container ROOT: when there is no room it says where, and nothing is left" {
	mount_small small 64k
	run -1 --separate-stderr "$SIMPLE_CONTAINER" 2a small/root
	assert_matches "$stderr" '^simple_container: small/root: cannot copy /.*: No space left on device$'
	assert_equal "$(ls -A small)" ""
	TMPDIR=$PWD/small run -1 --separate-stderr "$SIMPLE_CONTAINER" 2a
	assert_matches "$stderr" '^simple_container: .*/small/container_root\.[^/]*: cannot copy /.*: No space left on device$'
	assert_equal "$(ls -A small)" ""
}

@test "simple_container -- COMMAND: arguments arrive untouched, the exit status comes back" {
	local subtask
	for subtask in 2a 2b; do
		run -7 --separate-stderr "$SIMPLE_CONTAINER" $subtask "root.$subtask" -- \
			sh -c 'printf "<%s>" "$PWD" "$@"; exit 7' - "two words" '' '*' '$x' -- 2c --cpus
		assert_equal "${lines[-1]}" '</><two words><><*><$x><--><2c><--cpus>'
		assert_equal "$stderr" ""
	done
	run -143 "$SIMPLE_CONTAINER" 2a -- sh -c 'kill $$'
}

@test "simple_container -- COMMAND: the first subtask that fails is the last" {
	run -7 "$SIMPLE_CONTAINER" -- sh -c 'echo "I am $$"; exit 7'
	assert_contains "$output" "Output Subtask 2a"
	refute_contains "$output" "Output Subtask 2b"
}

@test "simple_container -- COMMAND: one that can't be run is told, and nothing is made" {
	echo text >text
	run -1 --separate-stderr "$SIMPLE_CONTAINER" root -- no-such-command
	assert_equal "$stderr" "simple_container: no-such-command: cannot find it: No such file or directory"
	run -1 --separate-stderr "$SIMPLE_CONTAINER" root -- ./text
	assert_equal "$stderr" "simple_container: $PWD/text: is not executable"
	run -1 --separate-stderr "$SIMPLE_CONTAINER" root -- /usr
	assert_equal "$stderr" "simple_container: /usr: is a directory"
	refute test -e root
}

@test "simple_container ROOT: on a file system without programs (noexec) it says what to do" {
	mount_small small 16m,noexec
	run -126 --separate-stderr "$SIMPLE_CONTAINER" 2b small/root -- true
	assert_matches "$stderr" '^simple_container: 2b: cannot run /.*/true: Permission denied \(is it on a file system mounted noexec\? then name another ROOT\)$'
}

@test "simple_container 2c -- COMMAND: one that is done within a period isn't given a share" {
	requires cgroup_cpu
	run -3 "$SIMPLE_CONTAINER" 2c -- sh -c 'exit 3'
	assert_contains "$output" "Share of one core: not measured"
	assert_contains "$output" "nr_throttled = 0"
}

# --- simple_container: privilege and usage ------------------------------------------------------

@test "simple_container: where no cgroup may be made 2c says why and is skipped; alone it fails" {
	local prefix=()
	# Root may make them, unless the tree is read-only: in a mount namespace of our own.
	if can_limit; then
		requires unshare
		prefix=(unshare --mount sh -c 'mount -o remount,bind,ro "$0" && exec "$@"' "$(cgroup_tree cpu)")
	fi
	run -0 --separate-stderr "${prefix[@]}" "$SIMPLE_CONTAINER" -- true
	assert_equal "${lines[-2]}" "Output Subtask 2c"
	assert_matches "${lines[-1]}" '^Skipped: (cannot make a cgroup in /.*: (Read-only file system|Permission denied) \(.*\)|no cgroup tree here has the cpu controller)$'
	assert_equal "$stderr" ""
	run -1 --separate-stderr "${prefix[@]}" "$SIMPLE_CONTAINER" 2c -- true
	assert_matches "$stderr" '^simple_container: 2c: (cannot make a cgroup in /|no cgroup tree here)'
}

@test "simple_container: an ordinary user is told of sudo and of the lab, and nothing is left" {
	requires machine_root setpriv
	local subtask what directory
	directory=/run/$(random_name)
	install -d -o 65534 "$directory"
	while read -r subtask what; do
		TMPDIR=$directory run -1 --separate-stderr as_nobody "$SIMPLE_CONTAINER" "$subtask" -- true
		assert_matches "$stderr" "^simple_container: $subtask: cannot $what.*: Operation not permitted \\(needs root: try sudo, or run it inside tests/lab/lab, which needs none\\)\$"
	done <<-CASES
		2a chroot to $directory/container_root.
		2b clone
	CASES
	assert_equal "$(ls "$directory")" ""
	rm -r "$directory"
}

@test "simple_container: wrong usage" {
	local words
	for words in 2d\ x "a b" "2a 2b root" --cpus "--cpus 0" "--cpus -1" "--cpus x" "--cpus 0.0001" \
		"--cpus 2000" "--unknown" "2a root --" "--"; do
		# shellcheck disable=SC2086 # words
		run -2 --separate-stderr "$SIMPLE_CONTAINER" $words
		assert_matches "$stderr" '^simple_container: .*\(usage: simple_container \[2a'
		assert_equal "$(wc -l <<<"$stderr")" 1
		assert_equal "$output" ""
	done
	assert_equal "$(ls)" ""
	run -0 "$SIMPLE_CONTAINER" --help
}

@test "simple_container: output that can't be written makes it fail, and leaves nothing" {
	run -1 --separate-stderr bash -c '"$1" 2a >/dev/full' - "$SIMPLE_CONTAINER"
	assert_equal "$(complaints <<<"$stderr")" \
		"simple_container: 2a: cannot write to standard output: No space left on device"
}

@test "simple_container: a reader that goes away (| head) makes it end, and leave nothing" {
	mkfifo gate
	exec 9<>gate
	# The reader is gone before 2a ends: the heading of 2b has nowhere to go.
	run -0 bash -c '"$1" -- sh -c "read -r x" <gate | { read -r x; exec 0<&-; echo go >&9; }
		echo "${PIPESTATUS[0]} $x"' - "$SIMPLE_CONTAINER"
	assert_equal "${lines[-1]}" "1 "
}

# --- the lesson ---------------------------------------------------------------------------------

# Replaces what differs from run to run: the tree's place, PIDs but 1 and 2, and measurements.
# The list of the root directory goes: it shows where the tree is, too.
anonymous() {
	sed -E -e "s,^$TOP/,/srv/course/," -e '/^  /d' \
		-e 's/(Process PID: )([3-9]|[0-9]{2,})$/\1N/' -e 's/(Limit \(cgroup v).*/\1/' \
		-e 's/^(Time Taken: ).*/\1N ms/; s/^(Share of one core: ).*/\1N/' \
		-e 's/^(CPU time used: ).*/\1N ms/; s/nr_periods.*/N/; s/^(Container root: ).*/\1N/'
}

@test "README of task 2: a program alone in its root doesn't start, and the message is as misleading" {
	mkdir root
	cp /bin/ls root
	run -127 chroot root /ls
	assert_equal "$output" \
		"$(transcript task2/README.md 'mkdir root && cp /bin/ls root && sudo chroot root /ls')"
}

@test "README of task 2: copy_deps lists the files that it shows" {
	[ "$(uname -m)" = x86_64 ] || skip "the lesson's paths are those of an x86-64 machine"
	local path shown=()
	while read -r path; do
		path=${path/#\/srv\/course\/task2\/container_prog/$CONTAINER_PROG}
		[ -L "$path" ] || shown+=("$path")
	done < <(transcript task2/README.md 'task2/copy_deps --list task2/container_prog')
	run -0 "$COPY_DEPS" --list "$CONTAINER_PROG"
	for path in "${shown[@]}"; do
		assert_line "$path"
	done
	assert_equal "${#shown[@]}" 3
}

@test "README of task 2: simple_container prints what it shows" {
	requires cgroup_cpu
	assert_equal "$(anonymous <"$WHOLE")" \
		"$(transcript task2/README.md 'sudo tests/lab/lab task2/simple_container' | anonymous)"
}

@test "README of task 2: the first exercise's command runs after what came before it, and once more" {
	local command
	command=$(sed -n '/^## Break it/,/^## Check/s/^1\..*`simple_container \(2a.*\)`.*/\1/p' "$TOP/task2/README.md")
	mkdir root
	cp /bin/ls root
	for _ in 1 2; do
		run -0 --separate-stderr bash -c "'$SIMPLE_CONTAINER' $command"
		assert_line "Output Subtask 2a"
		refute_line etc
	done
}
