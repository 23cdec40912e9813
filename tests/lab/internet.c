/*
 * Inside, on the internet's side: a small HTTP/1.1 server.
 *     GET /         the lab's token
 *     GET /source   the client's address, as this side sees it
 * Every answer is text/plain, one line, and closes the connection. One process watches all clients
 * with poll(2), so that a slow one keeps nobody waiting.
 */
#include "lab.h"

#include "common/cleanup.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum { MAX_CLIENTS = 256, REQUEST_BYTES = 4096, PATIENCE_MS = 10000 };

struct client {
	int64_t deadline_ms;
	size_t used;
	int fd; /* -1: this place is free */
	bool answered;
	char source[INET_ADDRSTRLEN];
	char request[REQUEST_BYTES + 1];
};

static struct client clients[MAX_CLIENTS];

static int64_t now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void hang_up(struct client *client)
{
	close_fd(&client->fd);
}

/* A free place; if there is none, that of the client who has taken longest. */
static struct client *find_place(void)
{
	struct client *place = &clients[0];
	for (size_t i = 0; i < MAX_CLIENTS; i++) {
		if (clients[i].fd < 0)
			return &clients[i];
		if (clients[i].deadline_ms < place->deadline_ms)
			place = &clients[i];
	}
	hang_up(place);
	return place;
}

static void welcome(int listener)
{
	struct sockaddr_in from = { 0 };
	socklen_t size = sizeof(from);
	int fd = accept4(listener, (struct sockaddr *)&from, &size, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0)
		return; /* it changed its mind */
	struct client *client = find_place();
	client->fd = fd;
	client->answered = false;
	client->used = 0;
	client->deadline_ms = now_ms() + PATIENCE_MS;
	inet_ntop(AF_INET, &from.sin_addr, client->source, sizeof(client->source));
}

static void answer(struct client *client, const char *status, const char *line)
{
	char text[512];
	int length = snprintf(text, sizeof(text),
			      "HTTP/1.1 %s\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n"
			      "Connection: close\r\n\r\n%s\n",
			      status, strlen(line) + 1, line);
	/* So little always fits into a new connection's buffer. */
	send(client->fd, text, (size_t)length, MSG_NOSIGNAL);
	/* Closing while the client still sends would reset the connection, and with it the answer
	 * may be lost: so the client closes first. */
	shutdown(client->fd, SHUT_WR);
	client->answered = true;
}

static void answer_request(struct client *client, const char *token)
{
	char method[16];
	char path[64];
	if (sscanf(client->request, "%15[A-Z] %63s HTTP/1.", method, path) != 2)
		answer(client, "400 Bad Request", "bad request");
	else if (strcmp(method, "GET") != 0)
		answer(client, "405 Method Not Allowed", "only GET");
	else if (!strcmp(path, "/"))
		answer(client, "200 OK", token);
	else if (!strcmp(path, "/source"))
		answer(client, "200 OK", client->source);
	else
		answer(client, "404 Not Found", "not found");
}

static void listen_to(struct client *client, const char *token)
{
	if (client->answered)
		client->used = 0; /* whatever still comes is read and dropped */
	ssize_t got =
		recv(client->fd, client->request + client->used, REQUEST_BYTES - client->used, 0);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0) {
		hang_up(client);
		return;
	}
	if (client->answered)
		return;
	client->used += (size_t)got;
	client->request[client->used] = '\0';
	if (strstr(client->request, "\r\n\r\n") || strstr(client->request, "\n\n"))
		answer_request(client, token);
	else if (client->used == REQUEST_BYTES)
		answer(client, "431 Request Header Fields Too Large", "too large");
}

/* Hangs up on whoever is late. Returns how long poll may wait for the next one. */
static int next_timeout_ms(void)
{
	int64_t now = now_ms();
	int64_t timeout = -1;
	for (size_t i = 0; i < MAX_CLIENTS; i++) {
		if (clients[i].fd < 0)
			continue;
		int64_t left = clients[i].deadline_ms - now;
		if (left <= 0)
			hang_up(&clients[i]);
		else if (timeout < 0 || left < timeout)
			timeout = left;
	}
	return (int)timeout;
}

void internet_serve(int listener, const char *token)
{
	for (size_t i = 0; i < MAX_CLIENTS; i++)
		clients[i].fd = -1;
	for (;;) {
		/* poll passes over entries whose descriptor is negative. */
		struct pollfd watched[MAX_CLIENTS + 1] = { { .fd = listener, .events = POLLIN } };
		int timeout = next_timeout_ms();
		for (size_t i = 0; i < MAX_CLIENTS; i++)
			watched[i + 1] = (struct pollfd){ .fd = clients[i].fd, .events = POLLIN };
		if (poll(watched, MAX_CLIENTS + 1, timeout) < 0)
			continue;
		for (size_t i = 0; i < MAX_CLIENTS; i++) {
			if (watched[i + 1].revents)
				listen_to(&clients[i], token);
		}
		if (watched[0].revents)
			welcome(listener);
	}
}
