# shellcheck shell=bash
# shellcheck disable=SC2034 # set here, used in the scenarios
# shellcheck disable=SC2317 # functions are called by their names, from wait_until
# What the scenarios share: a world with the submission, its commands, and notes of what the kernel
# says. A scenario is run in a lab by tests/grade/run_scenarios, as the judge, with
#   BUNDLE, EVIDENCE   directories: what was handed in, and where the notes go
# and from the bundle's plan:
#   HOST_NAME          the name of the student's machine
#   SECONDS_n          how long one command of task n may take
#   SLOWNESS           10 where the machine is emulated: waits of the judge's own are longer by that
#   ENTRY_n BUILD_n    task n's file below the submission, and how it is made: "" | gcc | make
#   MARKER             a number; what the judge starts in containers is `sleep MARKERn`
#   PORT, SOURCE       a port to publish, and an address for a foreign rule
#   MEMORY DISK PROCESSES OUTPUT    the world's limits
#
# A student's failure is noted and goes on, or ends the scenario by `finish`; the judge's own is
# `broken WHY`. Nothing here believes a program's output.
set -u
GRADE=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
TOP=$(cd "$GRADE/../.." && pwd)
LAB=$TOP/tests/lab/lab
WIRE=$TOP/tests/tools/wire
WITNESS=$TOP/tests/witness/witness
WORLD_PROGRAM=$GRADE/sandbox/world
SERVICES=$GRADE/services
# shellcheck source=/dev/null
. "$BUNDLE/plan"
STATE=/run/world.$$ # the world makes it
HOST_ADDRESS=203.0.113.2
INTERNET=203.0.113.1
background=()

broken() { # WHY
	echo "error: $*" >"$EVIDENCE/verdict"
	exit 1
}

finish() {
	echo "done" >"$EVIDENCE/verdict"
	exit 0
}

# The world ends with everything in it; the lab takes what the judge started.
end_world() {
	"$WORLD_PROGRAM" stop "$STATE"
}

start_world() {
	local why
	why=$("$WORLD_PROGRAM" start --root "$SANDBOX_ROOT" --submission "$BUNDLE/submission" --hostname "$HOST_NAME" \
		--memory "$MEMORY" --disk "$DISK" --processes "$PROCESSES" "$STATE" 2>&1) || broken "$why"
	trap end_world EXIT
	WORLD_INIT=$(sed -n 's/^init \([0-9]*\) .*/\1/p' "$STATE/world")
	note_process host "$WORLD_INIT"
}

# --- the student's commands ---------------------------------------------------------------------

# in_world SECONDS DIRECTORY COMMAND...: there, in a directory below the submission.
in_world() {
	local seconds=$1 directory=$2
	shift 2
	# shellcheck disable=SC2016 # the world's shell expands it
	"$WORLD_PROGRAM" exec --seconds "$seconds" --output "$OUTPUT" "$STATE" -- \
		sh -c 'cd "/submission/$1" && shift && exec "$@"' sh "$directory" "$@"
}

# The same, with its words, output and status in the log that a student reads.
step() { # SECONDS DIRECTORY COMMAND...
	local seconds=$1 directory=$2 status began=$EPOCHREALTIME
	shift 2
	printf '$ cd /submission/%s; %s\n' "$directory" "$*" >>"$EVIDENCE/log"
	in_world "$seconds" "$directory" "$@" </dev/null >"$EVIDENCE/last.out" 2>&1
	status=$?
	log_end_of "$EVIDENCE/last.out"
	note_status "$status" "$began" "$seconds"
	return $status
}

