# What the machines of tests/vm have in common: a root that is packed once, QEMU, and the counts.
# shellcheck shell=bash
# Sourced by tests/vm/run. A file in tests/vm/machines sets title, one line, and words, an extended regex
# for those that may follow its name (all, where it is empty), and defines
#     machine [SUITE...]       boots, and prints what its machine printed (results.log)
#     look_around COMMAND...   runs a command there as root
# It finds $work, a directory of its own below build/vm, of which new.* are removed at the end of a run
# that is interrupted, and the functions below.
work=${work:-} # set by run_machine
qemu=() append_more=''
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
vm=$top/build/vm
PATH=$PATH:/usr/sbin:/sbin # depmod
export PATH

fail() {
	echo "tests/vm/run: $*" >&2
	echo "0 passed, 1 failed, 0 skipped"
	exit 1
}

require() { # COMMAND PACKAGE
	command -v "$1" >/dev/null || missing+=("$2")
}

check_machine() {
	local missing=()
	[ "$(uname -m)" = x86_64 ] || fail "only for x86-64: the machines are made from this one's files"
	require qemu-system-x86_64 qemu-system-x86
	require depmod kmod
	require cpio cpio
	require bats bats
	require apt-get apt
	[ ${#missing[@]} -eq 0 ] || fail "missing (try: sudo apt-get install ${missing[*]})"
	mkdir -p "$vm"
}

# A kernel's directory (tests/vm/kernel), by the name of its package or the current one.
kernel() { # [PACKAGE]
	local package=${1:-${VM_KERNEL:-}}
	VM_KERNEL=$package "$top/tests/vm/kernel" "$vm" || fail "no kernel ${package:-for the machine}"
}

# The files become root's in the archive, whoever packs it. The directory itself stays out: it is a
# temporary one that only its owner may enter, and the machine's / would be so, too.
pack() { # DIRECTORY: prints a cpio archive
	(cd "$1" && find . -mindepth 1 -print0 | cpio --quiet -0 -o -H newc -R 0:0)
}

# Prints the archive of a root for this kernel, without the course: made anew when anything that it is
# made of has changed. Two machines may want it at once, so it is there whole or not at all.
base_root() { # KERNEL
	local key archive new
	key=$({ cat "$top/tests/vm/userland" "$top/tests/vm/init"; echo "$1"; dpkg-query -W; } |
		sha256sum | cut -c 1-16)
	archive=$vm/base-$(basename "$1")-$key.cpio
	if [ ! -f "$archive" ]; then
		new=$(mktemp -d "$work/new.XXXXXX")
		"$top/tests/vm/userland" "$new/root" "$1" >&2 && pack "$new/root" >"$new/cpio" &&
			rm -f "$vm/base-$(basename "$1")"-*.cpio && mv "$new/cpio" "$archive"
		rm -rf "$new"
	fi
	[ -f "$archive" ] || fail "cannot assemble the machine's root"
	echo "$archive"
}

# This tree with its built programs, as /course. build/ and .git are left out.
course() { # prints the archive
	local new
	new=$(mktemp -d "$work/new.XXXXXX")
	mkdir "$new/course"
	tar -C "$top" -c --exclude=./build --exclude=./.git . | tar -C "$new/course" -x --no-same-owner
	chmod -R u+rwX,go+rX "$new/course"
	pack "$new" >"$work/course.cpio"
	rm -rf "$new"
	echo "$work/course.cpio"
}

# What the machine is to do: a script for tests/vm/init, which sources it.
job() { # prints the archive of standard input as /job
	local new
	new=$(mktemp -d "$work/new.XXXXXX")
	cat >"$new/job"
	pack "$new" >"$work/job.cpio"
	rm -rf "$new"
	echo "$work/job.cpio"
}

# An old CPU model, since emulating the vectors of new ones costs twice the time; with rdrand, or the
# first to ask for random numbers waits a second. The emulated TSC is the host's, and reading it is
# no way out to QEMU as reading the HPET is; the kernel only can't know that it is reliable.
# Archives that follow one another are one root to the kernel. A machine may add to
# qemu, an array of options, and to append_more, words for the kernel.
boot() { # SECONDS KERNEL ARCHIVE...: prints what comes over the port; console.log is what the kernel says
	local deadline=${VM_DEADLINE:-$1} kernel=$2 try status
	shift 2
	cat "$@" >"$work/initramfs"
	for try in 1 2 3; do
		emulate "$deadline" "$kernel"
		status=$?
		died_of_emulation || break
		echo "QEMU's emulation ended the kernel while it booted (boot $try)"
	done
	rm -f "$work/initramfs"
	[ $status != 124 ] || echo "not ok the machine was not done after $deadline seconds"
	return $status
}

emulate() { # SECONDS KERNEL
	local append='console=ttyS0 panic=-1 no_timer_check quiet loglevel=4 mitigations=off tsc=reliable clocksource=tsc'
	timeout --foreground --kill-after=10 "$1" qemu-system-x86_64 \
		-machine q35 -accel tcg,thread=multi -cpu Nehalem,rdrand=on -smp 2 -m 3072 -no-reboot \
		-display none -nodefaults -nic none \
		-kernel "$2"/boot/vmlinuz-* -initrd "$work/initramfs" -append "$append $append_more" \
		-serial "file:$work/console.log" \
		-device virtio-serial-pci -chardev file,path=/dev/stdout,id=results \
		-device virtserialport,chardev=results,name=results "${qemu[@]}" </dev/null
}

# The kernel patches its code by way of a breakpoint, which one emulated processor may still see when
# the other has taken it away: an oops for int3. Once in some dozens of boots, in the first seconds.
died_of_emulation() {
	grep -aqE '^\[ {2,}[0-9]{1,2}\.[0-9]+\] Oops: int3' "$work/console.log"
}

# Boots the usual root with the course in it, to do what standard input says.
boot_course() { # SECONDS [KERNEL-PACKAGE]
	local kernel base
	kernel=$(kernel "${2:-}") && base=$(base_root "$kernel") || exit
	echo "Booting $(basename "$kernel")"
	boot "$1" "$kernel" "$base" "$(course)" "$(job)"
}

# After boot: a machine that never said that it is done shows why, as far as its console knows.
check_done() { # LOG
	if [ "$(tail -n 1 "$1")" != "vm: done" ]; then
		echo "not ok the machine ended before its suites did; its console says last:"
		tail -n 30 "$work/console.log" | sed 's/^/    /'
	fi
}

look_around() { # COMMAND...
	printf '%q ' "$@" | boot_course 3600
}

# Sums the sections; a log whose machine never said that it is done is a failure more.
print_total() { # LOG...
	awk 'FNR == 1 { logs++ }
		/^vm: section / { sub(/^.*: /, ""); passed += $1; failed += $3; skipped += $5 }
		$0 == "vm: done" { done++ }
		END {
			if (done < logs || logs == 0) failed++
			printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped
			exit failed > 0 || passed == 0
		}' "$@"
}
