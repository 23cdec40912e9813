#!/usr/bin/env bats
# conductor addnetwork: a link for a container, and on request the internet and ports of the host.
# The firewall itself has a suite of its own, firewall.bats; what peers may do is in peer.bats.

# shellcheck disable=SC2154 # bats's run sets output, stderr and lines
# shellcheck disable=SC2016 # inner shells expand what stands in single quotes

load networked

# --- tools --------------------------------------------------------------------------------------

# The network of a container: "ADDRESS/MASK", from the kernel.
subnet_of() { # NAME
	local address
	address=$(address_of "$1")
	routes_of "$1" | awk -v address="$address" '$2 == "0.0.0.0" { split($1, part, "/"); print address "/" part[2] }'
}

resolvers_of() { # NAME
	inside "$1" cat /etc/resolv.conf | grep '^nameserver' | paste -sd ' '
}

# The lab's resolv.conf is a file of its own, mounted: written in place, and put back by teardown.
set_resolv_conf() { # TEXT
	[ -e "$BATS_FILE_TMPDIR/resolv.conf" ] || cp /etc/resolv.conf "$BATS_FILE_TMPDIR/resolv.conf"
	printf '%s\n' "$1" >/etc/resolv.conf
}

restore_host() {
	if [ -e "$BATS_FILE_TMPDIR/resolv.conf" ]; then
		cat "$BATS_FILE_TMPDIR/resolv.conf" >/etc/resolv.conf
		rm "$BATS_FILE_TMPDIR/resolv.conf"
	fi
	rm -rf /run/systemd
	local command
	for command in "${undo[@]}"; do
		eval "$command"
	done
}

eval "networked_$(declare -f teardown)"
undo=()
teardown() {
	restore_host
	networked_teardown
}

# --- the link -----------------------------------------------------------------------------------

@test "addnetwork: NAME-outside has 192.168.1.1/24, NAME-inside 192.168.1.2/24; both and lo are up" {
	start alice
	assert_equal "$(links_of alice)" lo # before
	refute [ -e /sys/class/net/alice-outside ]
	run -0 "$CONDUCTOR" addnetwork alice
	assert_equal "$output" ""
	assert_equal "$(links_of alice)" $'alice-inside\nlo'
	assert_equal "$(addresses_of alice)" 192.168.1.2
	assert_contains "$(addresses_of '')" 192.168.1.1
	assert_contains "$(routes_of alice)" "192.168.1.0/255.255.255.0 0.0.0.0 alice-inside"
	assert_contains "$(routes_of '')" "192.168.1.0/255.255.255.0 0.0.0.0 alice-outside"
	is_up alice alice-inside
	is_up alice lo
	is_up '' alice-outside
	# They are a pair: each knows the other's index.
	assert_equal "$(cat /sys/class/net/alice-outside/iflink)" "$(inside alice cat /sys/class/net/alice-inside/ifindex)"
	assert_equal "$(inside alice cat /sys/class/net/alice-inside/iflink)" "$(cat /sys/class/net/alice-outside/ifindex)"
}

@test "addnetwork: a route to the pool by way of the host's end; a default route only with -i" {
	start alice bob
	"$CONDUCTOR" addnetwork alice
	"$CONDUCTOR" addnetwork bob -i
	assert_equal "$(routes_of alice)" \
		$'192.168.0.0/255.255.0.0 192.168.1.1 alice-inside\n192.168.1.0/255.255.255.0 0.0.0.0 alice-inside'
	assert_contains "$(routes_of bob)" "0.0.0.0/0.0.0.0 192.168.2.1 bob-inside"
}

@test "addnetwork: iproute2 sees a veth pair with these addresses" {
	requires iproute2
	start alice
	"$CONDUCTOR" addnetwork alice
	run -0 ip -d -4 addr show alice-outside
	assert_contains "$output" " veth "
	assert_contains "$output" "inet 192.168.1.1/24 "
	run -0 inside alice ip -d -4 addr show alice-inside
	assert_contains "$output" " veth "
	assert_contains "$output" "inet 192.168.1.2/24 "
}

