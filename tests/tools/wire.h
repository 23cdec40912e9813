/* The parts of the program wire; wire.c says what it does. */
#ifndef TESTS_TOOLS_WIRE_H
#define TESTS_TOOLS_WIRE_H

#include <netinet/in.h>
#include <sys/socket.h>

/* An address with a port, of either family. */
union endpoint {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

/* Reads ADDRESS:PORT, [ADDRESS]:PORT, or PORT alone (of any IPv4 address); exits if it is none. */
union endpoint parse_endpoint(const char *text);

/* Sends one UDP datagram as a frame of our own making; exits if it can't. */
void send_frame(const char *interface, const char *mac, const char *source, const char *target,
		const char *text);

#endif
