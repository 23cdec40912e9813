# What the machine whose power fails does from its boot to the cut: checks what the last cut left, then
# works, and says what it begins, so that the host knows when to cut.
# shellcheck shell=bash
# Sourced in the machine by the job of tests/vm/machines/5-power_cut, as root. The state is on a disk
# of its own, /disk, the only thing that outlives a cut, mounted so that it forgives least:
#     noauto_da_alloc  ext4 doesn't guess that a rename over a file wants its content on the disk first
#     another program that calls fsync(2) all the time, which commits the names of everything, but
#     not the content of other files: ext4 leaves that in memory for half a minute
# So a file whose name was put in place before its content was synced is there after the cut, and empty.
disk=/disk
conductor=$PWD/task3/conductor
export CONDUCTOR_ROOT=$disk/state
names=(alice bob carol dave eve)

# --- checks -------------------------------------------------------------------------------------

# check TITLE COMMAND...: the command's status is the verdict, its output the reason.
check() {
	local title=$1 reason
	shift
	if reason=$("$@" 2>&1); then
		echo "ok $title"
	else
		echo "not ok $title"
		head -n 40 <<<"$reason" | sed 's/^/    /'
	fi
}

# The command succeeds and says nothing on stderr.
quietly() {
	local said
	if ! said=$("$@" 2>&1 >/dev/null) || [ -n "$said" ]; then
		echo "$*: $said"
		return 1
	fi
}

images() { # prints their names
	"$conductor" images --json | jq -r '.[].name'
}

containers() {
	"$conductor" ps --json | jq -r '.[].name'
}

# All that a container of the image sees in it, contents and modes.
# shellcheck disable=SC2016 # the container's shell expands it
manifest() { # IMAGE
	"$conductor" run --rm "$1" manifest -- sh -c '
		cd / && find . -xdev -type f ! -path ./etc/hosts ! -path ./etc/resolv.conf -exec md5sum {} + | sort -k 2 &&
		find . -xdev -printf "%y %m %p %l\n" | sort -k 3'
}

same_as_before() { # IMAGE
	manifest "$1" >/run/manifest && diff "$disk/expected/$1" /run/manifest
}

images_are_listed() {
	local image list
	if ! "$conductor" images --json >/run/images ||
		! jq -e 'all(.[]; .size > 0 and .created > 1600000000)' /run/images; then
		cat /run/images
		return 1
	fi
	list=$(images)
	for image in "$@"; do
		grep -qx "$image" <<<"$list" || {
			echo "$image is gone; here are: $list"
			return 1
		}
	done
}

# Nothing of the last boot lives, so nothing may be shown as if it did; and nothing is hidden.
ps_is_truthful() {
	if ! "$conductor" ps --json >/run/ps ||
		! jq -e 'all(.[]; .pid == 0 and (.status == "dead" or (.status | startswith("exited"))))' /run/ps ||
		! diff <(jq -r '.[].name' /run/ps) <(ls "$CONDUCTOR_ROOT/containers"); then
		cat /run/ps
		return 1
	fi
}

# What the sweep of a command before hasn't taken yet (run --rm, a step of a build).
stop_all() {
	local name status=0
	for name in $(containers); do
		quietly "$conductor" stop -t 0 "$name" || status=1
	done
	[ -z "$(ls "$CONDUCTOR_ROOT/containers")" ] || {
		ls -lR "$CONDUCTOR_ROOT/containers"
		return 1
	}
	return $status
}

names_are_free() {
	local name
	for name in "${names[@]}"; do
		quietly "$conductor" run -d base "$name" -- sleep 1000 || return
	done
	quietly "$conductor" addnetwork alice -i -e 8080-3000 && stop_all
}

no_network_is_left() {
	{
		nft list tables
		ip -br link show type veth
	} | tee /run/networks
	[ ! -s /run/networks ]
}

forwarding_is() { # VALUE
	[ "$(cat /proc/sys/net/ipv4/ip_forward)" = "$1" ] || {
		echo "ip_forward is no more $1"
		return 1
	}
}

# The state's files and directories, without what layers hold.
state_files() {
	(cd "$CONDUCTOR_ROOT" && find . -path './layers/*/*' -prune -o -print | sort)
}

remove_built() {
	local image
	for image in $(images | grep -v '^base$'); do
		quietly "$conductor" rmi "$image" || return
	done
	quietly "$conductor" rmcache
}

build_both() {
	quietly "$conductor" build tree "$disk/tree/Conductorfile" && quietly "$conductor" build plain "$disk/tree/plain"
}

state_is_as_if_new() {
	diff "$disk/expected/state" <(state_files)
}