@test "addnetwork: the lowest free number, given back by stop and by the container's own end" {
	start alice bob carol
	"$CONDUCTOR" addnetwork alice
	"$CONDUCTOR" addnetwork bob
	"$CONDUCTOR" addnetwork carol
	assert_equal "$(address_of alice) $(address_of bob) $(address_of carol)" "192.168.1.2 192.168.2.2 192.168.3.2"
	"$CONDUCTOR" stop -t 0 bob
	kill -KILL "$(init_of sh -c "$KEEP_RUNNING" alice)"
	wait_until 5 refute [ -e /sys/class/net/alice-outside ] 2>/dev/null
	start dave erin frank
	"$CONDUCTOR" addnetwork dave
	"$CONDUCTOR" addnetwork erin
	"$CONDUCTOR" addnetwork frank
	assert_equal "$(address_of dave) $(address_of erin) $(address_of frank)" "192.168.1.2 192.168.2.2 192.168.4.2"
}

@test "addnetwork: avoids the host's addresses and routes, narrower and wider" {
	requires iproute2
	undo=('ip addr del 192.168.1.77/32 dev uplink' 'ip route del 192.168.2.128/25' 'ip route del 192.168.4.0/22')
	ip addr add 192.168.1.77/32 dev uplink
	ip route add 192.168.2.128/25 via 203.0.113.1
	ip route add blackhole 192.168.4.0/22
	start alice bob carol
	"$CONDUCTOR" addnetwork alice
	"$CONDUCTOR" addnetwork bob
	assert_equal "$(address_of alice) $(address_of bob)" "192.168.3.2 192.168.8.2"
	ip route del 192.168.4.0/22
	undo=("${undo[@]:0:2}")
	"$CONDUCTOR" addnetwork carol
	assert_equal "$(address_of carol)" 192.168.4.2
}

@test "addnetwork: a pool that is used up, or that the host uses itself, is told (R5, moby#46615)" {
	start alice bob
	"$CONDUCTOR" addnetwork alice --subnet 10.66.0.0/29:30
	assert_equal "$(subnet_of alice)" 10.66.0.6/255.255.255.252
	conductor_fails 1 "conductor: addnetwork: no subnet is free in 10.66.0.0/29: each collides with a route of this host (CONDUCTOR_SUBNET or --subnet names another pool)" \
		addnetwork bob --subnet 10.66.0.0/29:30
	assert_equal "$(links_of bob)" lo
	conductor_fails 1 "conductor: addnetwork: no subnet is free in 203.0.113.0/24: each collides with a route of this host (CONDUCTOR_SUBNET or --subnet names another pool)" \
		addnetwork bob --subnet 203.0.113.0/24:28
	"$CONDUCTOR" stop -t 0 alice
	run -0 "$CONDUCTOR" addnetwork bob --subnet 10.66.0.0/29:30 # free again
}

@test "addnetwork: CONDUCTOR_SUBNET and --subnet name another pool, and another size" {
	start alice bob carol
	CONDUCTOR_SUBNET=10.66.0.0/16 "$CONDUCTOR" addnetwork alice
	assert_equal "$(subnet_of alice)" 10.66.1.2/255.255.255.0
	assert_contains "$(routes_of alice)" "10.66.0.0/255.255.0.0 10.66.1.1 alice-inside"
	CONDUCTOR_SUBNET=10.66.0.0/16 "$CONDUCTOR" addnetwork bob --subnet 172.20.0.0/14:28 -i
	assert_equal "$(subnet_of bob)" 172.20.0.18/255.255.255.240
	assert_contains "$(routes_of bob)" "172.20.0.0/255.252.0.0 172.20.0.17 bob-inside"
	"$CONDUCTOR" addnetwork --subnet=10.66.0.0/16 carol
	assert_equal "$(subnet_of carol)" 10.66.2.2/255.255.255.0
	# And they work.
	serve_here host 7000
	assert_equal "$(from bob 172.20.0.17:7000 203.0.113.1:80/source)" \
		$'172.20.0.17:7000 host 172.20.0.18\n203.0.113.1:80/source 203.0.113.2'
	assert_equal "$(from alice 10.66.1.1:7000 10.66.2.2:7000)" $'10.66.1.1:7000 host 10.66.1.2\n10.66.2.2:7000 silent'
}

