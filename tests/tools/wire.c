/*
 * wire - speaks and listens on a network for the suites, inside any image: it needs nothing there.
 *
 *     wire serve NAME ENDPOINT...       answers each TCP connection by HTTP: "NAME SOURCE-ADDRESS"
 *     wire reach [-t MS] TARGET...      tries all of ENDPOINT[/PATH] by TCP, at once
 *     wire hear ENDPOINT                prints each UDP datagram: "SOURCE-ADDRESS TEXT"
 *     wire say ENDPOINT TEXT...         sends each TEXT as a UDP datagram
 *     wire frame INTERFACE MAC SOURCE ENDPOINT TEXT
 *                                       the same by a frame of its own: any source address, no route
 *
 * ENDPOINT is ADDRESS:PORT, [IPv6-ADDRESS]:PORT, or PORT: of every IPv4 address.
 * serve and hear print "ready" once they can be spoken to; serve goes on until it is killed, hear
 * until the text is "end". reach prints a line for each target, in the order given: the target and
 * the first line of the answer, or "refused", "unreachable"; "silent" if there was no connection
 * within MS (200) milliseconds, "mute" if no answer on it within 10 seconds.
 * Exit status 0, 2 for a wrong call, 1 for what the kernel refused.
 * Privilege: frame needs CAP_NET_RAW. See tcp(7), udp(7), packet(7).
 */
#include "wire.h"

#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { MAX_ENDPOINTS = 32, ANSWER_BYTES = 1024, ANSWER_MS = 10000 };

/* --- addresses ------------------------------------------------------------------------------- */

static int parse_integer(const char *text, int max)
{
	char *end;
	errno = 0;
	long value = strtol(text, &end, 10);
	if (errno || end == text || *end || value < 0 || value > max)
		errx(2, "%s: not a number from 0 to %d", text, max);
	return (int)value;
}

union endpoint parse_endpoint(const char *text)
{
	union endpoint endpoint = { .any = { .sa_family = AF_INET } };
	char copy[64];
	snprintf(copy, sizeof(copy), "%s", text);
	char *colon = strrchr(copy, ':');
	in_port_t port = htons((uint16_t)parse_integer(colon ? colon + 1 : copy, 65535));
	if (colon)
		*colon = '\0';
	if (colon && *copy == '[' && colon[-1] == ']') {
		colon[-1] = '\0';
		endpoint.v6.sin6_family = AF_INET6;
		endpoint.v6.sin6_port = port;
		if (inet_pton(AF_INET6, copy + 1, &endpoint.v6.sin6_addr) != 1)
			errx(2, "%s: not an IPv6 address", copy + 1);
		return endpoint;
	}
	endpoint.v4.sin_port = port;
	if (colon && inet_pton(AF_INET, copy, &endpoint.v4.sin_addr) != 1)
		errx(2, "%s: not an IPv4 address", copy);
	return endpoint;
}

static socklen_t endpoint_size(const union endpoint *endpoint)
{
	return endpoint->any.sa_family == AF_INET6 ? sizeof(endpoint->v6) : sizeof(endpoint->v4);
}

static const char *format_address(const union endpoint *endpoint, char *text, socklen_t size)
{
	return endpoint->any.sa_family == AF_INET6
		       ? inet_ntop(AF_INET6, &endpoint->v6.sin6_addr, text, size)
		       : inet_ntop(AF_INET, &endpoint->v4.sin_addr, text, size);
}

static int open_bound(const char *text, int type)
{
	union endpoint endpoint = parse_endpoint(text);
	int on = 1;
	int fd = socket(endpoint.any.sa_family, type | SOCK_CLOEXEC, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    bind(fd, &endpoint.any, endpoint_size(&endpoint)) < 0)
		err(1, "%s", text);
	return fd;
}

static void print_ready(void)
{
	puts("ready");
	fflush(stdout);
}

/* --- serve ----------------------------------------------------------------------------------- */

/* In a child for each client. Whoever closes first with the other's words unread resets the
 * connection: so the client does. */
