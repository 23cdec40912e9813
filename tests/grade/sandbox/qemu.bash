# shellcheck shell=bash
# shellcheck disable=SC2154 # set in sandbox/vm: memory, work, errors
# The grader's machine in QEMU: started, spoken with, snapshotted and restored. Part of sandbox/vm, which has
#   memory   megabytes of the machine's memory
#   work     a directory for what a running machine needs (prepare_work makes it)
#   errors   a file for QEMU's own words
# and fail, which ends it all. A machine's channel is in $from and $to; guest says what goes over it.

# --- QEMU ---------------------------------------------------------------------------------------

# A processor that can't do it may have the device all the same, as in another virtual machine.
has_kvm() {
	[ "${VM_ACCEL:-}" != tcg ] && [ -w /dev/kvm ] && grep -qE '^flags.* (vmx|svm)( |$)' /proc/cpuinfo
}

# What a snapshot depends on.
snapshot_version() { # ACCELERATOR
	qemu-system-x86_64 --version | head -n 1
	[ "$1" = tcg ] || grep -m 1 '^model name' /proc/cpuinfo
}

# An old CPU model, since emulating the vectors of new ones costs twice the time; with rdrand, or the
# first to ask for random numbers waits a second. The emulated TSC is the host's, and reading it is
# no way out to QEMU as reading the HPET is; the kernel only can't know that it is reliable.
qemu() { # ACCELERATOR DIRECTORY DEADLINE [OPTION...]: the channel is its standard input and output
	local accel=$1 dir=$2 deadline=$3 cpu=Nehalem,rdrand=on console=null
	shift 3
	[ -z "${VM_CONSOLE:-}" ] || console=file:$VM_CONSOLE
	[ "$accel" = kvm ] && cpu=host || accel=tcg,thread=multi
	cd "${work:-/}" || return
	exec timeout --kill-after=5 "$deadline" qemu-system-x86_64 \
		-machine q35 -accel "$accel" -cpu "$cpu" -smp 2 -m "$memory" -no-reboot \
		-display none -nodefaults -nic none -kernel "$dir/vmlinuz" -initrd "$dir/initramfs" \
		-append 'console=ttyS0 panic=-1 quiet loglevel=4 mitigations=off tsc=reliable clocksource=tsc' \
		-drive "file=$dir/debian.img,if=none,id=debian,format=raw,readonly=on,file.locking=off" \
		-device virtio-blk-pci,drive=debian \
		-drive "file=$dir/judge.img,if=none,id=judge,format=raw,readonly=on,file.locking=off" \
		-device virtio-blk-pci,drive=judge \
		-device virtio-serial-pci -chardev stdio,signal=off,id=channel \
		-device virtserialport,chardev=channel,name=grade -serial "$console" "$@"
}

# Bash has a coprocess's descriptors closed in every subshell; these it leaves alone.
connect() {
	exec {from}<&"${machine[0]}" {to}>&"${machine[1]}"
}

# hear WORD SECONDS: reads a line from the machine that must begin with WORD; it is in $line, and in
# $heard what read made of it: more than 128 when the seconds were over. A machine in strange hands
# may send anything, and as much.
hear() {
	IFS= read -r -n 200 -t "$2" line <&"$from"
	heard=$?
	[ $heard = 0 ] && [ "${line%% *}" = "$1" ]
}

stop_machine() {
	[ -z "${sender:-}" ] || kill "$sender" 2>/dev/null
	[ -z "${machine_PID:-}" ] || kill "$machine_PID" 2>/dev/null
	wait 2>/dev/null
	[ -z "${to:-}" ] || exec {from}<&- {to}>&-
	to=
}

# --- snapshots ------------------------------------------------------------------------------------
#
# A snapshot is two files: the memory as it is, and the rest of the machine in QEMU's format. QEMU maps
# the first, privately when it restores: it starts at once, touches what the guest touches, and all
# machines share what none of them has changed.

# Options for a machine whose memory is FILE; `share` on: what it writes is in FILE.
memory_in() { # FILE on|off
	memory_options=(-machine memory-backend=memory
		-object "memory-backend-file,id=memory,size=${memory}M,mem-path=${1//,/,,},share=$2")
}

# The monitor's two pipes, as 5 and 6, and the options by which QEMU finds them.
open_monitor() {
	rm -f "$work"/monitor.*
	mkfifo "$work/monitor.in" "$work/monitor.out"
	exec 5<>"$work/monitor.in" 6<>"$work/monitor.out"
	monitor_options=(-chardev "pipe,id=monitor,path=${work//,/,,}/monitor" -mon "chardev=monitor,mode=control")
}