@test "addnetwork: what is no pool is told, and nothing is made" {
	local pool
	start alice
	for pool in x 10.66.0.0 10.66.0.1/16 10.66.0.0/33 10.66.0.0/7 10.66.0.0/16:16 10.66.0.0/16:31 \
		10.66.0.0/16: 10.66.0/16 fd00::/64 10.66.0.0/-1; do
		conductor_fails 2 "conductor: addnetwork: --subnet $pool: not a pool of addresses such as 10.66.0.0/16 or 10.66.0.0/16:28 (usage: conductor addnetwork [OPTIONS] NAME)" \
			addnetwork alice --subnet "$pool"
	done
	CONDUCTOR_SUBNET=nonsense conductor_fails 1 \
		"conductor: addnetwork: nonsense: not a pool of addresses such as 10.66.0.0/16 or 10.66.0.0/16:28" addnetwork alice
	assert_equal "$(links_of alice)" lo
}

@test "addnetwork: names of 7, 8, 15 and 63 letters, two with the same first 15, all have a link that works (R4, systemd#10721, systemd#13417)" {
	local names=(abcdefg abcdefgh abcdefghijklmno abcdefghijklmnop "$(printf 'a%.0s' {1..63})" "$(printf 'a%.0s' {1..62})b") name
	start "${names[@]}"
	serve_here host 7000
	for name in "${names[@]}"; do
		"$CONDUCTOR" addnetwork "$name"
		assert_equal "$(from "$name" "$(host_end_of "$name"):7000")" "$(host_end_of "$name"):7000 host $(address_of "$name")"
	done
	# As many links as containers, none cut off, each with the two words in its name.
	assert_equal "$(links_of '' | grep -c -- '^[a-z0-9]*-outside$')" 6
	for name in "${names[@]}"; do
		assert_matches "$(links_of "$name")" $'^[a-z0-9]*-inside\nlo$'
	done
	[ -e /sys/class/net/abcdefg-outside ]
}

@test "addnetwork: a name too long for an interface is its alternative name" {
	requires iproute2
	local name=a.container-with_a-long-name
	start $name
	"$CONDUCTOR" addnetwork $name
	ip link show $name-outside
	run -0 inside $name ip -4 addr show $name-inside
	assert_contains "$output" "inet 192.168.1.2/24"
}

@test "addnetwork: an interface of the host that has the name already is left alone" {
	requires iproute2
	ip link add alice-outside type veth peer name other
	undo=('ip link del alice-outside')
	start alice
	before=$(ip -d link show alice-outside)
	conductor_fails 1 "conductor: addnetwork: alice-outside: the host has an interface of this name already" addnetwork alice
	assert_equal "$(ip -d link show alice-outside)" "$before"
	assert_equal "$(links_of alice)" lo
}

@test "addnetwork: an index that another interface has, here or in the container, is no obstacle" {
	requires iproute2 nsenter
	start alice
	"$CONDUCTOR" addnetwork alice
	local here inside
	here=$(cat /sys/class/net/alice-outside/ifindex)
	inside=$(inside alice cat /sys/class/net/alice-inside/ifindex)
	"$CONDUCTOR" stop -t 0 alice
	ip link add other index "$here" type veth peer name others
	undo=('ip link del other')
	start alice
	# The container itself may not.
	nsenter --net="/proc/$(init_of sh -c "$KEEP_RUNNING" alice)/ns/net" ip link add other index "$inside" type veth peer name others
	run -0 --separate-stderr "$CONDUCTOR" addnetwork alice
	assert_equal "$stderr" ""
	assert_equal "$(address_of alice)" 192.168.1.2
	assert_equal "$(cat /sys/class/net/other/ifindex)" "$here"
}

@test "addnetwork: twenty at once get twenty addresses" {
	local i pids=()
	for i in {1..20}; do
		"$CONDUCTOR" run -d base "c$i" -- sleep 1000 >/dev/null 3>&-
	done
	for i in {1..20}; do
		"$CONDUCTOR" addnetwork "c$i" -i -e "80-$((4000 + i))" 3>&- &
		pids+=($!)
	done
	for i in "${pids[@]}"; do
		await "$i"
		assert_equal "$status" 0
	done
	assert_equal "$(addresses_of '' | grep '^192\.168\.' | sort -t . -k 3n)" "$(printf '192.168.%d.1\n' {1..20})"
	for i in {1..20}; do
		address_of "c$i"
	done >addresses
	assert_equal "$(sort -t . -k 3n addresses)" "$(printf '192.168.%d.2\n' {1..20})"
}

