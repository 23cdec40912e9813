#!/bin/bash
# conductor.sh: a small docker, in shell.
#
# Usage: sudo ./conductor.sh COMMAND ...
#
# The commands are listed below, in SYNOPSIS. Needs root, and what setup.sh checks. Settings: config.sh.
#
# An image is a directory, .images/NAME. A container is a directory as well, .containers/NAME:
#     rootfs   its root, a copy of the image
#     image    the image's name, written when the container was made
#     pid      "PID START": its PID 1 as the host numbers it, and when that started (field 22 of proc(5)'s stat)
#     net      N, once it has the network 192.168.N.0/24
#     port     ports of the host that are its own, one a line
#     rules    the firewall's rules that are there because of it, a line each: TABLE CHAIN SPECIFICATION
# .containers/.host keeps what the host's own settings were before the first network was made.
#
# Exit status: run and exec: the command's own. Otherwise 0, 1 when it failed, 2 for a wrong call.
#
# See unshare(1), nsenter(1), chroot(1), mount(8), ip(8), iptables(8), namespaces(7).
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
umask 022

declare -A SYNOPSIS=(
	[build]="IMAGE [CONDUCTORFILE]"
	[images]=""
	[rmi]="IMAGE"
	[run]="IMAGE NAME [-- COMMAND [ARGUMENT...]]"
	[ps]=""
	[stop]="NAME"
	[exec]="NAME [-- COMMAND [ARGUMENT...]]"
	[addnetwork]="NAME [-i] [-e INNER-OUTER]..."
	[peer]="NAME NAME"
)

# --- small tools --------------------------------------------------------------------------------

fail() { # TEXT...
	echo "conductor.sh: $*" >&2
	exit 1
}

todo() { # PART
	fail "part $1 is not written yet"
}

usage() {
	echo "conductor.sh: usage: conductor.sh $command ${SYNOPSIS[$command]}" >&2
	exit 2
}

# Runs the command until it succeeds, for as long as config.sh has patience.
wait_until() { # COMMAND...
	local deadline=$((SECONDS + PATIENCE))
	until "$@"; do
		((SECONDS < deadline)) || return 1
		sleep 0.05
	done
}

# A name becomes a path and a link's name, which has 15 letters at most, 8 of them "-outside".
check_name() { # NAME
	[[ $1 =~ ^[A-Za-z0-9][A-Za-z0-9_-]*$ ]] || fail "$1: not a name for a container (letters and digits)"
	[ ${#1} -le 7 ] || fail "$1: a container's name has at most 7 letters"
}

check_image_name() { # IMAGE
	[[ $1 =~ ^[A-Za-z0-9][A-Za-z0-9_.-]*$ ]] || fail "$1: not a name for an image"
}

need_image() { # IMAGE
	check_image_name "$1"
	[ -d "$IMAGES/$1" ] || fail "$1: no such image"
}

need_container() { # NAME
	check_name "$1"
	[ -d "$CONTAINERS/$1" ] || fail "$1: no such container"
}

# One command at a time changes networks or takes containers away. Ends with the script.
lock() {
	exec 9>"$CONTAINERS/.lock" || exit
	flock 9
}

# Becomes the command, which gets a container's environment instead of the caller's.
become() { # COMMAND...
	exec env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
		HOME=/root TERM="${TERM:-linux}" "$@"
}

# --- which process is a container's ---------------------------------------------------------------

# Prints the pid of a container's PID 1. Fails when that has ended: by then the pid may be a
# stranger's, and only the time at which it started tells.
init_of() { # NAME
	local pid start stat
	read -r pid start 2>/dev/null <"$CONTAINERS/$1/pid" || return
	read -r stat 2>/dev/null <"/proc/$pid/stat" || return
	read -ra stat <<<"${stat##*) }" # field 3, the state, is the first: before it is a name, which may have blanks
	[ "${stat[19]}" = "$start" ] && [ "${stat[0]}" != Z ] && echo "$pid"
}

# Is its root the container's already? What chroot then starts is the command. Sets pid.
is_ready() { # NAME
	pid=$(init_of "$1") && [ "/proc/$pid/root/" -ef "$CONTAINERS/$1/rootfs/" ]
}

has_ended() { # NAME
	[ -s "$CONTAINERS/$1/pid" ] && ! init_of "$1" >/dev/null
}

is_ready_or_ended() { # NAME
	is_ready "$1" || has_ended "$1"
}

# Waits for a container that has just been started. Sets pid.
need_running() { # NAME
	need_container "$1"
	wait_until is_ready_or_ended "$1"
	is_ready "$1" || fail "$1: not running"
}

# --- images ---------------------------------------------------------------------------------------

# Without a Conductorfile.
DEFAULT_CONDUCTORFILE="FROM debian:bookworm"

# A root to begin with: a distribution's, or another image.
build_from() { # WHAT
	case $1 in
	debian:?* | ubuntu:?*)
		debootstrap --variant=minbase --include="$PACKAGES" "${1#*:}" "$root" ${MIRROR:+"$MIRROR"}
		;;
	*)
		need_image "$1"
		cp -a "$IMAGES/$1" "$root"
		;;
	esac
}

