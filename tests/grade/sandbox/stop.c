/* world stop: what was made is taken away, in the reverse order. */
#include "world.h"

#include "common/cleanup.h"
#include "common/error.h"
#include "common/syscalls.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>

/* With process 1 the kernel kills all the others of its PID namespace, and tells its end when they
 * are gone; with the last of them go the namespaces, and with these the mounts. */
static int end_init(const struct world *world)
{
	enum { BOUND_MS = 10000 };
	AUTO_CLOSE int pidfd = state_open_init(world);
	if (pidfd < 0)
		return 0; /* somebody was faster */
	struct pollfd end = { .fd = pidfd, .events = POLLIN };
	if (sys_pidfd_send_signal(pidfd, SIGKILL) < 0 && errno != ESRCH)
		return -1;
	int ended = poll(&end, 1, BOUND_MS);
	if (ended == 0)
		errno = ETIMEDOUT;
	return ended == 1 ? 0 : -1;
}

int world_stop(const char *state)
{
	static struct world world;
	int result = 0;
	if (state_read(state, &world) < 0) {
		report_errno("", "%s: no world", state);
		return EXIT_OWN_FAILURE;
	}
	if (end_init(&world) < 0) {
		report_errno("", "cannot end process %d", (int)world.init);
		result = EXIT_OWN_FAILURE;
	}
	if (cgroups_remove(&world) < 0)
		result = EXIT_OWN_FAILURE;
	if (result == 0)
		state_remove(state); /* else it is kept, so that stop can be tried again */
	return result;
}