# --- without -i ---------------------------------------------------------------------------------

@test "addnetwork: without -i a container reaches its own link's end, and nothing else" {
	start alice bob
	"$CONDUCTOR" addnetwork alice
	"$CONDUCTOR" addnetwork bob -i -e 8080-3000
	serve_here host 7000
	serve_in bob 8080
	# All of it is there, and forwarding is on.
	assert_equal "$(from bob 192.168.2.1:7000 203.0.113.1:80)" "192.168.2.1:7000 host 192.168.2.2
203.0.113.1:80 $LAB_TOKEN"
	assert_equal "$(from_here 203.0.113.2:7000 192.168.2.1:7000 192.168.2.2:8080 203.0.113.2:3000)" "203.0.113.2:7000 host 203.0.113.2
192.168.2.1:7000 host 192.168.2.1
192.168.2.2:8080 bob 192.168.2.1
203.0.113.2:3000 bob 203.0.113.2"
	assert_equal "$(from alice 192.168.1.1:7000 203.0.113.1:80 203.0.113.2:7000 192.168.2.1:7000 192.168.2.2:8080 203.0.113.2:3000)" \
		"192.168.1.1:7000 host 192.168.1.2
203.0.113.1:80 unreachable
203.0.113.2:7000 unreachable
192.168.2.1:7000 silent
192.168.2.2:8080 silent
203.0.113.2:3000 unreachable"
}

@test "addnetwork: the host reaches the container" {
	start alice
	"$CONDUCTOR" addnetwork alice
	serve_in alice 8080
	assert_equal "$(from_here 192.168.1.2:8080 192.168.1.2:8081)" $'192.168.1.2:8080 alice 192.168.1.1\n192.168.1.2:8081 refused'
}

# --- -i -----------------------------------------------------------------------------------------

@test "addnetwork -i: the internet answers, and sees the host's address (NAT)" {
	start alice bob
	"$CONDUCTOR" addnetwork alice
	assert_equal "$(from alice 203.0.113.1:80)" "203.0.113.1:80 unreachable"
	"$CONDUCTOR" addnetwork bob -i
	assert_equal "$(from bob 203.0.113.1:80 203.0.113.1:80/source 198.51.100.7:80)" \
		"203.0.113.1:80 $LAB_TOKEN
203.0.113.1:80/source 203.0.113.2
198.51.100.7:80 $LAB_TOKEN"
}

@test "addnetwork -i: curl in the container fetches from the internet" {
	requires curl
	cp "$(command -v curl)" . && "$COPY_DEPS" curl "$PWD/root" >/dev/null
	printf 'FROM host\nCOPY root /\n' >file
	mkdir -p root/usr/bin && cp curl root/usr/bin
	"$CONDUCTOR" build with-curl file >/dev/null
	"$CONDUCTOR" run -d with-curl alice -- sleep 1000 3>&-
	"$CONDUCTOR" addnetwork alice -i
	run -0 inside alice curl -s http://203.0.113.1/
	assert_equal "$output" "$LAB_TOKEN"
}

@test "addnetwork -i: the container has the host's resolvers, the host's file is as it was" {
	start alice bob
	set_resolv_conf $'# a comment\nsearch example.org\nnameserver 203.0.113.1\nnameserver 198.51.100.7'
	"$CONDUCTOR" addnetwork alice -i
	"$CONDUCTOR" addnetwork bob
	assert_equal "$(resolvers_of alice)" "nameserver 203.0.113.1 nameserver 198.51.100.7"
	assert_contains "$(inside alice cat /etc/resolv.conf)" "search example.org"
	assert_equal "$(resolvers_of bob)" ""
	inside alice sh -c 'echo nameserver 192.0.2.1 >/etc/resolv.conf' # a file of its own, after all
	assert_equal "$(cat /etc/resolv.conf)" $'# a comment\nsearch example.org\nnameserver 203.0.113.1\nnameserver 198.51.100.7'
}

