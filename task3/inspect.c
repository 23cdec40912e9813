/*
 * conductor inspect: all that is known of a container. What confines it is told by the kernel, of
 * its PID 1, not from our own record: proc(5), /proc/PID/status.
 */
#include "command.h"
#include "container.h"
#include "limits.h"
#include "network.h"
#include "pool.h"

#include "common/cleanup.h"
#include "common/error.h"
#include "common/file.h"
#include "common/namespace.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- a line or a member a value ----------------------------------------------------------------- */

struct output {
	bool json;
	int count;
};

static void put_key(struct output *output, const char *key)
{
	if (output->json)
		printf("%s\n  \"%s\": ", output->count++ ? "," : "", key);
	else
		printf("%s=", key);
}

static void put_text(struct output *output, const char *key, const char *value)
{
	put_key(output, key);
	if (output->json)
		print_json_string(stdout, value);
	else
		printf("%s\n", value);
}

static void put_number(struct output *output, const char *key, long long value)
{
	put_key(output, key);
	printf(output->json ? "%lld" : "%lld\n", value);
}

static void put_flag(struct output *output, const char *key, bool value)
{
	put_key(output, key);
	printf(output->json ? "%s" : "%s\n", value ? "true" : "false");
}

/* --- the kernel's word -------------------------------------------------------------------------- */

static const char *const capability_names[] = {
	"chown",
	"dac_override",
	"dac_read_search",
	"fowner",
	"fsetid",
	"kill",
	"setgid",
	"setuid",
	"setpcap",
	"linux_immutable",
	"net_bind_service",
	"net_broadcast",
	"net_admin",
	"net_raw",
	"ipc_lock",
	"ipc_owner",
	"sys_module",
	"sys_rawio",
	"sys_chroot",
	"sys_ptrace",
	"sys_pacct",
	"sys_admin",
	"sys_boot",
	"sys_nice",
	"sys_resource",
	"sys_time",
	"sys_tty_config",
	"mknod",
	"lease",
	"audit_write",
	"audit_control",
	"setfcap",
	"mac_override",
	"mac_admin",
	"syslog",
	"wake_alarm",
	"block_suspend",
	"audit_read",
	"perfmon",
	"bpf",
	"checkpoint_restore",
};
enum { CAPABILITIES = sizeof(capability_names) / sizeof(*capability_names) };

/* The value of "Key:\tVALUE" in a status file, cut out of it at the line's end; "" if there is none.
 */
static const char *status_value(const char *status, const char *key, char *value, size_t size)
{
	const char *line = strstr(status, key);
	*value = '\0';
	if (line)
		snprintf(value, size, "%.*s", (int)strcspn(line + strlen(key), "\n"),
			 line + strlen(key));
	return value;
}

static void describe_capabilities(uint64_t mask, char *text, size_t size)
{
	size_t used = 0;
	*text = '\0';
	for (int i = 0; i < CAPABILITIES && used < size; i++) {
		if (mask >> i & 1)
			used += (size_t)snprintf(text + used, size - used, "%s%s", used ? " " : "",
						 capability_names[i]);
	}
}

/* Which of our ids its ids are: "0 1000 1, 1 100000 65536" says that its root is our 1000, and its
 * users from 1 on ours from 100000. user_namespaces(7) */
static void put_id_map(struct output *output, pid_t pid, const char *map)
{
	char path[64];
	char text[1024] = "";
	size_t used = 0;
	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, map);
	AUTO_FREE char *table = read_file(AT_FDCWD, path, NULL);
	char *rest = table;
	for (char *line; (line = strsep(&rest, "\n"));) {
		const char *before = used ? ", " : "";
		for (char *word; (word = strsep(&line, " ")) && used < sizeof(text);) {
			if (!*word)
				continue;
			used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s", before,
						 word);
			before = " ";
		}
	}
	put_text(output, map, text);
}

static void put_confinement(struct output *output, pid_t pid)
{
	char path[64];
	char value[64];
	char text[1024];
	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	AUTO_FREE char *status = read_file(AT_FDCWD, path, NULL);
	if (!status)
		return; /* it has just ended */
	uint64_t mask =
		strtoull(status_value(status, "\nCapBnd:\t", value, sizeof(value)), NULL, 16);
	describe_capabilities(mask, text, sizeof(text));
	put_text(output, "capabilities", text);
	status_value(status, "\nNoNewPrivs:\t", value, sizeof(value));
	put_flag(output, "no_new_privs", !strcmp(value, "1"));
	status_value(status, "\nSeccomp:\t", value, sizeof(value));
	put_flag(output, "system_calls_filtered", !strcmp(value, "2"));
	put_id_map(output, pid, "uid_map");
	put_id_map(output, pid, "gid_map");
	for (const struct namespace_kind *kind = namespace_kinds; kind->name; kind++) {
		ino_t inode;
		snprintf(path, sizeof(path), "%s_namespace", kind->name);
		if (namespace_inode(pid, kind->name, &inode) == 0)
			put_number(output, path, (long long)inode);
	}
}

/* --- our own records ---------------------------------------------------------------------------- */

static void put_network(struct output *output, const struct network *network)
{
	char address[ADDRESS_SIZE];
	char text[MAX_PEERS * (NAME_SIZE + 1)] = "";
	size_t used = 0;
	put_text(output, "link", network->link.outside);
	put_text(output, "address", format_address(network->link.own, address));
	put_text(output, "host_address", format_address(network->link.host, address));
	put_flag(output, "internet", network->internet);
	for (int i = 0; i < network->published_count; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%d-%d",
					 used ? " " : "", network->published[i].inner,
					 network->published[i].outer);
	put_text(output, "published", text);
	used = 0;
	*text = '\0';
	for (int i = 0; i < network->peer_count; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s", used ? " " : "",
					 network->peers[i]);
	put_text(output, "peers", text);
}

static void put_container(struct output *output, const struct container *container,
			  const struct network *network)
{
	enum container_status status = container_status(container);
	put_text(output, "name", container->name);
	put_text(output, "image", container->image);
	put_text(output, "command", container->command);
	put_text(output, "status", container_status_names[status]);
	if (status == CONTAINER_EXITED) {
		put_number(output, "exit_status", container->exit_status);
		put_flag(output, "out_of_memory", container->out_of_memory);
	}
	put_number(output, "created", (long long)container->created);
	put_flag(output, "privileged", container->confinement.privileged);
	put_text(output, "devices", devices_names[container->confinement.devices]);
	if (network)
		put_network(output, network);
	if (status == CONTAINER_RUNNING) {
		put_number(output, "pid", container->init.pid);
		put_number(output, "parent_pid", container->parent.pid);
		put_number(output, "oom_kills", limits_oom_kills(container));
		put_confinement(output, container->init.pid);
	}
}

int command_inspect(const struct invocation *invocation)
{
	struct container container;
	struct network network;
	struct output output = { .json = option_given(invocation, "json") };
	if (!valid_name(invocation->words[0]))
		return usage_error(invocation, "%s: not a name for a container",
				   invocation->words[0]);
	if (container_load(&container, invocation->words[0]) < 0)
		return COMMAND_FAILED;
	int linked = network_load(&container, &network);
	if (linked >= 0) {
		printf(output.json ? "{" : "");
		put_container(&output, &container, linked ? &network : NULL);
		printf(output.json ? "\n}\n" : "");
	}
	container_close(&container);
	return linked < 0 ? COMMAND_FAILED : 0;
}