# What the last cut left. PROMISED are images whose build had said that it was done.
check_after_cut() { # PROMISED...
	local image
	echo 1 >/proc/sys/net/ipv4/ip_forward # as an administrator's sysctl.conf has it in this boot
	check "images: those whose build was done are there, and all can be read" images_are_listed "$@"
	check "ps: says of no container that it runs" ps_is_truthful
	for image in $(images); do
		check "run: image $image holds what it did when it was built" same_as_before "$image"
	done
	check "stop: removes each container" stop_all
	check "stop: no table and no link stays" no_network_is_left
	check "stop: what this boot set of forwarding stays" forwarding_is 1
	echo 0 >/proc/sys/net/ipv4/ip_forward
	check "run: the names are free" names_are_free
	check "rmi, rmcache: work" remove_built
	check "build: works again" build_both
	printf 'vm: %s is built\n' tree plain
	check "build: makes the same image as before" same_as_before tree
	check "build: and the other one, too" same_as_before plain
	check "state: nothing is there that doesn't belong there" state_is_as_if_new
}

# --- the first boot -----------------------------------------------------------------------------

# Small roots, for images that share no layer; what FROM host takes of this machine would cost a
# minute more. Building tree writes three kinds of layers. When a container ends, as those of COPY and
# RUN do, the kernel puts what overlayfs has below it on the disk: plain has none, so with it everything
# hangs on build itself.
# shellcheck disable=SC2016 # the build's shell expands it
make_source() {
	local i
	mkdir -p "$disk/tree/root/etc" "$disk/tree/payload"
	task2/copy_deps /bin/sh /usr/bin/{cat,find,md5sum,sleep,sort} "$disk/tree/root" >/dev/null || return
	for i in base plain; do
		cp -a "$disk/tree/root" "$disk/tree/root-$i" && echo "FROM ./root-$i" >"$disk/tree/$i" || return
	done
	for ((i = 0; i < 20; i++)); do
		head -c $((i * 1000 + 1)) /dev/urandom >"$disk/tree/payload/$i"
	done
	printf '%s\n' 'FROM ./root' 'COPY payload /payload' \
		'RUN for file in /payload/*; do cat $file $file >/twice-${file##*/}; done' >"$disk/tree/Conductorfile"
}

# The images and what they hold before any cut; all of it on the disk for certain.
prepare() {
	mkdir "$disk/expected" && make_source &&
		quietly "$conductor" build base "$disk/tree/base" && build_both &&
		manifest base >"$disk/expected/base" && manifest tree >"$disk/expected/tree" &&
		manifest plain >"$disk/expected/plain" &&
		state_files >"$disk/expected/state"
	local status=$?
	sync
	return $status
}

# --- work until the power fails -----------------------------------------------------------------

# begin OPERATION COMMAND...: the host cuts at some time after this line.
begin() {
	local operation=$1 start=${EPOCHREALTIME/./}
	shift
	echo "vm: now $operation"
	quietly "$@" || echo "not ok $operation: $*"
	echo "vm: took $(((${EPOCHREALTIME/./} - start) / 1000)) ms: $operation"
}

# Two of one boot, so that one isn't always alone.
do_run() {
	begin run "$conductor" run -d base "$1" -- sleep 1000
	begin run "$conductor" run --rm tree "$2" -- sh -c 'cat /payload/* >/all'
}

do_stop() {
	begin stop "$conductor" stop -t 0 "$1"
}

do_rmcache() {
	printf 'vm: %s goes\n' tree plain
	quietly "$conductor" rmi tree
	quietly "$conductor" rmi plain
	begin rmcache "$conductor" rmcache
}

do_build() {
	begin build "$conductor" build tree "$disk/tree/Conductorfile"
	echo "vm: tree is built"
	begin build "$conductor" build plain "$disk/tree/plain"
	echo "vm: plain is built"
}

# shellcheck disable=SC2016 # the container's shell expands it
begin_work() {
	quietly "$conductor" run base "${names[4]}" -- sh -c : &&
		quietly "$conductor" run -d base "${names[3]}" -- sh -c 'while sleep 0.1; do echo a line; echo $((n++)) >/n; done' &&
		quietly "$conductor" addnetwork "${names[3]}" -i -e 8080-3000
}

# All four, again and again: there is always something running and something that has exited.
work() {
	local round
	check "run, addnetwork: before the cut" begin_work
	for ((round = 0; round < 3; round++)); do
		do_run "${names[0]}" "${names[1]}"
		do_rmcache
		do_build
		do_run "${names[1]}" "${names[2]}"
		do_stop "${names[0]}"
		do_stop "${names[1]}"
	done
	echo "not ok no cut came"
}

others_sync() {
	while sleep 0.2; do
		date >"$disk/other"
		sync "$disk/other"
	done
}

# What the job calls: boot 0 finds the disk empty, the last one is not cut.
live() { # NUMBER LAST PROMISED...
	local number=$1 last=$2
	shift 2
	modprobe virtio_blk
	mkdir -p "$disk"
	mount -t ext4 -o noauto_da_alloc /dev/vda "$disk" || {
		echo "not ok the disk can't be mounted"
		return 1
	}
	if [ "$number" = 0 ]; then
		tests/preflight
		check "build: works before any cut" prepare
		echo "vm: base is built"
		printf 'vm: %s is built\n' tree plain
	else
		check_after_cut "$@"
	fi
	if [ "$number" = "$last" ]; then
		echo "vm: done"
		return
	fi
	others_sync &
	work
}