static void answer(int fd, const char *name, const union endpoint *client)
{
	char source[INET6_ADDRSTRLEN];
	char request[ANSWER_BYTES];
	format_address(client, source, sizeof(source));
	dprintf(fd, "HTTP/1.0 200 OK\r\nContent-Length: %zu\r\n\r\n%s %s\n",
		strlen(name) + strlen(source) + 2, name, source);
	shutdown(fd, SHUT_WR);
	while (read(fd, request, sizeof(request)) > 0)
		continue;
}

static void welcome(int listener, const char *name)
{
	union endpoint client = { 0 };
	socklen_t size = sizeof(client);
	int fd = accept4(listener, &client.any, &size, SOCK_CLOEXEC);
	if (fd < 0)
		return; /* it changed its mind */
	if (fork() == 0) {
		answer(fd, name, &client);
		_exit(0);
	}
	close(fd);
}

static int serve(const char *name, char **texts, int count)
{
	struct pollfd listeners[MAX_ENDPOINTS];
	signal(SIGCHLD, SIG_IGN); /* the kernel reaps */
	for (int i = 0; i < count; i++) {
		int fd = open_bound(texts[i], SOCK_STREAM);
		if (listen(fd, 16) < 0)
			err(1, "%s", texts[i]);
		listeners[i] = (struct pollfd){ .fd = fd, .events = POLLIN };
	}
	print_ready();
	for (;;) {
		poll(listeners, (nfds_t)count, -1);
		for (int i = 0; i < count; i++) {
			if (listeners[i].revents)
				welcome(listeners[i].fd, name);
		}
	}
}

/* --- reach ----------------------------------------------------------------------------------- */

struct attempt {
	int fd; /* -1: it is over */
	bool asked;
	const char *path;
	const char *failure; /* NULL: there is an answer */
	size_t size;
	char answer[ANSWER_BYTES + 1];
};

static int64_t now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void end(struct attempt *attempt, const char *failure)
{
	attempt->failure = failure;
	if (attempt->fd >= 0)
		close(attempt->fd);
	attempt->fd = -1;
}

static const char *failure_of(int error)
{
	return error == ECONNREFUSED ? "refused" : error == ECONNRESET ? "reset" : "unreachable";
}

