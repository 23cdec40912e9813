/* What the parts of service-orchestrator share: the two services and how far they are. */
#ifndef TASK4_ORCHESTRATOR_H
#define TASK4_ORCHESTRATOR_H

#include "http_client.h"
#include "program.h"

#include <limits.h>
#include <netinet/in.h>
#include <stdint.h>

enum { INNER_PORT = 8080 }; /* where both services listen, each in its own container */

enum { NAME_SIZE = 64, HOST_SIZE = 254 };

/* A service and the container it lives in. */
struct service {
	const char *name;	   /* of its program, and of its directory inside */
	const char *conductorfile; /* of its image; beside the orchestrator */
	const char *run_log;	   /* what `run` and the container write */
	const char *serve_log;	   /* what `exec` and the service write */
	char image[NAME_SIZE];
	char container[NAME_SIZE];
	char address[INET_ADDRSTRLEN]; /* of the container; "" until it is known */
	int claimed;		       /* the container is ours: to be stopped */
	struct background run;	       /* conductor run */
	struct background serve;       /* conductor exec ... the service */
};

struct orchestrator {
	char conductor[PATH_MAX]; /* the program that is driven */
	char directory[PATH_MAX]; /* our own: the services and the Conductorfiles lie beside us */
	struct service external;
	struct service counter;
	int port;		       /* of the host, on which external-service is published */
	const char *threads;	       /* of counter-service */
	char host[HOST_SIZE];	       /* the address to fetch from; "" to find one */
	const char *outside;	       /* command that fetches from another machine, or NULL */
	char token[24];		       /* in the environment of our containers' PID 1 */
	int wait_ms;		       /* how long to wait for something to become ready */
	unsigned long long last_count; /* what external-service answered last */
	int state;		       /* descriptor of the state directory, or -1 */
	char why[768];		       /* why the last step failed */
	char note[512];		       /* what the last step did, for the reader */
};

/* Keeps the reason of a failure, in one line, and returns -1. */
int failed(struct orchestrator *o, const char *format, ...) __attribute__((format(printf, 2, 3)));
void note(struct orchestrator *o, const char *format, ...) __attribute__((format(printf, 2, 3)));

/*
 * The state directory (state.c): where up remembers what must be undone, and where the logs are.
 * state_create makes it and is refused where there is one; both lock it against a second
 * orchestrator. state_open: 1 opened, 0 there is none, -1 failed. All but state_open return 0, or
 * -1 with o->why.
 */
int state_create(struct orchestrator *o);
int state_open(struct orchestrator *o, bool lock);
int state_save(struct orchestrator *o);
int state_remove(struct orchestrator *o);

/*
 * Runs the conductor with these words, ended by NULL, and with input (-1: none) as its standard
 * input. 0 when it succeeded, and its output then is the caller's; else -1 with its own last words
 * in o->why (conduct.c).
 */
int conduct(struct orchestrator *o, int input, char **output, const char *const words[]);
#define WORDS(...)                                                                                 \
	(const char *const[])                                                                      \
	{                                                                                          \
		__VA_ARGS__, NULL                                                                  \
	}

/* Starts the conductor in the background, logging to the file log of the state directory. */
int conduct_in_background(struct orchestrator *o, const char *log, struct background *background,
			  const char *const words[]);

/* Is the name the first word of a line of `conductor images` or `conductor ps`? 1, 0, or -1. */
int conduct_lists(struct orchestrator *o, const char *list, const char *name);

/* The last line that a background program logged, "" for none. Valid until the next call. */
const char *last_log_line(struct orchestrator *o, const char *log);

/* Steps 1 to 7 (steps.c) and 8 to 9 (verify.c): 0, or -1 with o->why. */
struct step {
	const char *title;
	int (*run)(struct orchestrator *o);
};
extern const struct step setup_steps[];
extern const struct step verify_steps[];

/* Runs the steps, ended by one without a title, and prints each with the time it took; the first
 * has the number given. 0, or -1 when one failed, which was reported. */
int run_steps(struct orchestrator *o, const struct step *steps, int number);

/* Fetches the address; a status that is not 200 is a failure too. 0, or -1 with o->why. */
int fetch(struct orchestrator *o, const char *address, int timeout_ms, struct http_reply *reply);

/* Ends and removes all that up has made, as far as it came (takedown.c). 0, or -1; reported. */
int take_down(struct orchestrator *o);

/* Prints how the services are. 0 when all is well, else -1 (status.c). */
int print_status(struct orchestrator *o);

#endif