# ask COMMAND [ARGUMENTS]: one of the monitor's, in JSON. QEMU's QMP reference manual.
ask() {
	printf '{"execute": "%s", "arguments": %s}\n' "$1" "${2:-"{}"}" >&5
}

# What both sides of a snapshot have to agree on: memory that is a file is no part of it.
ask_for_capabilities() {
	ask qmp_capabilities
	ask migrate-set-capabilities '{"capabilities": [{"capability": "events", "state": true},
		{"capability": "x-ignore-shared", "state": true}]}'
}

# Waits for the line of the monitor's that says so; "failed" and an error are no.
await_monitor() { # TEXT
	local said
	while IFS= read -r -t 60 said <&6; do
		case $said in
		*"$1"*) return ;;
		*'"error"'* | *'"status": "failed"'*) break ;;
		esac
	done
	fail "cannot take a snapshot: ${said:-the monitor says nothing}"
}

# 0, or 1 where the machine doesn't boot.
take_snapshot() { # ACCELERATOR DIRECTORY SECONDS
	open_monitor
	memory_in "$work/memory" on
	coproc machine { qemu "$1" "$2" $(($3 + 120)) "${memory_options[@]}" "${monitor_options[@]}" 2>>"$errors"; }
	connect
	if ! hear ready "$3"; then
		stop_machine
		return 1
	fi
	ask_for_capabilities
	# It isn't stopped first: so it runs when it is restored. All it does is wait. By its working
	# directory, since QEMU gives the text to a shell.
	ask migrate '{"uri": "exec:cat >snapshot"}'
	await_monitor '"status": "completed"'
	ask quit
	wait "$machine_PID"
	stop_machine
	snapshot_version "$1" >"$2/snapshot-$1.version"
	mv "$work/memory" "$2/snapshot-$1.memory"
	mv "$work/snapshot" "$2/snapshot-$1"
}

# --- a machine for a job --------------------------------------------------------------------------

# In the background: a machine that doesn't take it keeps nobody from finding out.
send_job() { # BUNDLE SECONDS
	{
		printf 'job %s %s %s %s\n' "$(date +%s)" "$(od -An -N 32 -tx1 /dev/urandom | tr -d ' \n')" "$2" \
			"$(stat -c %s "$1")"
		exec cat "$1"
	} >&"$to" &
	sender=$!
}

# QEMU opens the memory for writing even where it never writes: who may not has a copy.
find_memory() { # SNAPSHOT
	local copy
	memory_file=$1.memory
	[ ! -w "$memory_file" ] || return 0
	copy=$work/memory
	cp --sparse=always "$memory_file" "$copy" 2>>"$errors" && memory_file=$copy
}

# 0 when the machine has been restored and has heard of the job.
restore_machine() { # ACCELERATOR DIRECTORY BUNDLE SECONDS
	local snapshot=$2/snapshot-$1
	[ -f "$snapshot" ] && [ "$(snapshot_version "$1")" = "$(cat "$snapshot.version")" ] || return
	prepare_work "${TMPDIR:-/tmp}"
	open_monitor
	find_memory "$snapshot" || return
	memory_in "$memory_file" off
	coproc machine { VM_SNAPSHOT=$snapshot qemu "$1" "$2" $(($4 + 180)) "${memory_options[@]}" \
		"${monitor_options[@]}" -incoming defer 2>>"$errors"; }
	connect
	ask_for_capabilities
	# shellcheck disable=SC2016 # the shell that QEMU starts expands it
	ask migrate-incoming '{"uri": "exec:exec cat \"$VM_SNAPSHOT\""}'
	send_job "$3" "$4"
	hear started 90 && return
	stop_machine
	return 1
}

# A machine that has heard of the job; from a snapshot, or else booted.
start_machine() { # DIRECTORY BUNDLE SECONDS
	{ has_kvm && restore_machine kvm "$@"; } || restore_machine tcg "$@" && return
	coproc machine { qemu tcg "$1" $(($3 + 900)) 2>>"$errors"; }
	connect
	hear ready 600 || fail "the machine did not boot (VM_CONSOLE=FILE tells more)"
	send_job "$2" "$3"
	hear started 90 || fail "the machine did not take the job (VM_CONSOLE=FILE tells more)"
}
