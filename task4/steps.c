/*
 * Steps 1 to 7: from nothing to two services that answer. Only the commands of the assignment's own
 * table are used, and no path of the host leads into a container: so any conductor will do.
 */
#include "orchestrator.h"

#include "address.h"
#include "clock.h"
#include "common/cleanup.h"
#include "common/error.h"
#include "tar.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

/* Pauses between two looks at something that is not ready yet. */
enum { FIRST_PAUSE_MS = 1, LONGEST_PAUSE_MS = 100 };

/* How long one answer may take while a service is becoming ready. */
enum { ANSWER_MS = 1000 };

int run_steps(struct orchestrator *o, const struct step *steps, int number)
{
	for (; steps->title; steps++, number++) {
		int64_t begin_ms = now_ms();
		note(o, "%s", "");
		int result = is_interrupted() ? failed(o, "interrupted") : steps->run(o);
		if (result < 0) {
			report("step %d, %s: %s", number, steps->title, o->why);
			return -1;
		}
		printf("%d. %-26s %6lld ms   %s\n", number, steps->title,
		       (long long)(now_ms() - begin_ms), o->note);
		fflush(stdout);
	}
	return 0;
}

static int build_image(struct orchestrator *o, const struct service *service)
{
	char path[PATH_MAX + NAME_SIZE];
	int there = conduct_lists(o, "images", service->image);
	if (there != 0)
		return there < 0 ? -1 : 0;
	snprintf(path, sizeof(path), "%s/%s", o->directory, service->conductorfile);
	/* Where the programs were installed without it, what the conductor makes on its own will
	 * do. */
	const char *file = access(path, R_OK) == 0 ? path : NULL;
	return conduct(o, -1, NULL, WORDS("build", service->image, file));
}

static int build_images(struct orchestrator *o)
{
	if (build_image(o, &o->counter) < 0 || build_image(o, &o->external) < 0)
		return -1;
	if (strcmp(o->counter.image, o->external.image) == 0)
		note(o, "%s", o->counter.image);
	else
		note(o, "%s, %s", o->external.image, o->counter.image);
	return 0;
}

/* A word that no other container's PID 1 has in its environment. */
static void make_token(struct orchestrator *o)
{
	unsigned long long random = 0;
	if (getrandom(&random, sizeof(random), 0) < 0)
		random = (unsigned long long)getpid();
	snprintf(o->token, sizeof(o->token), "UP=%016llx", random);
}

/* The container's name must be free: only what we have made ourselves may we ever stop. */
static int start_container(struct orchestrator *o, struct service *service)
{
	int there = conduct_lists(o, "ps", service->container);
	if (there < 0)
		return -1;
	if (there)
		return failed(o, "there is a container %s already", service->container);
	service->claimed = 1;
	return conduct_in_background(o, service->run_log, &service->run,
				     WORDS("run", service->image, service->container, "--", "env",
					   o->token, "sleep", "infinity"));
}

/* It has ended, though it was to stay: what it logged last is the reason. */
static int ended_early(struct orchestrator *o, const char *log, int status)
{
	const char *line = last_log_line(o, log);
	if (*line)
		return failed(o, "%s", line);
	return failed(o, "it has ended with status %d and logged nothing", status);
}

/* What is waited for: an attempt that succeeds once it is ready, and the program in the background
 * that brings it about. */
struct wait {
	int (*attempt)(struct orchestrator *o, const struct service *service);
	const struct service *service;
	const struct background *program;
	const char *log;
	int status; /* of the program, if it has ended and that is known */
};

