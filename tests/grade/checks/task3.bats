#!/usr/bin/env bats
# Task 3: what the kernel said of containers, their networks, and what was left of them.
# shellcheck disable=SC2154,SC2016 # E is check.bash's; jq's variables stand in single quotes

load check

# --- run ----------------------------------------------------------------------------------------

@test "3a.build" {
	from containers
	expect "build ends with 0, and images prints the image's name"
	has image.status
	saw "build: exit status $(content image.status); images: $(content images | tail -n 5)"
	[ "$(content image.status)" = 0 ]
	grep -qwF "$(content image.name)" "$E/images"
}

@test "3a.run" {
	from containers
	expect "within the deadline a process is the command that was given"
	has first/namespaces
	saw "$(content first/command)"
}

@test "3a.pidns" {
	from containers
	own_namespace first pid "a PID namespace"
}

@test "3a.first" {
	from containers
	expect "the command has the pid 1 in its PID namespace: nothing is left before it, no shell either"
	has first/pids
	saw "its pids, from the host's to its own, are $(content first/pids | tr '\t' ' ')"
	[ "$(own_pid first)" = 1 ]
}

@test "3a.utsns" {
	from containers
	own_namespace first uts "a UTS namespace"
}

@test "3a.netns" {
	from containers
	own_namespace first net "a network namespace"
}

@test "3a.mntns" {
	from containers
	own_namespace first mnt "a mount namespace"
}

@test "3a.ipcns" {
	from containers
	own_namespace first ipc "an IPC namespace"
}

@test "3a.root" {
	from containers first/root.entries
	expect "a root directory that has bin or usr of the image, and no /submission of the host"
	has first/root.entries
	saw "$(content first/root.entries | tr '\n' ' ')"
	[ "$(content first/root)" != "$(content host/root)" ]
	grep -qxE 'bin|usr' "$E/first/root.entries"
	[ "$(grep -cx submission "$E/first/root.entries")" = 0 ]
}

@test "3a.copy" {
	from containers
	expect "a file made in one container's root is in no other container's"
	has second/root.entries
	saw "in the first: $(grep '^mark' "$E/first/root.entries" || echo no mark), in the second: $(grep '^mark' "$E/second/root.entries" || echo none)"
	[ "$(content first/root)" != "$(content second/root)" ]
	[ "$(grep -c '^mark' "$E/second/root.entries")" = 0 ]
}

@test "3a.proc" {
	from containers first/mounts
	expect "a procfs at /proc in which the container's command has its own pid, and the host's processes aren't"
	has first/root.entries
	saw "process $(own_pid first): $(content first/proc.own); processes: $(content first/proc.pids | grep -E '^[0-9]+$' | tr '\n' ' ')"
	# Another pid namespace's proc would show another process there, or none.
	[ "$(content first/proc.own)" = "$(content first/command)" ]
	[ "$(grep -cE '^[0-9]+$' "$E/first/proc.pids")" -le 3 ]
}

@test "3a.sys" {
	from containers first/mounts
	expect "sysfs at /sys"
	has first/mounts
	saw "$(awk '$5 ~ /\/sys$/' "$E/first/mounts" | tail -n 1 | grep . || echo "no mount at /sys")"
	grep -q yes "$E/first/sys.kernel"
	awk '$5 ~ /(^|\/)sys$/ && / - sysfs / { found = 1 } END { exit !found }' "$E/first/mounts"
}

@test "3a.dev" {
	from containers first/mounts
	expect "/dev/null is the device 1:3"
	has first/root.entries
	saw "$(content first/dev.null | grep . || echo "no /dev/null")"
	grep -q '^1:3 character special' "$E/first/dev.null"
}

# --- exec ---------------------------------------------------------------------------------------

@test "3b.run" {
	from containers exec.out
	expect "within the deadline a process is the command that was given, and not in another container"
	has exec/namespaces first/namespaces
	saw "$(content exec/command)"
	local other
	# As it would be for who looks for a container by its command.
	for other in older second; do
		saw "of the ${other/second/newer} container's namespaces: $(comm -12 <(own_spaces exec) <(own_spaces $other) | tr '\n' ' ' | grep . || echo none)"
		[ -z "$(comm -12 <(own_spaces exec) <(comm -23 <(own_spaces $other) <(own_spaces first)))" ]
	done
}

@test "3b.pidns" {
	from containers
	same_namespace exec first pid "PID namespace"
}

@test "3b.mntns" {
	from containers
	same_namespace exec first mnt "mount namespace"
}

@test "3b.netns" {
	from containers
	same_namespace exec first net "network namespace"
}

@test "3b.utsns" {
	from containers
	same_namespace exec first uts "UTS namespace"
}

@test "3b.ipcns" {
	from containers
	same_namespace exec first ipc "IPC namespace"
}

@test "3b.root" {
	from containers
	expect "the container's root directory ($(content first/root))"
	has exec/root first/root
	saw "$(content exec/root)"
	[ "$(content exec/root)" = "$(content first/root)" ]
}

# --- addnetwork ---------------------------------------------------------------------------------

