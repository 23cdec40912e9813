#!/usr/bin/env bats
# Task 3: what the course's own script gets wrong; shown, and not graded unless a rubric says so.
# shellcheck disable=SC2154 # E is check.bash's

load ../check

@test "3.third" {
	from network
	expect "no answer to a container that is no peer"
	unanswered third.to_server
}

@test "3.runstatus" {
	from containers
	expect "43, what the command ended with"
	has run.status
	saw "$(content run.status)"
	[ "$(content run.status)" = 43 ]
}

@test "3.execstatus" {
	from containers
	expect "42, what the command ended with"
	has exec.status
	saw "$(content exec.status)"
	[ "$(content exec.status)" = 42 ]
}

@test "3.runwords" {
	from containers
	expect 'three arguments: two  spaces||a*b|'
	has run.words
	saw "$(content run.words | tail -n 3)"
	grep -qF 'two  spaces||a*b|' "$E/run.words"
}

@test "3.execwords" {
	from containers
	expect 'three arguments: two  spaces||a*b|'
	has exec.words
	saw "$(content exec.words | tail -n 3)"
	grep -qF 'two  spaces||a*b|' "$E/exec.words"
}

@test "3.badname" {
	from containers
	expect "a status other than 0"
	has badname.status
	saw "exit status $(content badname.status)"
	[ "$(content badname.status)" != 0 ]
}

@test "3.other" {
	from containers
	expect "the other container's command still runs"
	has stop.status
	saw "$(content stop.other | grep -q yes && echo "it runs" || echo "it is gone")"
	[ "$(content stop.other)" = yes ]
}

@test "3.rmi" {
	from containers
	expect "after rmi, images has one line less"
	has images
	saw "$(content images.after | tail -n 5)"
	[ "$(grep -c . "$E/images.after")" -lt "$(grep -c . "$E/images")" ]
}

@test "3.localhost" {
	from network
	expect "an answer at 127.0.0.1, too"
	answered published.local 'server '
}

@test "3.hostport" {
	from network
	expect "an answer at the host's own address"
	answered published.host 'server '
}

@test "3.foreign" {
	from network firewall.before firewall.after
	expect "a rule that somebody else had made is there, before and after the last stop"
	has firewall.before firewall.after
	saw "$(grep -c 'DROP' "$E/firewall.before" "$E/firewall.after" | sed 's/.*firewall/firewall/' | tr '\n' ' ')"
	[ "$(content foreign.during)" = yes ]
	grep -qxF -f <(grep -- '-j DROP' "$E/firewall.before" | head -n 1) "$E/firewall.after"
}

@test "3.stale" {
	from network firewall.after
	expect "no rule and no element that names a container's link, address or port"
	has server/address firewall.after
	saw "$(grep -E "$(content server/address)|$(content client/address)|-outside" "$E/firewall.after" | head -n 5 | grep . || echo none)"
	[ "$(grep -cE "$(content server/address)|$(content client/address)|-outside" "$E/firewall.after")" = 0 ]
}

@test "3.resolv" {
	from network resolv.before resolv.after
	expect "the host's /etc/resolv.conf is what it was"
	has resolv.before
	saw "$(content resolv.after | grep . || echo it is empty)"
	cmp -s "$E/resolv.before" "$E/resolv.after"
}

@test "3.longname" {
	from network
	expect "the internet's answer in a container with a long name"
	answered long.internet "$(content token)"
}