/* Tries until the attempt succeeds, in pauses that grow; a program that ends ends them at once. */
static int wait_until_ready(struct orchestrator *o, struct wait *wait)
{
	int64_t deadline_ms = now_ms() + o->wait_ms;
	int pause_ms = FIRST_PAUSE_MS;
	bool ready = false;
	wait->status = -1;
	while (!ready) {
		ready = wait->attempt(o, wait->service) == 0;
		if (background_ended(wait->program, ready ? 0 : pause_ms, &wait->status))
			return ended_early(o, wait->log, wait->status);
		if (is_interrupted())
			return failed(o, "interrupted");
		if (!ready && now_ms() >= deadline_ms) {
			char why[sizeof(o->why)];
			memcpy(why, o->why, sizeof(why));
			return failed(o, "not ready after %d ms: %.600s", o->wait_ms, why);
		}
		if (pause_ms < LONGEST_PAUSE_MS)
			pause_ms *= 2;
	}
	return 0;
}

/* Looks into the container for the token: one of the same name that somebody else was faster to
 * make is not ours to use. */
static int try_container(struct orchestrator *o, const struct service *service)
{
	AUTO_FREE char *environment = NULL;
	if (conduct(o, -1, &environment,
		    WORDS("exec", service->container, "--", "grep", "-z",
			  "^UP=", "/proc/1/environ")) < 0)
		return -1;
	if (strcmp(environment, o->token) != 0)
		return failed(o, "%s is not ours", service->container);
	return 0;
}

static int await_container(struct orchestrator *o, struct service *service)
{
	struct wait wait = { .attempt = try_container,
			     .service = service,
			     .program = &service->run,
			     .log = service->run_log };
	int result = wait_until_ready(o, &wait);
	/* 125 is the conductor's own failure: then nothing was made, and a container that has the
	 * name is somebody else's, who was faster. */
	if (result < 0 && wait.status == 125)
		service->claimed = 0;
	return result;
}

static int run_containers(struct orchestrator *o)
{
	make_token(o);
	if (start_container(o, &o->external) < 0 || start_container(o, &o->counter) < 0 ||
	    await_container(o, &o->external) < 0 || await_container(o, &o->counter) < 0)
		return -1;
	note(o, "%s of image %s, %s of image %s", o->external.container, o->external.image,
	     o->counter.container, o->counter.image);
	return 0;
}

/* tar unpacks what comes from its standard input, with the container's own eyes: a link in the
 * image leads to somewhere in the container, never to the host. */
static int copy_service(struct orchestrator *o, const struct service *service)
{
	char path[PATH_MAX + NAME_SIZE];
	snprintf(path, sizeof(path), "%s/%s", o->directory, service->name);
	AUTO_CLOSE int archive = tar_service(service->name, path);
	if (archive < 0)
		return failed(o, "cannot read %.600s: %s", path, strerror(errno));
	AUTO_FREE char *unpacked = NULL;
	if (conduct(o, archive, &unpacked,
		    WORDS("exec", service->container, "--", "tar", "xvf", "-", "-C", "/")) < 0)
		return -1;
	/* Better here than in step 6 or 7 by a program that isn't there. */
	snprintf(path, sizeof(path), "%s/%s", service->name, service->name);
	if (!strstr(unpacked, path))
		return failed(o, "%s: tar has not unpacked %.200s", service->container, path);
	return 0;
}

static int copy_services(struct orchestrator *o)
{
	if (copy_service(o, &o->external) < 0 || copy_service(o, &o->counter) < 0)
		return -1;
	note(o, "%s:/%s/, %s:/%s/", o->external.container, o->external.name, o->counter.container,
	     o->counter.name);
	return 0;
}

static int connect_containers(struct orchestrator *o)
{
	/* SOLUTION 4: step 4: addnetwork for both, external's INNER_PORT on o->port; peer */
	char ports[32];
	const char *external = o->external.container;
	const char *counter = o->counter.container;
	snprintf(ports, sizeof(ports), "%d-%d", INNER_PORT, o->port);
	note(o, "%s -i -e %s, %s -i, peer %s %s", external, ports, counter, external, counter);
	if (conduct(o, -1, NULL, WORDS("addnetwork", external, "-i", "-e", ports)) < 0 ||
	    conduct(o, -1, NULL, WORDS("addnetwork", counter, "-i")) < 0)
		return -1;
	return conduct(o, -1, NULL, WORDS("peer", external, counter));
	/* END 4 */
}