@test "addnetwork -i: a resolver on the host's loopback is replaced by the real one behind it (R6, systemd#9450)" {
	start alice
	set_resolv_conf $'nameserver 127.0.0.53\noptions edns0'
	mkdir -p /run/systemd/resolve
	echo 'nameserver 198.51.100.7' >/run/systemd/resolve/resolv.conf
	run -0 --separate-stderr "$CONDUCTOR" addnetwork alice -i
	assert_equal "$stderr" ""
	assert_equal "$(resolvers_of alice)" "nameserver 198.51.100.7"
}

@test "addnetwork -i: a loopback resolver beside a real one is left out; where there is no other, a warning (R6, moby#49665)" {
	start alice bob
	set_resolv_conf $'nameserver 127.0.0.1\nnameserver ::1\nnameserver 198.51.100.7'
	run -0 --separate-stderr "$CONDUCTOR" addnetwork alice -i
	assert_equal "$stderr" ""
	assert_equal "$(resolvers_of alice)" "nameserver 198.51.100.7"
	set_resolv_conf $'nameserver 127.0.0.53\nnameserver\t127.0.0.54\nnameserver ::1'
	run -0 --separate-stderr "$CONDUCTOR" addnetwork bob -i
	assert_equal "$stderr" "conductor: addnetwork: bob: this host names no resolver that a container could reach: names will not resolve in it"
	assert_equal "$(resolvers_of bob)" ""
	assert_equal "$(from bob 203.0.113.1:80)" "203.0.113.1:80 $LAB_TOKEN"
}

@test "addnetwork -i: an image whose resolv.conf and hosts are links changes no file of the host" {
	local canaries=$BATS_TEST_TMPDIR/canaries file
	mkdir "$canaries"
	echo canary >"$canaries/hosts"
	echo canary >"$canaries/resolv.conf"
	mkdir -p "root/etc" "root$canaries"
	ln -s "$canaries/hosts" root/etc/hosts
	ln -s "../../../../../../../../..$canaries/resolv.conf" root/etc/resolv.conf
	printf 'FROM base\nCOPY root /\n' >linked
	run -0 "$CONDUCTOR" build linked linked
	"$CONDUCTOR" run -d linked alice -- sleep 1000 3>&-
	start bob
	"$CONDUCTOR" addnetwork alice -i
	"$CONDUCTOR" addnetwork bob
	"$CONDUCTOR" peer alice bob
	for file in hosts resolv.conf; do
		assert_equal "$(cat "$canaries/$file")" canary
	done
	assert_equal "$(resolvers_of alice)" "$(grep ^nameserver /etc/resolv.conf)"
	assert_matches "$(inside alice cat /etc/hosts)" $'192\.168\.2\.2[\t ]+bob'
	"$CONDUCTOR" stop -t 0 alice
	for file in hosts resolv.conf; do
		assert_equal "$(cat "$canaries/$file")" canary
	done
}

@test "addnetwork: a container finds itself by name, and localhost" {
	start alice
	"$CONDUCTOR" addnetwork alice
	assert_matches "$(inside alice cat /etc/hosts)" $'(^|\n)127\.0\.0\.1[\t ]+localhost'
	assert_matches "$(inside alice cat /etc/hosts)" $'\n192\.168\.1\.2[\t ]+alice(\n|$)'
}

# --- -e -----------------------------------------------------------------------------------------

@test "addnetwork -e 8080-3000: HOST-IP:3000, localhost:3000 and another machine reach the container's 8080" {
	start alice
	serve_in alice 8080
	assert_equal "$(from_here 127.0.0.1:3000 203.0.113.2:3000)" $'127.0.0.1:3000 refused\n203.0.113.2:3000 refused'
	"$CONDUCTOR" addnetwork alice -e 8080-3000
	assert_equal "$(from_here 127.0.0.1:3000 127.0.0.5:3000 203.0.113.2:3000 192.168.1.1:3000)" \
		"127.0.0.1:3000 alice 192.168.1.1
127.0.0.5:3000 alice 192.168.1.1
203.0.113.2:3000 alice 203.0.113.2
192.168.1.1:3000 alice 192.168.1.1"
	assert_equal "$(from_outside 203.0.113.2:3000 203.0.113.2:8080)" $'203.0.113.2:3000 alice 203.0.113.1\n203.0.113.2:8080 refused'
	# It is no way out.
	assert_matches "$(from alice 203.0.113.1:80)" '^203\.0\.113\.1:80 (silent|unreachable)$'
}

