#include "http_server.h"

#include "clock.h"
#include "common/cleanup.h"
#include "common/error.h"
#include "http_connection.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	CONNECTIONS_MAX = 4000,
	FAIR_MS = 250,	  /* when room is needed, who has waited for longer must go */
	RETRY_MS = 50,	  /* after accept(2) failed for want of something */
	STOP_MS = 1000,	  /* for the last answers, after SIGTERM */
	ACCEPTS_MAX = 64, /* clients taken in at a time */
};

/* Workers may need some too. */
enum { DESCRIPTORS_WANTED = CONNECTIONS_MAX + 500 };

enum { POLL_SIGNAL, POLL_DONE, POLL_LISTENER, POLL_FIRST_CONNECTION };

struct server {
	const struct http_service *service;
	struct workers workers;
	int listener;
	int signals;		 /* signalfd(2) */
	int64_t accept_again_ms; /* no accept(2) before that */
	int64_t stop_ms;	 /* 0, or by when to be gone */
	size_t count;
	struct connection *connections[CONNECTIONS_MAX];
	struct pollfd polls[POLL_FIRST_CONNECTION + CONNECTIONS_MAX];
};

/* A worker's part: the answer to a connection's request. */
static void make_answer(struct work *work, void *arg)
{
	struct connection *connection = (struct connection *)work;
	const struct http_service *service = arg;
	const struct http_request *request = &connection->request;
	struct http_response response;

	const struct http_route *route = service->routes;
	while (route->path && !http_text_is(request->path, route->path))
		route++;
	if (!route->path)
		http_respond_status(&response, 404);
	else if (request->method == HTTP_OTHER)
		http_respond_status(&response, 405);
	else
		route->handler(&response, request->method == HTTP_HEAD, connection->since_ms,
			       service->arg);
	connection_answer(connection, &response);
}

/* A descriptor for every connection, as far as this is allowed: the usual limit of 1024 is for
 * programs that use select(2). Where it isn't, accept_one sees to it that the service goes on. */
static void raise_descriptor_limit(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= DESCRIPTORS_WANTED)
		return;
	limit.rlim_cur = limit.rlim_max < DESCRIPTORS_WANTED ? limit.rlim_max : DESCRIPTORS_WANTED;
	setrlimit(RLIMIT_NOFILE, &limit);
}

/* A listening socket on the port, or -1 with errno. */
static int listen_on(int port)
{
	AUTO_CLOSE int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	/* Else a restart would be refused as long as the old connections are in TIME_WAIT. */
	int on = 1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_ANY),
	};
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 4096) < 0)
		return -1;
	int listener = fd;
	fd = -1; /* it stays open */
	return listener;
}

/*
 * The signals that end the service arrive as a descriptor's data: no handler interrupts anything.
 * They are blocked for that, and so also reach a container's PID 1, for which the kernel drops a
 * signal that is neither handled nor blocked. Threads started from now on inherit the mask.
 */
static int open_signals(void)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN); /* for standard output; sockets use MSG_NOSIGNAL */
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* After connection_advance: a connection with a whole request goes to the workers, one that is
 * closed goes away. */
static void pass_on(struct server *server, size_t index)
{
	struct connection *connection = server->connections[index];
	if (connection->state == CONNECTION_WORKING) {
		workers_give(&server->workers, &connection->work);
	} else if (connection->state == CONNECTION_CLOSED) {
		connection_free(connection);
		server->connections[index] = server->connections[--server->count];
	}
}

/*
 * Makes room for a newcomer by closing the connection that has waited longest for its client, if it
 * has had a fair time: many idle or very slow clients never keep others out. False if there is
 * none.
 */
static bool make_room(struct server *server)
{
	int64_t oldest_ms = now_ms() - FAIR_MS;
	size_t oldest = server->count;
	for (size_t i = 0; i < server->count; i++) {
		const struct connection *connection = server->connections[i];
		if (connection->state != CONNECTION_WORKING && connection->since_ms < oldest_ms) {
			oldest_ms = connection->since_ms;
			oldest = i;
		}
	}
	if (oldest == server->count)
		return false;
	server->connections[oldest]->state = CONNECTION_CLOSED;
	pass_on(server, oldest);
	return true;
}

/* Takes a client in. False when there is none, or no room for one. */
static bool accept_one(struct server *server)
{
	if (server->count == CONNECTIONS_MAX && !make_room(server)) {
		server->accept_again_ms = now_ms() + RETRY_MS;
		return false;
	}
	int fd = accept4(server->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0) {
		if (errno == EAGAIN || errno == EWOULDBLOCK)
			return false;
		/* Out of descriptors (EMFILE, ENFILE) or memory: the client stays in the queue, and
		 * poll would report it at once again. Any other error was that client's own. */
		bool wants =
			errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM;
		if (wants && !make_room(server)) {
			server->accept_again_ms = now_ms() + RETRY_MS;
			return false;
		}
		return true;
	}
	/* Answers are sent whole: waiting for more to send with them gains nothing. */
	int on = 1;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	struct connection *connection = connection_new(fd, server->service->timeout_ms);
	if (!connection)
		return true;
	server->connections[server->count++] = connection;
	connection_advance(connection);
	pass_on(server, server->count - 1);
	return true;
}