/* Asks inside: by `ip`, or, where the image has none, by the kernel's own table of routes. */
static int find_address(struct orchestrator *o)
{
	/* SOLUTION 4: step 5: the counter's address, asked for inside: address.h, ip-address(8) */
	struct service *service = &o->counter;
	AUTO_FREE char *of_ip = NULL;
	AUTO_FREE char *of_kernel = NULL;
	if (conduct(o, -1, &of_ip, WORDS("exec", service->container, "--", "ip", "-4", "addr")) <
		    0 ||
	    address_from_ip(of_ip, service->address) < 0) {
		if (conduct(o, -1, &of_kernel,
			    WORDS("exec", service->container, "--", "cat", "/proc/net/fib_trie")) <
		    0)
			return -1;
		if (address_from_fib_trie(of_kernel, service->address) < 0)
			return failed(o, "%s has no IPv4 address", service->container);
	}
	note(o, "%s is %s", service->container, service->address);
	return state_save(o);
	/* END 4 */
}

/* SOLUTION 4: step 6: try_counter: does it answer? */
/* A question that counts nothing. */
static int try_counter(struct orchestrator *o, const struct service *service)
{
	char url[128];
	struct http_reply reply;
	snprintf(url, sizeof(url), "http://%s:%d/get_counter", service->address, INNER_PORT);
	return fetch(o, url, ANSWER_MS, &reply);
}
/* END 4 */

static int start_counter(struct orchestrator *o)
{
	/* SOLUTION 4: step 6: counter-service INNER_PORT THREADS in the background, and ready */
	struct service *service = &o->counter;
	char port[16];
	snprintf(port, sizeof(port), "%d", INNER_PORT);
	if (conduct_in_background(o, service->serve_log, &service->serve,
				  WORDS("exec", service->container, "--",
					"/counter-service/counter-service", port, o->threads)) < 0)
		return -1;
	note(o, "in %s, http://%s:%d", service->container, service->address, INNER_PORT);
	struct wait wait = { .attempt = try_counter,
			     .service = service,
			     .program = &service->serve,
			     .log = service->serve_log };
	return wait_until_ready(o, &wait);
	/* END 4 */
}

/* SOLUTION 4: step 7: try_external: does it answer, on the host? */
/* From the host, by the published port, as everybody will. Any answer will do, and a page that
 * isn't there counts nothing. */
static int try_external(struct orchestrator *o, const struct service *service)
{
	(void)service;
	struct http_url url = { .port = o->port, .path = "/ready" };
	struct http_reply reply;
	snprintf(url.host, sizeof(url.host), "%s", o->host);
	if (http_fetch(&url, now_ms() + ANSWER_MS, &reply) < 0)
		return failed(o, "http://%s:%d: %s", o->host, o->port, http_fetch_error(errno));
	return 0;
}
/* END 4 */

static int start_external(struct orchestrator *o)
{
	/* SOLUTION 4: step 7: external-service INNER_PORT URL in the background, and ready */
	struct service *service = &o->external;
	char port[16];
	char counter_url[64];
	snprintf(port, sizeof(port), "%d", INNER_PORT);
	snprintf(counter_url, sizeof(counter_url), "http://%s:%d", o->counter.address, INNER_PORT);
	if (conduct_in_background(o, service->serve_log, &service->serve,
				  WORDS("exec", service->container, "--",
					"/external-service/external-service", port, counter_url)) <
	    0)
		return -1;
	note(o, "in %s, http://%s:%d", service->container, o->host, o->port);
	struct wait wait = { .attempt = try_external,
			     .service = service,
			     .program = &service->serve,
			     .log = service->serve_log };
	return wait_until_ready(o, &wait);
	/* END 4 */
}

const struct step setup_steps[] = {
	{ "build the images", build_images },
	{ "run the containers", run_containers },
	{ "copy the services", copy_services },
	{ "connect the containers", connect_containers },
	{ "find the counter's address", find_address },
	{ "start counter-service", start_counter },
	{ "start external-service", start_external },
	{ NULL, NULL },
};