@test "addnetwork -e: curl fetches from localhost:3000" {
	requires curl
	start alice
	serve_in alice 8080
	"$CONDUCTOR" addnetwork alice -i -e 8080-3000
	run -0 curl -sS --max-time 5 http://localhost:3000/
	assert_equal "$output" "alice 192.168.1.1"
}

@test "addnetwork -e: a container doesn't reach its own published port through the host (documented)" {
	start alice
	serve_in alice 8080
	"$CONDUCTOR" addnetwork alice -i -e 8080-3000
	assert_equal "$(from alice 127.0.0.1:8080 192.168.1.2:8080 192.168.1.1:3000 203.0.113.2:3000)" \
		"127.0.0.1:8080 alice 127.0.0.1
192.168.1.2:8080 alice 192.168.1.2
192.168.1.1:3000 refused
203.0.113.2:3000 silent"
}

@test "addnetwork: options before and after the name, short, long and joined" {
	start alice
	serve_in alice 8080
	"$CONDUCTOR" addnetwork -e 8080-3000 --expose 8080-3001 alice --expose=8080-3002 -ie8080-3003
	assert_equal "$(from_outside 203.0.113.2:{3000,3001,3002,3003})" \
		"$(printf '203.0.113.2:%d alice 203.0.113.1\n' 3000 3001 3002 3003)"
	assert_equal "$(from alice 203.0.113.1:80)" "203.0.113.1:80 $LAB_TOKEN"
}

@test "addnetwork -e: the ports 1 and 65535 are ports" {
	start alice
	serve_in alice 1 65535
	"$CONDUCTOR" addnetwork alice -e 65535-1 -e 1-65535
	assert_equal "$(from_here 127.0.0.1:1 127.0.0.1:65535)" $'127.0.0.1:1 alice 192.168.1.1\n127.0.0.1:65535 alice 192.168.1.1'
}

@test "addnetwork -e: what is no pair of ports is a wrong call, and nothing is made" {
	local text
	start alice
	for text in 8080 8080- -3000 8080-3000-1 0-3000 8080-0 65536-3000 8080-65536 a-b 8080-3000x ' 8080-3000' \
		'8080 -3000' 8080:3000 +1-2 1--2 0x10-20 8080-99999999999999999999 ''; do
		conductor_fails 2 "conductor: addnetwork: -e $text: not two ports, INNER-OUTER, from 1 to 65535 (usage: conductor addnetwork [OPTIONS] NAME)" \
			addnetwork alice -e "$text"
	done
	conductor_fails 2 "conductor: addnetwork: -e wants INNER-OUTER (usage: conductor addnetwork [OPTIONS] NAME)" addnetwork alice -e
	assert_equal "$(links_of alice)" lo
}

@test "addnetwork -e: a port that another container has is refused, and that one is named" {
	start alice bob
	serve_in alice 8080
	"$CONDUCTOR" addnetwork alice -e 8080-3000
	conductor_fails 1 "conductor: addnetwork: port 3000 is published by container alice already" addnetwork bob -i -e 8080-3000
	assert_equal "$(links_of bob)" lo
	refute [ -e /sys/class/net/bob-outside ]
	assert_equal "$(from_here 127.0.0.1:3000)" "127.0.0.1:3000 alice 192.168.1.1"
	run -0 "$CONDUCTOR" addnetwork bob -e 8080-3001 # the inner port may be the same
}

@test "addnetwork -e: the same outer port twice is refused" {
	start alice
	conductor_fails 2 "conductor: addnetwork: -e 81-3000: the outer port is given twice (usage: conductor addnetwork [OPTIONS] NAME)" \
		addnetwork alice -e 80-3000 -e 81-3000
	assert_equal "$(links_of alice)" lo
	"$CONDUCTOR" addnetwork alice -e 80-3000
	conductor_fails 1 "conductor: addnetwork: port 3000 is published by container alice already" addnetwork alice -e 81-3000
}

# The pid of what serve_here started for this port.
server_at() { # PORT
	local directory words
	for directory in /proc/[0-9]*; do
		mapfile -d '' words <"$directory/cmdline" || continue
		if [ "${words[0]:-}" = "$WIRE" ] && [[ " ${words[*]} " =~ [\ :]$1\  ]]; then
			echo "${directory#/proc/}"
		fi
	done 2>/dev/null
}

