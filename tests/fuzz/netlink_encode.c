/*
 * Messages to the kernel: common/netlink.c's encoder. The input is a list of calls, a byte each,
 * some with a size behind it (two bytes, little end first; lengths go to 70,000).
 * Format: netlink(7); Documentation/userspace-api/netlink/intro.rst.
 *
 * An attribute's length has 16 bits. What doesn't fit must be an error, never a wrapped length: in
 * runc that let one attribute's payload be read as attributes (CVE-2021-43784). A batch without an
 * error must be exactly the messages and attributes that were asked for.
 */
#include "fuzz.h"

#define NETLINK_BATCH_SIZE 262144 /* so that 16 bits are the first limit to be met */
#include "common/netlink.c"	  /* NOLINT(bugprone-suspicious-include) */

enum { MAX_DEPTH = 8, MAX_PAYLOAD = 70000, MAX_HEADER = 64 };

static struct netlink_batch batch;
static size_t nests[MAX_DEPTH];
static int depth;
static size_t header_size; /* of the message begun last */
static char payload[MAX_PAYLOAD + 1];

/* The attributes from data on fill size bytes, no more and no less. */
static void check_attributes(const char *data, size_t size)
{
	while (size > 0) {
		const struct nlattr *attribute = (const struct nlattr *)(const void *)data;
		MUST(size >= nla_header && attribute->nla_len >= nla_header);
		size_t step = align(attribute->nla_len);
		MUST(step <= size);
		data += step;
		size -= step;
	}
}

/* The message begun last, when all its nests are closed. */
static void check_message(void)
{
	const struct nlmsghdr *header = (const void *)(batch.data + batch.begun);
	size_t size;
	if (batch.error || depth > 0 || batch.size == 0)
		return;
	MUST(header->nlmsg_len == batch.size - batch.begun);
	const char *attributes = netlink_attributes(header, header_size, &size);
	if (attributes)
		check_attributes(attributes, size);
}

static void begin(uint8_t choice)
{
	if (depth > 0)
		return;
	header_size = choice % MAX_HEADER;
	char *family = choice & 0x80 ? netlink_begin(&batch, choice, 0, header_size)
				     : netlink_begin_silent(&batch, choice, 0, header_size);
	memset(family, 0xff, header_size);
}

static void add(int call, size_t size)
{
	size_t before = batch.size;
	int error = batch.error;
	if (call == 1)
		netlink_bytes(&batch, 1, payload, size);
	else
		netlink_text(&batch, 2, payload + MAX_PAYLOAD - size);
	size_t whole = size + (call != 1) + nla_header;
	if (batch.error) {
		MUST(error || whole > UINT16_MAX || before + whole + 3 > sizeof(batch.data));
		return;
	}
	const struct nlattr *attribute = (const void *)(batch.data + before);
	MUST(attribute->nla_len == whole && batch.size == before + align(whole));
}

static void open_nest(size_t room)
{
	if (depth == MAX_DEPTH)
		return;
	nests[depth++] = netlink_nest(&batch, 3);
	char *inside = netlink_room(&batch, align(room % MAX_HEADER));
	if (inside)
		memset(inside, 0xff, room % MAX_HEADER);
}

static void close_nest(void)
{
	if (depth == 0)
		return;
	size_t nest = nests[--depth];
	netlink_nest_end(&batch, nest);
	const struct nlattr *attribute = (const void *)(batch.data + nest);
	MUST(batch.error || attribute->nla_len == batch.size - nest);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	batch.size = batch.begun = 0;
	batch.messages = batch.error = depth = 0;
	memset(payload, 'x', MAX_PAYLOAD);
	begin(size ? data[0] : 0);
	for (size_t at = 1; at + 2 < size; at += 3) {
		size_t number = data[at + 1] | (size_t)data[at + 2] << 8;
		/* Half of the lengths lie around the limit. */
		size_t length = data[at] & 0x80 ? 65000 + number % 5001 : number % 700;
		switch (data[at] % 6) {
		case 0:
			check_message();
			begin((uint8_t)number);
			break;
		case 1:
		case 2:
			add(data[at] % 6, length);
			break;
		case 3:
			open_nest(number);
			break;
		case 4:
			close_nest();
			break;
		default:
			netlink_u8(&batch, 4, data[at + 1]);
			netlink_be32(&batch, 5, (uint32_t)number);
			break;
		}
	}
	while (depth > 0)
		close_nest();
	check_message();
	return 0;
}