static void begin(struct attempt *attempt, const char *target)
{
	char copy[128];
	const char *slash = strchr(target, '/');
	attempt->path = slash ? slash : "/";
	snprintf(copy, sizeof(copy), "%.*s", slash ? (int)(slash - target) : 127, target);
	union endpoint endpoint = parse_endpoint(copy);
	attempt->fd = socket(endpoint.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (attempt->fd < 0)
		err(1, "cannot make a socket");
	if (connect(attempt->fd, &endpoint.any, endpoint_size(&endpoint)) < 0 &&
	    errno != EINPROGRESS)
		end(attempt, failure_of(errno));
}

/* Something happened: the connection is there, or a part of the answer, or its end, or an error. */
static void go_on(struct attempt *attempt)
{
	int error = 0;
	socklen_t size = sizeof(error);
	getsockopt(attempt->fd, SOL_SOCKET, SO_ERROR, &error, &size);
	if (error) {
		end(attempt, failure_of(error));
		return;
	}
	if (!attempt->asked) {
		dprintf(attempt->fd, "GET %s HTTP/1.0\r\n\r\n", attempt->path);
		attempt->asked = true;
		return;
	}
	ssize_t got =
		read(attempt->fd, attempt->answer + attempt->size, ANSWER_BYTES - attempt->size);
	if (got > 0)
		attempt->size += (size_t)got;
	else if (got == 0 || errno != EAGAIN)
		end(attempt, got == 0 ? NULL : failure_of(errno));
}

static void print_attempt(const struct attempt *attempt, const char *target)
{
	const char *body = strstr(attempt->answer, "\r\n\r\n");
	const char *line = body ? body + 4 : attempt->answer;
	if (attempt->failure)
		printf("%s %s\n", target, attempt->failure);
	else
		printf("%s %.*s\n", target, (int)strcspn(line, "\r\n"), line);
}

/* The kernels connect at once, however busy the machine; its programs may take time to answer. */
static int64_t time_left_ms(const struct attempt *attempt, int64_t passed_ms, int timeout_ms)
{
	int64_t left = (attempt->asked ? ANSWER_MS : timeout_ms) - passed_ms;
	return left > 0 ? left : 0;
}

/* One look at all attempts that go on. What had no time left before the look and shows nothing in
 * it is given up. False: none goes on. */
static bool look(struct attempt *attempts, int count, int64_t passed_ms, int timeout_ms)
{
	struct pollfd watched[MAX_ENDPOINTS];
	int64_t left[MAX_ENDPOINTS];
	int64_t least = -1;
	for (int i = 0; i < count; i++) {
		watched[i] = (struct pollfd){
			.fd = attempts[i].fd, /* poll passes over a negative one */
			.events = attempts[i].asked ? POLLIN : POLLOUT,
		};
		left[i] = time_left_ms(&attempts[i], passed_ms, timeout_ms);
		if (attempts[i].fd >= 0 && (least < 0 || left[i] < least))
			least = left[i];
	}
	if (least < 0)
		return false;
	poll(watched, (nfds_t)count, (int)least);
	for (int i = 0; i < count; i++) {
		if (watched[i].revents)
			go_on(&attempts[i]);
		else if (attempts[i].fd >= 0 && left[i] == 0)
			end(&attempts[i], attempts[i].asked ? "mute" : "silent");
	}
	return true;
}

static int reach(char **targets, int count, int timeout_ms)
{
	static struct attempt attempts[MAX_ENDPOINTS];
	int64_t began_ms = now_ms();
	signal(SIGPIPE, SIG_IGN);
	for (int i = 0; i < count; i++)
		begin(&attempts[i], targets[i]);
	while (look(attempts, count, now_ms() - began_ms, timeout_ms))
		continue;
	for (int i = 0; i < count; i++)
		print_attempt(&attempts[i], targets[i]);
	return 0;
}

/* --- hear and say ---------------------------------------------------------------------------- */

static int hear(const char *endpoint)
{
	char text[512];
	char source[INET6_ADDRSTRLEN];
	int fd = open_bound(endpoint, SOCK_DGRAM);
	print_ready();
	for (;;) {
		union endpoint from = { 0 };
		socklen_t size = sizeof(from);
		ssize_t got = recvfrom(fd, text, sizeof(text) - 1, 0, &from.any, &size);
		if (got < 0)
			err(1, "cannot receive");
		text[got] = '\0';
		if (!strcmp(text, "end"))
			return 0;
		printf("%s %s\n", format_address(&from, source, sizeof(source)), text);
		fflush(stdout);
	}
}

static int say(const char *target, char **texts)
{
	union endpoint endpoint = parse_endpoint(target);
	int fd = socket(endpoint.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	for (; *texts; texts++) {
		if (fd < 0 || sendto(fd, *texts, strlen(*texts), 0, &endpoint.any,
				     endpoint_size(&endpoint)) < 0)
			err(1, "%s", target);
	}
	return 0;
}

int main(int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : "";
	bool fits = argc - 3 <= MAX_ENDPOINTS;
	if (!strcmp(verb, "serve") && argc > 3 && fits)
		return serve(argv[2], argv + 3, argc - 3);
	if (!strcmp(verb, "reach") && argc > 4 && fits && !strcmp(argv[2], "-t"))
		return reach(argv + 4, argc - 4, parse_integer(argv[3], 1000000));
	if (!strcmp(verb, "reach") && argc > 2 && fits)
		return reach(argv + 2, argc - 2, 200);
	if (!strcmp(verb, "hear") && argc == 3)
		return hear(argv[2]);
	if (!strcmp(verb, "say") && argc > 3)
		return say(argv[2], argv + 3);
	if (!strcmp(verb, "frame") && argc == 7) {
		send_frame(argv[2], argv[3], argv[4], argv[5], argv[6]);
		return 0;
	}
	errx(2, "usage: wire serve NAME ENDPOINT... | reach [-t MS] TARGET... | hear ENDPOINT | "
		"say ENDPOINT TEXT... | frame INTERFACE MAC SOURCE ENDPOINT TEXT");
}
