/*
 * The state directory's records, which a crash may have cut short and a full disk may have emptied:
 * containers/NAME/state, containers/NAME/network, images/NAME, all three with the same bytes.
 * Format: key=value lines, task3/state.h, container.h, network.h, image.h.
 *
 * Whatever is read must survive being written and read again.
 */
#include "fuzz.h"
#include "task3/network.h"

#include "common/file.h"

#include <fcntl.h>
#include <net/if.h>
#include <stdbool.h>
#include <sys/stat.h>

static const char *const files[] = { "containers/fuzz/state", "containers/fuzz/network",
				     "images/fuzz" };

/* Below $CONDUCTOR_ROOT, which tests/fuzz/run makes and removes. */
static void make_root(void)
{
	static bool made;
	char path[] = "/tmp/fuzz-state.XXXXXX";
	if (made)
		return;
	made = true;
	if (!getenv("CONDUCTOR_ROOT"))
		MUST(mkdtemp(path) && setenv("CONDUCTOR_ROOT", path, 1) == 0);
	MUST(state_fd() >= 0 && mkdirat(state_fd(), "containers/fuzz", 0700) == 0);
}

static void put(const char *file, const uint8_t *data, size_t size)
{
	int fd = openat(state_fd(), file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	MUST(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	close(fd);
}

static void check_network(const struct container *container)
{
	struct network network;
	struct network again;
	if (network_load(container, &network) != 1)
		return;
	const struct link *link = &network.link;
	/* They become netlink messages, and counts of bits to shift by. */
	MUST(*link->outside && memchr(link->outside, '\0', IFNAMSIZ));
	/* `stop` deletes the link of this name: never one that addnetwork didn't make. */
	const char *end = memchr(link->outside, '-', IFNAMSIZ);
	MUST(end && strstr(end, "-outside"));
	MUST(*link->inside && memchr(link->inside, '\0', IFNAMSIZ));
	MUST(link->prefix > 0 && link->prefix <= 32);
	MUST(link->pool_prefix > 0 && link->pool_prefix <= 32);
	for (int i = 0; i < network.peer_count; i++)
		MUST(valid_name(network.peers[i]));
	MUST(network_save(container, &network) == 0);
	char *saved = read_file(container->dirfd, "network", NULL);
	MUST(network_load(container, &again) == 1 && network_save(container, &again) == 0);
	char *saved_again = read_file(container->dirfd, "network", NULL);
	MUST(saved && saved_again && strcmp(saved, saved_again) == 0);
	free(saved);
	free(saved_again);
}

/* Of another boot's container no network is looked at. */
static void move_to_this_boot(struct container *container)
{
	char *boot = read_file(AT_FDCWD, "/proc/sys/kernel/random/boot_id", NULL);
	MUST(boot);
	boot[strcspn(boot, "\n")] = '\0';
	snprintf(container->boot_id, sizeof(container->boot_id), "%s", boot);
	free(boot);
}

static void check_container(void)
{
	struct container container;
	struct container again;
	if (container_load(&container, "fuzz") < 0)
		return;
	/* They name processes that are killed: none but an ordinary process's own number. */
	MUST(container.parent.pid >= 0 && container.init.pid >= 0);
	MUST(container.exit_status >= -1 && container.exit_status <= 255);
	MUST(!*container.image || valid_name(container.image));
	container_status(&container);
	move_to_this_boot(&container);
	check_network(&container);
	MUST(container_save(&container) == 0 && container_load(&again, "fuzz") == 0);
	MUST(container.exit_status == again.exit_status && container.created == again.created);
	MUST(container.layers.count == again.layers.count);
	MUST(strcmp(container.command, again.command) == 0);
	container_close(&again);
	container_close(&container);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct image image;
	make_root();
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
		put(files[i], data, size);
	image_load("fuzz", &image);
	check_container();
	return 0;
}