# By the image's own tar: a link in the image then leads to the image's files, never to the host's. A
# directory's content goes to the destination, a file becomes it, or goes into it where it ends in /.
build_copy() { # SOURCE DESTINATION
	local directory name to=$2
	[ -e "$context/$1" ] || fail "COPY $1: no such file beside the Conductorfile"
	directory=$(dirname "$context/$1") name=$(basename "$1")
	if [ -d "$context/$1" ]; then
		directory=$context/$1 name=.
	elif [[ $to == */ ]]; then
		to=$to$name
	fi
	# shellcheck disable=SC2016 # the inner shell expands it
	tar -C "$directory" -c -- "$name" | if [ "$name" = . ]; then
		become chroot "$root" sh -c 'mkdir -p "$1" && tar -x --no-same-owner -C "$1"' sh "$to"
	else
		become chroot "$root" sh -c 'mkdir -p "$(dirname "$1")" && cd "$(mktemp -d)" &&
			tar -x --no-same-owner && mv "$2" "$1" && rmdir "$PWD"' sh "$to" "$name"
	fi
}

# With the host's network, but with processes of its own, which end with it.
build_run() { # TEXT
	(become unshare --mount --pid --fork --kill-child --mount-proc="$root/proc" chroot "$root" /bin/sh -c "$1")
}

build_step() { # INSTRUCTION TEXT
	[ "$1" = FROM ] || [ -d "$root" ] || fail "$1: the first instruction must be FROM"
	case $1 in
	FROM) build_from "$2" ;;
	COPY) build_copy "${2%% *}" "${2##* }" ;;
	RUN) build_run "$2" ;;
	*) fail "$1: unknown instruction (there are FROM, COPY and RUN)" ;;
	esac
}