# The link of a container that is a veth whose other end is on the host, and that end: "INNER OUTER".
pair_of() { # LABEL
	jq -r --slurpfile host "$E/host.links" '
		.[] | select(.linkinfo.info_kind? == "veth") | . as $inner
		| $host[0][] | select(.linkinfo.info_kind? == "veth" and .ifindex == $inner.link_index and .link_index == $inner.ifindex)
		| "\($inner.ifname) \(.ifname)"' "$E/$1/links" | head -n 1
}

link_field() { # FILE LINK FILTER
	jq -r --arg link "$2" ".[] | select(.ifname == \$link) | $3" "$E/$1" | head -n 1
}

# The number of an address' network.
network_of() { # ADDRESS/PREFIX
	local a b c d
	IFS=. read -r a b c d <<<"${1%/*}"
	echo $(((a << 24 | b << 16 | c << 8 | d) >> (32 - ${1#*/})))
}

@test "3c.pair" {
	from network lone/links host.links
	expect "a veth link in the container whose other end is on the host"
	has lone/links host.links
	saw "$(jq -r '[.[].ifname] | join(" ")' "$E/lone/links") in the container, $(jq -r '[.[].ifname] | join(" ")' "$E/host.links") on the host"
	[ -n "$(pair_of lone)" ]
}

@test "3c.address" {
	from network lone/links host.links
	local inner outer address='.addr_info[] | select(.family == "inet") | "\(.local)/\(.prefixlen)"'
	expect "an IPv4 address each, such as 192.168.1.2/24 and 192.168.1.1/24"
	has lone/links host.links
	read -r inner outer <<<"$(pair_of lone)"
	inner=$(link_field lone/links "$inner" "$address")
	outer=$(link_field host.links "$outer" "$address")
	saw "${inner:-none} in the container, ${outer:-none} on the host"
	[ -n "$inner" ] && [ -n "$outer" ] && [ "${inner%/*}" != "${outer%/*}" ]
	[ "$(network_of "$inner")" = "$(network_of "${outer%/*}/${inner#*/}")" ]
}

@test "3c.up" {
	from network lone/links host.links
	local inner outer
	expect "UP among the flags of both ends and of the container's lo"
	has lone/links host.links
	read -r inner outer <<<"$(pair_of lone)"
	inner=$(link_field lone/links "$inner" '.flags | join(",")')
	outer=$(link_field host.links "$outer" '.flags | join(",")')
	saw "inner end $inner; outer end $outer; lo $(link_field lone/links lo '.flags | join(",")')"
	[[ ,$inner, == *,UP,* && ,$outer, == *,UP,* && ,$(link_field lone/links lo '.flags | join(",")'), == *,UP,* ]]
}

@test "3c.host" {
	from network lone/routes
	expect "a server on the host's end of the link answers the container"
	answered lone.host 'host '
}

@test "3c.closed" {
	from network lone/routes
	expect "no answer from the internet ($(content lone.internet | cut -d ' ' -f 1))"
	unanswered lone.internet
}

@test "3c.internet" {
	from network server/routes firewall.during
	expect "the internet's answer, in both containers"
	answered server.internet "$(content token)"
	answered client.internet "$(content token)"
}

@test "3c.publish" {
	from network firewall.during
	expect "the server in the container answers another machine"
	answered published.outside 'server '
}

@test "3c.apart" {
	from network firewall.during
	expect "before peer no answer, in either direction"
	unanswered apart.to_server
	unanswered apart.to_client
}

@test "3c.peer" {
	from network firewall.during
	expect "after peer A B, A's server answers B"
	answered peer.to_server 'server '
}

@test "3c.back" {
	from network firewall.during
	expect "after peer A B, B's server answers A"
	answered peer.to_client 'client '
}

# --- stop ---------------------------------------------------------------------------------------

@test "3d.killed" {
	from containers
	expect "no process of the container is left"
	has stop.status
	saw "$(content stop.killed | grep -q yes && echo none || echo "the command still runs")"
	[ "$(content stop.killed)" = yes ]
}

@test "3d.links" {
	from network links.after
	expect "the links that the host had before"
	has links.before links.after
	saw "$(jq -r '[.[].ifname] | sort | join(" ")' "$E/links.after")"
	[ "$(jq -c '[.[].ifname] | sort' "$E/links.before")" = "$(jq -c '[.[].ifname] | sort' "$E/links.after")" ]
}

# Without the ids of mounts and their parents.
mounts_of() { # FILE
	cut -d ' ' -f 3- "$E/$1" | sort
}

@test "3d.mounts" {
	from containers mounts.after
	expect "the mounts that the host had before"
	has mounts.before mounts.after
	saw "$(diff <(mounts_of mounts.before) <(mounts_of mounts.after) | grep '^[<>]' | head -n 5 | grep . || echo the same)"
	[ "$(mounts_of mounts.before)" = "$(mounts_of mounts.after)" ]
}

@test "3d.again" {
	from containers again/root.entries
	expect "run works again under the same name, with a fresh copy of the image"
	has again/root.entries
	saw "$(grep '^mark' "$E/again/root.entries" || echo a fresh root)"
	[ "$(grep -c '^mark' "$E/again/root.entries")" = 0 ]
}