@test "addnetwork -e: a port where a program of the host listens is refused, and that one is named (R7, moby#36591)" {
	start alice
	serve_here host 7000 127.0.0.1:7001
	serve_here host6 '[::]:7002'
	local port pid
	for port in 7000 7001 7002; do
		pid=$(server_at $port)
		conductor_fails 1 "conductor: addnetwork: port $port: Address already in use (wire listens there, process $pid)" \
			addnetwork alice -i -e 80-$port
	done
	assert_equal "$(links_of alice)" lo
	assert_equal "$(from_here 127.0.0.1:7000)" "127.0.0.1:7000 host 127.0.0.1" # still
}

@test "addnetwork -e: the port is free again after stop, after exit, and after kill -9 of the parent (R2, moby#20486)" {
	start alice bob carol dave
	"$CONDUCTOR" addnetwork alice -e 80-3000
	"$CONDUCTOR" stop -t 0 alice
	"$CONDUCTOR" addnetwork bob -e 80-3000
	kill -KILL "$(init_of sh -c "$KEEP_RUNNING" bob)"
	wait_until 5 refute [ -e /sys/class/net/bob-outside ] 2>/dev/null
	"$CONDUCTOR" addnetwork carol -i -e 80-3000
	kill_parent carol
	"$CONDUCTOR" addnetwork dave -e 8080-3000
	serve_in dave 8080
	assert_equal "$(from_here 127.0.0.1:3000)" "127.0.0.1:3000 dave $(host_end_of dave)"
}

@test "addnetwork -e: more than 64 ports are refused, and nothing is made" {
	local many
	start alice
	mapfile -t many < <(printf -- '-e\n80-%d\n' {4001..4064})
	run -2 --separate-stderr "$CONDUCTOR" addnetwork alice "${many[@]}" -e 80-5000
	assert_contains "$stderr" "conductor: addnetwork: more than 64 options"
	assert_equal "$(links_of alice)" lo
	run -0 "$CONDUCTOR" addnetwork alice "${many[@]}"
	conductor_fails 1 "conductor: addnetwork: alice: more than 64 published ports" addnetwork alice -e 80-5000
	assert_equal "$(from_here 127.0.0.1:4064)" "127.0.0.1:4064 refused" # by the container
}

# --- later --------------------------------------------------------------------------------------

@test "addnetwork: twice is refused, and the network goes on" {
	start alice
	serve_in alice 8080
	"$CONDUCTOR" addnetwork alice -i
	conductor_fails 1 "conductor: addnetwork: alice: it has this network already" addnetwork alice
	conductor_fails 1 "conductor: addnetwork: alice: it has this network already" addnetwork alice -i
	assert_equal "$(links_of alice)" $'alice-inside\nlo'
	assert_equal "$(from alice 203.0.113.1:80)" "203.0.113.1:80 $LAB_TOKEN"
}

@test "addnetwork: -i and -e add to a network that is there" {
	start alice
	serve_in alice 8080
	"$CONDUCTOR" addnetwork alice
	"$CONDUCTOR" addnetwork alice -e 8080-3000
	assert_equal "$(from_here 127.0.0.1:3000)" "127.0.0.1:3000 alice 192.168.1.1"
	assert_matches "$(from alice 203.0.113.1:80)" '^203\.0\.113\.1:80 (silent|unreachable)$'
	"$CONDUCTOR" addnetwork alice -i
	assert_equal "$(from alice 203.0.113.1:80)" "203.0.113.1:80 $LAB_TOKEN"
	assert_contains "$(resolvers_of alice)" "nameserver"
	"$CONDUCTOR" addnetwork alice -i -e 8080-3001
	assert_equal "$(from_outside 203.0.113.2:3000 203.0.113.2:3001)" \
		$'203.0.113.2:3000 alice 203.0.113.1\n203.0.113.2:3001 alice 203.0.113.1'
	assert_equal "$(address_of alice)" 192.168.1.2
}