cmd_build() { # IMAGE [CONDUCTORFILE]
	[ $# = 1 ] || [ $# = 2 ] || usage
	check_image_name "$1"
	local text=$DEFAULT_CONDUCTORFILE context=. instruction rest
	if [ $# = 2 ]; then
		[ -f "$2" ] || fail "$2: no such file"
		text=$(cat "$2") || exit
		context=$(dirname "$2")
	fi
	root=$IMAGES/.$1.$$ # gets its name when it is whole
	trap 'rm -rf --one-file-system "$root"' EXIT
	trap 'exit 1' INT TERM HUP
	while read -r instruction rest <&3; do
		[[ -n $instruction && $instruction != \#* ]] || continue
		echo "$instruction $rest"
		build_step "$instruction" "$rest" </dev/null || fail "build $1: $instruction $rest: failed"
	done 3<<<"$text"
	[ -d "$root" ] || fail "build $1: no instruction FROM"
	chmod 755 "$root"
	touch "$root"
	rm -rf --one-file-system "${IMAGES:?}/$1"
	mv "$root" "$IMAGES/$1" || exit
	echo "built $1"
}

cmd_images() {
	[ $# = 0 ] || usage
	local directory
	printf '%-20s %8s  %s\n' NAME SIZE DATE
	for directory in "$IMAGES"/*/; do
		[ ! -d "$directory" ] || printf '%-20s %8s  %s\n' "$(basename "$directory")" \
			"$(du -shx "$directory" | cut -f 1)" "$(date -r "$directory" '+%Y-%m-%d %H:%M:%S')"
	done
}

cmd_rmi() { # IMAGE
	[ $# = 1 ] || usage
	need_image "$1"
	rm -rf --one-file-system "${IMAGES:?}/$1" || fail "$1: cannot delete all of it"
}

# --- containers -----------------------------------------------------------------------------------

# PID 1 in namespaces of its own, until it becomes the command. /proc is still the host's at first, so
# it says which pid this is there.
container_child() { # NAME DIRECTORY COMMAND...
	local name=$1 directory=$2 rootfs=$2/rootfs stat
	shift 2
	read -ra stat </proc/self/stat
	echo "${stat[0]} ${stat[21]}" >"$directory/pid" || exit
	# SOLUTION 3a: name, procfs, sysfs, the host's /dev; become the command in its root: mount(8), chroot(1)
	hostname "$name" &&
		mount -t proc -o nosuid,nodev,noexec proc "$rootfs/proc" &&
		mount -t sysfs -o ro,nosuid,nodev,noexec sysfs "$rootfs/sys" &&
		mount --bind /dev "$rootfs/dev" || exit
	# Terminals and shared memory are not the host's: /dev alone was bound, without the mounts below it.
	if [ -d "$rootfs/dev/pts" ]; then
		mount -t devpts -o newinstance,nosuid,noexec,ptmxmode=0666,mode=0620,gid=5 devpts "$rootfs/dev/pts"
	fi
	if [ -d "$rootfs/dev/shm" ]; then
		mount -t tmpfs -o nosuid,nodev shm "$rootfs/dev/shm"
	fi
	become chroot "$rootfs" "$@"
	# END 3a
}

cmd_run() { # IMAGE NAME [-- COMMAND...]
	[ $# -ge 2 ] || usage
	local image=$1 name=$2 directory=$CONTAINERS/$2 errors
	shift 2
	[ "${1-}" != -- ] || shift
	[ $# -gt 0 ] || set -- "$DEFAULT_COMMAND"
	need_image "$image"
	check_name "$name"
	# Of two who want the name at once, one gets it.
	mkdir "$directory" 2>/dev/null || fail "$name: there is such a container (conductor.sh stop $name takes it away)"
	if ! errors=$(cp -a "$IMAGES/$image" "$directory/rootfs" 2>&1 && echo "$image" >"$directory/image"); then
		rm -rf --one-file-system "$directory"
		fail "$name: cannot copy the image: ${errors%%$'\n'*}"
	fi
	export -f container_child become fail todo
	# PID 1 ends with unshare, and unshare with PID 1, whose exit status it has.
	# SOLUTION 3a: container_child in new UTS, PID, NET, MOUNT and IPC namespaces, as PID 1: unshare(1)
	exec unshare --uts --pid --net --mount --ipc --fork --kill-child -- \
		bash -c 'container_child "$@"' conductor.sh "$name" "$directory" "$@"
	# END 3a
}

cmd_exec() { # NAME [-- COMMAND...]
	[ $# -ge 1 ] || usage
	local name=$1 pid
	shift
	[ "${1-}" != -- ] || shift
	[ $# -gt 0 ] || set -- "$DEFAULT_COMMAND"
	need_running "$name"
	# SOLUTION 3b: the command in all five namespaces of the process $pid, in its root, beginning in /: nsenter(1)
	become nsenter --target "$pid" --uts --pid --net --mount --ipc --root --wd="/proc/$pid/root" -- "$@"
	# END 3b
}

cmd_ps() {
	[ $# = 0 ] || usage
	local directory name status
	printf '%-8s %-20s %-8s %s\n' NAME IMAGE STATUS CREATED
	for directory in "$CONTAINERS"/*/; do
		[ -e "$directory/image" ] || continue
		name=$(basename "$directory")
		status=exited
		! init_of "$name" >/dev/null || status=running
		printf '%-8s %-20s %-8s %s\n' "$name" "$(cat "$directory/image")" $status \
			"$(date -r "$directory/image" '+%Y-%m-%d %H:%M:%S')"
	done
}

# Kills PID 1 and so all the others: the kernel ends a PID namespace with its PID 1.
kill_container() { # NAME
	local pid
	pid=$(init_of "$1") || return 0
	kill -KILL "$pid" 2>/dev/null
	wait_until has_ended "$1" || fail "$1: its processes don't end"
}

cmd_stop() { # NAME
	[ $# = 1 ] || usage
	need_container "$1"
	lock
	kill_container "$1"
	remove_network "$1"
	rm -rf --one-file-system "${CONTAINERS:?}/$1" || fail "$1: cannot delete all of its directory"
}

# --- networks -------------------------------------------------------------------------------------

in_network_of() { # PID COMMAND...
	nsenter --net="/proc/$1/ns/net" -- "${@:2}"
}

# First written down, then done: whatever happens, stop finds it.
add_rule() { # NAME TABLE CHAIN SPECIFICATION...
	local name=$1 table=$2
	shift 2
	echo "$table $*" >>"$CONTAINERS/$name/rules" && iptables -w -t "$table" -A "$@"
}

remove_rules() { # NAME
	local table rule
	[ -e "$CONTAINERS/$1/rules" ] || return 0
	while read -r table rule; do
		# A peer that was stopped before has taken its rules along. A rule is many words.
		# shellcheck disable=SC2086
		iptables -w -t "$table" -D $rule 2>/dev/null
	done <"$CONTAINERS/$1/rules"
	rm "$CONTAINERS/$1/rules"
}

# Before the first network: packets are forwarded, and none between containers that no rule accepts.
prepare_host() {
	local policy forwarding
	[ ! -e "$CONTAINERS/.host" ] || return 0
	policy=$(iptables -w -S FORWARD | sed -n 's/^-P FORWARD //p')
	forwarding=$(cat /proc/sys/net/ipv4/ip_forward)
	echo "$policy $forwarding" >"$CONTAINERS/.host" || return
	# SOLUTION 3c: the host forwards packets, but only those that a rule accepts: ip(7), iptables(8)
	set_forwarding 1 && iptables -w -P FORWARD DROP
	# END 3c
}

# Not written where it is so already: a host may have it fixed, and /proc/sys read-only.
set_forwarding() { # 0|1
	[ "$(cat /proc/sys/net/ipv4/ip_forward)" = "$1" ] || echo "$1" >/proc/sys/net/ipv4/ip_forward
}

# After the last network: the host's settings are its own again.
restore_host() {
	local policy forwarding
	[ -z "$(cat "$CONTAINERS"/*/net 2>/dev/null)" ] && [ -e "$CONTAINERS/.host" ] || return 0
	read -r policy forwarding <"$CONTAINERS/.host"
	iptables -w -P FORWARD "$policy"
	set_forwarding "$forwarding"
	rm "$CONTAINERS/.host"
}

link_is_gone() { # LINK
	! ip link show "$1" >/dev/null 2>&1
}

# Takes whatever there is of it, be it half made.
remove_network() { # NAME
	[ -e "$CONTAINERS/$1/net" ] || return 0
	remove_rules "$1"
	# The kernel takes it away as well, a moment after the container's end: who is first doesn't matter.
	ip link delete "$1-outside" 2>/dev/null
	wait_until link_is_gone "$1-outside" || fail "$1: its link $1-outside does not go away"
	rm -f "$CONTAINERS/$1/net" "$CONTAINERS/$1/port"
	restore_host
}

# The lowest N that neither a container has nor a route of the host leads to.
free_number() {
	local number network
	for number in {1..254}; do
		network=$POOL.$number.0/24
		if ! grep -qsx "$number" "$CONTAINERS"/*/net && [ -z "$(ip -4 route show root "$network")" ] &&
			! ip -4 route show match "$network" | grep -qv ^default; then
			echo "$number"
			return
		fi
	done
	return 1
}

check_port() { # INNER-OUTER
	local port inner=${1%%-*} outer=${1#*-}
	[[ $1 =~ ^[0-9]{1,5}-[0-9]{1,5}$ ]] || fail "-e $1: not INNER-OUTER, as in 8080-3000"
	for port in "$inner" "$outer"; do
		((10#$port >= 1 && 10#$port <= 65535)) || fail "-e $1: $port is no port"
	done
	if grep -qsx "$outer" "$CONTAINERS"/*/port || [ -n "$(ss -Hltn "sport = :$outer")" ]; then
		fail "-e $1: port $outer is taken"
	fi
}

# Both ends up, with addresses and a route to the other containers' networks.
make_link() { # NAME PID NUMBER
	local outside=$1-outside inside=$1-inside pid=$2 network=$POOL.$3
	ip link add "$outside" type veth peer name "$inside" netns "$pid" &&
		ip address add "$network.1/24" dev "$outside" &&
		ip link set "$outside" up &&
		in_network_of "$pid" ip link set lo up &&
		in_network_of "$pid" ip address add "$network.2/24" dev "$inside" &&
		in_network_of "$pid" ip link set "$inside" up &&
		in_network_of "$pid" ip route add "$POOL.0.0/16" via "$network.1"
}

# To the host a container may speak at its own end of the link only. First in the chain, since a
# host often accepts what it should not.
guard_host() { # NAME NUMBER
	local rule=(INPUT -i "$1-outside" ! -d "$POOL.$2.1" -m conntrack --ctstate NEW -j DROP)
	echo "filter ${rule[*]}" >>"$CONTAINERS/$1/rules" && iptables -w -I "${rule[@]}"
}

# Out, and only answers in.
open_internet() { # NAME PID NUMBER
	local outside=$1-outside address=$POOL.$3.2
	in_network_of "$2" ip route add default via "$POOL.$3.1" || return
	# SOLUTION 3c: from here to $UPLINK, under the host's address, and answers back: iptables-extensions(8)
	add_rule "$1" nat POSTROUTING -s "$address" -o "$UPLINK" -j MASQUERADE &&
		add_rule "$1" filter FORWARD -i "$outside" -s "$address" -o "$UPLINK" -j ACCEPT &&
		add_rule "$1" filter FORWARD -i "$UPLINK" -o "$outside" -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
	# END 3c
}

# The host's resolvers. Written inside, where a link leads to the container's own file.
copy_resolvers() { # NAME
	local file=/etc/resolv.conf real=/run/systemd/resolve/resolv.conf
	[ ! -e $real ] || file=$real # the other names a resolver at 127.0.0.53
	(cmd_exec "$1" -- sh -c 'cat >/etc/resolv.conf' <"$file")
}

# A port of the host leads to one of the container, for who comes from outside and for the host itself.
publish() { # NAME NUMBER INNER-OUTER
	local outside=$1-outside address=$POOL.$2.2 inner=${3%-*} outer=${3#*-}
	echo "$outer" >>"$CONTAINERS/$1/port" || return
	# SOLUTION 3c: DNAT for what comes from $UPLINK and from the host; it and its answers pass: iptables-extensions(8)
	local to_us=(-p tcp -m addrtype --dst-type LOCAL --dport "$outer" -j DNAT --to-destination "$address:$inner")
	add_rule "$1" nat PREROUTING -i "$UPLINK" "${to_us[@]}" &&
		add_rule "$1" nat OUTPUT "${to_us[@]}" &&
		add_rule "$1" filter FORWARD -i "$UPLINK" -o "$outside" -d "$address" -p tcp --dport "$inner" \
			-m conntrack --ctstate DNAT -j ACCEPT &&
		add_rule "$1" filter FORWARD -i "$outside" -o "$UPLINK" -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
	# END 3c
}

# Who asks at localhost must be asked for the answer at an address that the container can reach; without
# -i it can reach none but the host's end of its link.
hide_askers() { # NAME INTERNET
	local from=(-m addrtype --src-type LOCAL)
	[ "$2" = yes ] || from=()
	echo 1 >"/proc/sys/net/ipv4/conf/$1-outside/route_localnet" ||
		echo "conductor.sh: warning: $1: published ports are not at localhost" >&2
	add_rule "$1" nat POSTROUTING -o "$1-outside" "${from[@]}" -m conntrack --ctstate DNAT -j MASQUERADE
}

make_network() { # NAME PID NUMBER INTERNET INNER-OUTER...
	local name=$1 pid=$2 number=$3 internet=$4 port
	echo "$number" >"$CONTAINERS/$name/net" && prepare_host && make_link "$name" "$pid" "$number" &&
		guard_host "$name" "$number" || return
	if [ "$internet" = yes ]; then
		open_internet "$name" "$pid" "$number" && copy_resolvers "$name" || return
	fi
	for port in "${@:5}"; do
		publish "$name" "$number" "$port" || return
	done
	[ $# -lt 5 ] || hide_askers "$name" "$internet"
}

cmd_addnetwork() { # NAME [-i] [-e INNER-OUTER]...
	local options internet=no ports=() port pid number
	options=$(getopt -q -o ie: -l internet,expose: -- "$@") || usage
	eval "set -- $options"
	while [ "$1" != -- ]; do
		case $1 in
		-i | --internet) internet=yes ;;
		-e | --expose) ports+=("$2") && shift ;;
		esac
		shift
	done
	shift
	[ $# = 1 ] || usage
	lock
	need_running "$1"
	[ ! -e "$CONTAINERS/$1/net" ] || fail "$1: it has a network"
	link_is_gone "$1-outside" || fail "$1: the host has a link $1-outside, which is not ours"
	for port in "${ports[@]}"; do
		check_port "$port"
	done
	[ -n "$UPLINK" ] || [ "$internet ${ports[*]}" = "no " ] || fail "the host has no default route (set UPLINK in config.sh)"
	number=$(free_number) || fail "no network is free in $POOL.0.0/16"
	if ! make_network "$1" "$pid" "$number" "$internet" "${ports[@]}"; then
		remove_network "$1"
		fail "$1: cannot make its network"
	fi
}

cmd_peer() { # NAME NAME
	if [ $# != 2 ] || [ "$1" = "$2" ]; then
		usage
	fi
	local name pid a b rule
	lock
	for name in "$@"; do
		need_running "$name"
		[ -e "$CONTAINERS/$name/net" ] || fail "$name: it has no network (conductor.sh addnetwork $name)"
	done
	a=$POOL.$(cat "$CONTAINERS/$1/net").2
	b=$POOL.$(cat "$CONTAINERS/$2/net").2
	# SOLUTION 3c: packets between the two may pass, in both directions: iptables(8)
	for rule in "FORWARD -i $1-outside -s $a -o $2-outside -d $b -j ACCEPT" \
		"FORWARD -i $2-outside -s $b -o $1-outside -d $a -j ACCEPT"; do
		# shellcheck disable=SC2086 # a rule is many words
		if ! iptables -w -C $rule 2>/dev/null; then
			add_rule "$1" filter $rule || fail "cannot let $1 and $2 speak to each other"
			echo "filter $rule" >>"$CONTAINERS/$2/rules" # it ends with either
		fi
	done
	# END 3c
}

# --- main -----------------------------------------------------------------------------------------

print_help() {
	local name
	for name in build images rmi run ps stop exec addnetwork peer; do
		echo "conductor.sh $name ${SYNOPSIS[$name]}"
	done
}

command=${1:-help}
[ $# = 0 ] || shift
case $command in help | -h | --help) print_help && exit ;; esac
if [ ! -v "SYNOPSIS[$command]" ]; then
	echo "conductor.sh: $command: unknown command (conductor.sh help lists them)" >&2
	exit 2
fi
[ "$(id -u)" = 0 ] || fail "needs root (try: sudo ./conductor.sh $command)"
# shellcheck source-path=SCRIPTDIR source=config.sh
. "$here/config.sh" || fail "no config.sh"
mkdir -p "$IMAGES" "$CONTAINERS" || exit
"cmd_$command" "$@"