/* Sends the answers that the workers have made. */
static void send_answers(struct server *server)
{
	struct work *next = NULL;
	for (struct work *work = workers_collect(&server->workers); work; work = next) {
		next = work->next; /* it may be at a worker again at once */
		struct connection *connection = (struct connection *)work;
		if (server->stop_ms)
			connection->close_after = true;
		connection_answered(connection);
		if (connection->state == CONNECTION_WORKING)
			workers_give(&server->workers, work);
	}
}

/* SIGTERM: no new clients, and none of the old ones but those who are owed an answer. */
static void begin_stop(struct server *server)
{
	struct signalfd_siginfo info;
	if (read(server->signals, &info, sizeof(info)) < 0 || server->stop_ms)
		return;
	server->stop_ms = now_ms() + STOP_MS;
	close_fd(&server->listener);
}

/* Goes through the connections once: what poll reported, what is too late, what is closed. */
static void serve_connections(struct server *server)
{
	int64_t now = now_ms();
	/* Backwards: pass_on puts the last one, which has had its turn, in the place of a closed
	 * one. */
	for (size_t i = server->count; i-- > 0;) {
		struct connection *connection = server->connections[i];
		if (connection->state == CONNECTION_WORKING)
			continue;
		if (server->polls[POLL_FIRST_CONNECTION + i].revents)
			connection_advance(connection);
		else if (now >= connection->deadline_ms)
			connection_expire(connection);
		if (server->stop_ms && connection->state != CONNECTION_WORKING &&
		    connection->state != CONNECTION_WRITING)
			connection->state = CONNECTION_CLOSED;
		pass_on(server, i);
	}
}

/* Fills in what poll(2) waits for. Returns for how long, in milliseconds, or -1. */
static int prepare_poll(struct server *server)
{
	int64_t wake_ms = server->stop_ms ? server->stop_ms : INT64_MAX;
	bool accepting = now_ms() >= server->accept_again_ms;
	if (!accepting && server->accept_again_ms < wake_ms)
		wake_ms = server->accept_again_ms;
	server->polls[POLL_SIGNAL] = (struct pollfd){ server->signals, POLLIN, 0 };
	server->polls[POLL_DONE] = (struct pollfd){ server->workers.done_fd, POLLIN, 0 };
	server->polls[POLL_LISTENER] =
		(struct pollfd){ accepting ? server->listener : -1, POLLIN, 0 };
	for (size_t i = 0; i < server->count; i++) {
		const struct connection *connection = server->connections[i];
		bool working = connection->state == CONNECTION_WORKING;
		server->polls[POLL_FIRST_CONNECTION + i] =
			(struct pollfd){ working ? -1 : connection->fd,
					 connection_events(connection), 0 };
		if (!working && connection->deadline_ms < wake_ms)
			wake_ms = connection->deadline_ms;
	}
	return wake_ms == INT64_MAX ? -1 : ms_until(wake_ms);
}

static bool is_over(const struct server *server)
{
	return server->stop_ms && (server->count == 0 || now_ms() >= server->stop_ms);
}

static int serve(struct server *server)
{
	while (!is_over(server)) {
		int timeout_ms = prepare_poll(server);
		if (poll(server->polls, POLL_FIRST_CONNECTION + server->count, timeout_ms) < 0) {
			if (errno == EINTR)
				continue;
			report_errno("", "cannot wait for clients");
			return EXIT_OWN_FAILURE;
		}
		if (server->polls[POLL_SIGNAL].revents)
			begin_stop(server);
		if (server->polls[POLL_DONE].revents)
			send_answers(server);
		serve_connections(server);
		/* Last, as it puts connections in other places; and not all, so that a flood of
		 * clients doesn't keep those waiting who are in. */
		for (int i = 0; i < ACCEPTS_MAX && server->polls[POLL_LISTENER].revents; i++) {
			if (server->listener < 0 || !accept_one(server))
				break;
		}
	}
	return EXIT_SUCCESS;
}

/* Opens what the server needs. 0, or -1 after a report. */
static int open_server(struct server *server)
{
	const struct http_service *service = server->service;
	raise_descriptor_limit();
	server->listener = listen_on(service->port);
	if (server->listener < 0) {
		const char *hint = errno == EADDRINUSE ? "another program has this port"
				   : errno == EACCES   ? "ports below 1024 need root"
						       : "";
		report_errno(hint, "cannot listen on port %d", service->port);
		return -1;
	}
	server->signals = open_signals();
	if (server->signals < 0) {
		report_errno("", "cannot receive signals");
		return -1;
	}
	if (workers_start(&server->workers, service->threads, make_answer, (void *)service) < 0) {
		report_errno(errno == EAGAIN ? "a limit on processes or threads is reached" : "",
			     "cannot start %u threads", service->threads);
		return -1;
	}
	return 0;
}

int http_serve(const struct http_service *service)
{
	AUTO_FREE struct server *server = calloc(1, sizeof(*server));
	if (!server) {
		report_errno("", "cannot begin");
		return EXIT_OWN_FAILURE;
	}
	server->service = service;
	server->signals = -1;
	int status = EXIT_OWN_FAILURE;
	if (open_server(server) == 0) {
		printf("%s: listening on 0.0.0.0:%d\n", service->name, service->port);
		fflush(stdout);
		status = serve(server);
		/* A handler that is still waiting for something would have to be waited for. */
		if (server->count > 0)
			_exit(status);
		workers_stop(&server->workers);
	}
	close_fd(&server->listener);
	close_fd(&server->signals);
	return status;
}