@test "addnetwork: what can't be added leaves the network as it was" {
	start alice bob
	serve_in alice 8080
	serve_here host 7000
	"$CONDUCTOR" addnetwork alice -e 8080-3000
	conductor_fails 1 "conductor: addnetwork: port 7000: Address already in use (wire listens there, process $(server_at 7000))" \
		addnetwork alice -i -e 8080-3001 -e 8080-7000
	assert_equal "$(from_here 127.0.0.1:3000 127.0.0.1:3001)" $'127.0.0.1:3000 alice 192.168.1.1\n127.0.0.1:3001 refused'
	assert_matches "$(from alice 203.0.113.1:80)" '^203\.0\.113\.1:80 (silent|unreachable)$'
	run -0 "$CONDUCTOR" addnetwork bob -e 80-3001
}

# --- its end, and what is refused ---------------------------------------------------------------

@test "addnetwork: link, routes and forwarding go with the container" {
	local forwarding
	forwarding=$(</proc/sys/net/ipv4/ip_forward)
	start alice bob
	"$CONDUCTOR" addnetwork alice -i -e 8080-3000
	"$CONDUCTOR" addnetwork bob -i
	assert_equal "$(</proc/sys/net/ipv4/ip_forward)" 1
	"$CONDUCTOR" stop -t 0 alice
	refute [ -e /sys/class/net/alice-outside ]
	assert_equal "$(</proc/sys/net/ipv4/ip_forward)" 1
	assert_equal "$(from bob 203.0.113.1:80)" "203.0.113.1:80 $LAB_TOKEN"
	"$CONDUCTOR" stop -t 0 bob
	world_is_unchanged # at once
	assert_equal "$(</proc/sys/net/ipv4/ip_forward)" "$forwarding"
}

@test "addnetwork: stop takes the link though somebody holds the namespace, and minds none that is gone already (R2, for-linux#109, nerdctl#2699)" {
	requires iproute2
	start alice bob
	"$CONDUCTOR" addnetwork alice -e 80-3000
	exec 9<"/proc/$(init_of sh -c "$KEEP_RUNNING" alice)/ns/net"
	"$CONDUCTOR" stop -t 0 alice
	refute [ -e /sys/class/net/alice-outside ]
	exec 9<&-
	"$CONDUCTOR" addnetwork bob -e 80-3000
	ip link del bob-outside
	run -0 --separate-stderr "$CONDUCTOR" stop -t 0 bob
	assert_equal "$stderr" ""
}

@test "addnetwork: a container that has exited, or isn't there, is told" {
	run -3 "$CONDUCTOR" run base alice -- sh -c 'exit 3'
	conductor_fails 1 "conductor: addnetwork: alice: it has exited (status 3)" addnetwork alice -i
	conductor_fails 1 "conductor: addnetwork: nobody: no such container" addnetwork nobody
	start bob
	kill_parent bob
	conductor_fails 1 "conductor: addnetwork: bob: it is not running" addnetwork bob
}

@test "addnetwork: wrong calls are told with the usage, exit status 2" {
	local usage="(usage: conductor addnetwork [OPTIONS] NAME)" long
	long=$(printf 'n%.0s' {1..300})
	conductor_fails 2 "conductor: addnetwork: too few words $usage" addnetwork
	conductor_fails 2 "conductor: addnetwork: too few words $usage" addnetwork -i
	conductor_fails 2 "conductor: addnetwork: too many words: bob $usage" addnetwork alice bob
	conductor_fails 2 "conductor: addnetwork: unknown option -r $usage" addnetwork -rf
	conductor_fails 2 "conductor: addnetwork: unknown option --nat $usage" addnetwork alice --nat
	conductor_fails 2 "conductor: addnetwork: ../x: not a name for a container $usage" addnetwork ../x
	conductor_fails 2 "conductor: addnetwork: : not a name for a container $usage" addnetwork ''
	conductor_fails 2 "conductor: addnetwork: -rf: not a name for a container $usage" addnetwork -- -rf
	conductor_fails 2 "conductor: addnetwork: $long: not a name for a container $usage" addnetwork "$long"
}

@test "addnetwork: without root's rights it says what would help" {
	requires machine_root setpriv
	run -1 --separate-stderr as_nobody "$CONDUCTOR" addnetwork alice
	assert_equal "$stderr" "conductor: addnetwork: networks need root: sudo, or run all of it inside tests/lab/lab, which needs none"
}