# Its last lines, and of each as much as somebody reads.
log_end_of() { # FILE
	local lines
	mapfile -t lines <"$1"
	((${#lines[@]} <= 40)) || lines=("${lines[@]: -40}")
	[ ${#lines[@]} -eq 0 ] || printf '%.500s\n' "${lines[@]}"
} >>"$EVIDENCE/log" 2>/dev/null # bash warns of zero bytes

note_status() { # STATUS BEGAN SECONDS
	local milliseconds=$(((${EPOCHREALTIME/./} - ${2/./}) / 1000))
	case $1 in
	124) echo "[not done after $3 s]" ;;
	*) echo "[exit status $1 after $milliseconds ms]" ;;
	esac >>"$EVIDENCE/log"
}

# What a task's program is called, where it is compiled.
NAMES=([1]=namespace_prog [2]=simple_container [3]=conductor [4]=service-orchestrator)

# Makes task N's program, and says in PROGRAM and DIRECTORY what to start, and where.
build_entry() { # TASK
	local entry=ENTRY_$1 how=BUILD_$1 seconds=SECONDS_$1 name=${NAMES[$1]}
	entry=${!entry}
	DIRECTORY=.
	[[ $entry != */* ]] || DIRECTORY=${entry%/*}
	PROGRAM=./${entry##*/}
	case ${!how} in
	gcc)
		PROGRAM=./$name
		step $((${!seconds} + 60 * SLOWNESS)) "$DIRECTORY" gcc -O1 -pthread -o "$name" "${entry##*/}"
		;;
	make)
		PROGRAM=./$name
		step $((${!seconds} + 60 * SLOWNESS)) "$DIRECTORY" make -s -j2 CFLAGS=-O0
		;;
	*) in_world 10 "$DIRECTORY" chmod +x "$PROGRAM" ;;
	esac
	BUILT=$?
	echo "$BUILT" >"$EVIDENCE/build.status"
	[ "$BUILT" -eq 0 ] && in_world 10 "$DIRECTORY" test -x "$PROGRAM"
}

# In the background, with its output in LABEL.out; its pid on our side is the last of `background`.
launch() { # LABEL SECONDS DIRECTORY COMMAND...
	local label=$1
	shift
	printf '$ cd /submission/%s; %s &\n' "$2" "${*:3}" >>"$EVIDENCE/log"
	in_world "$@" </dev/null >"$EVIDENCE/$label.out" 2>&1 &
	background+=($!)
}

# --- waiting ------------------------------------------------------------------------------------

# wait_until SECONDS COMMAND...: looks every 50 ms; SECONDS are as on a machine that isn't emulated.
wait_until() {
	local end=$((${EPOCHREALTIME/./} + $1 * SLOWNESS * 1000000))
	shift
	until "$@"; do
		((${EPOCHREALTIME/./} < end)) || return 1
		read -r -t 0.05 <>/proc/self/fd/9 || :
	done
}
exec 9<> <(:) # never written to: reading from it is the pause

alive() { # PID of ours
	kill -0 "$1" 2>/dev/null
}

gone() {
	! alive "$1"
}

# --- finding processes, by what they are --------------------------------------------------------

# The pid, as we see it, of the process that is exactly `sleep NUMBER`, in ARGV.
find_sleep() { # NUMBER
	local directory words
	FOUND=
	for directory in /proc/[0-9]*; do
		{ mapfile -d '' words <"$directory/cmdline"; } 2>/dev/null || continue
		if [ ${#words[@]} -eq 2 ] && [ "${words[0]##*/}" = sleep ] && [ "${words[1]}" = "$1" ]; then
			FOUND=${directory#/proc/}
			return 0
		fi
	done
	return 1
}

# The same for a program by the name of its file; kernel threads and strangers have no such link.
find_program() { # NAME
	local directory name
	for directory in /proc/[0-9]*; do
		# The kernel keeps 15 characters of the name that was executed, and any program can change them.
		{ read -r name <"$directory/comm" && [ "$name" = "${1:0:15}" ]; } 2>/dev/null || continue
		name=$(readlink "$directory/exe")
		if [ "${name##*/}" = "$1" ]; then
			FOUND=${directory#/proc/}
			return 0
		fi
	done
	FOUND=
	return 1
}

# --- notes --------------------------------------------------------------------------------------
#
# By the shell's own means where it has them: on an emulated machine a program more costs 30 ms.

# What the kernel says of a process, in EVIDENCE/LABEL/.
note_process() { # LABEL PID
	local to=$EVIDENCE/$1 pid=$2 line words
	mkdir -p "$to"
	while read -r line; do
		[[ $line != NSpid:* ]] || echo "${line#NSpid:$'\t'}"
	done <"/proc/$pid/status" >"$to/pids"
	readlink "/proc/$pid/ns/"{cgroup,ipc,mnt,net,pid,uts} | while read -r line; do
		echo "${line%%:*} $line"
	done >"$to/namespaces"
	words=()
	mapfile -d '' words <"/proc/$pid/cmdline"
	printf '%s ' "${words[@]}" >"$to/command"
	readlink "/proc/$pid/exe" >"$to/exe"
	stat -L -c '%Hd:%Ld:%i' "/proc/$pid/root" >"$to/root"
	keep_text "/proc/$pid/mountinfo" "$to/mounts"
	keep_text "/proc/$pid/cgroup" "$to/cgroups"
	nsenter --uts="/proc/$pid/ns/uts" cat /proc/sys/kernel/hostname >"$to/hostname"
	note_links "$1" "$pid"
} 2>/dev/null

keep_text() { # FROM TO
	local lines=()
	mapfile lines <"$1"
	printf %s "${lines[@]}" >"$2"
}

note_links() { # LABEL PID
	in_network "$2" ip -json -details address show >"$EVIDENCE/$1/links"
	in_network "$2" ip -json -4 route show >"$EVIDENCE/$1/routes"
} 2>/dev/null

# Runs the judge's own program in a container's network, and nowhere else of it.
in_network() { # PID COMMAND...
	nsenter --net="/proc/$1/ns/net" "${@:2}"
}

# The host's, which the lab gave us: who may pass, and by which rules.
note_firewall() { # FILE
	{
		iptables-save
		nft --stateless list ruleset
	} 2>/dev/null | sed -E '/^#/d; s/\[[0-9]+:[0-9]+\]//; s/ counter packets [0-9]+ bytes [0-9]+//' >"$EVIDENCE/$1"
}

# The first IPv4 address that a process' network has on a link of its own.
address_of() { # PID
	in_network "$1" ip -o -4 address show | awk '$2 != "lo" { sub("/.*", "", $4); print $4; exit }'
}

# --- packets ------------------------------------------------------------------------------------

# serve LABEL [PID]: answers "LABEL SOURCE" at PORT in that network, or on the host.
serve() { # LABEL PORT [PID]
	local enter=()
	[ $# -lt 3 ] || enter=(in_network "$3")
	"${enter[@]}" "$WIRE" serve "$1" "$2" >"$EVIDENCE/serve.$1" 2>&1 &
	background+=($!)
	wait_until 5 grep -qxE 'ready|.*in use' "$EVIDENCE/serve.$1" || broken "cannot listen for $1: $(<"$EVIDENCE/serve.$1")"
	# Somebody of the student's is there already, or two containers have one network.
	grep -v ready "$EVIDENCE/serve.$1" >>"$EVIDENCE/log" || :
}

# reach FILE HOPE COMMAND...: what COMMAND (from_network PID, from_outside, from_host) TARGET says.
# HOPE is `answer`: tries for some seconds, since rules may come late; or `silence`: looks once.
reach() { # FILE HOPE ENTER... -- TARGET
	local file=$EVIDENCE/$1 hope=$2 enter=()
	shift 2
	while [ "$1" != -- ]; do
		enter+=("$1")
		shift
	done
	shift
	try() {
		"${enter[@]}" "$WIRE" reach -t $((500 * (SLOWNESS > 1 ? 3 : 1))) "$1" >"$file" 2>&1
		[ "$hope" = silence ] || ! grep -qE ' (silent|mute|refused|unreachable)$' "$file"
	}
	wait_until 3 try "$1"
}

outside() {
	"$LAB" internet -- "$@"
}
