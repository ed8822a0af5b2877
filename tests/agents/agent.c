/*
 * Both ends of an export, written against the layout that docs/exec.md gives
 * and against nothing of pytc's.
 *
 *	agent receive PATH [20]	bind PATH, take one export, print its maps; with 20, entries
 *				have 20 bytes, as for agents of 2015
 *	agent send PATH BYTES N	make N array maps and export them to PATH, with
 *				entries of 36 or 20 bytes
 *	agent count ID KEY	the counter under KEY in the map of BPF_MAP<ID>
 *	agent watch ID KEY	the same on each line of standard input
 */
#include <errno.h>
#include <linux/bpf.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#define MAX 64

struct entry { uint32_t type, size_key, size_value, max_elem, flags, id, pinning, inner_id, inner_idx; };
struct entry_2015 { uint32_t type, size_key, size_value, max_elem, id; };

struct message {
	uint16_t version, maps;
	char name[64];
	struct { dev_t dev; ino_t ino; } file;
	struct entry entries[MAX];
};

_Static_assert(__builtin_offsetof(struct message, file) == 72, "st_dev");
_Static_assert(__builtin_offsetof(struct message, entries) == 88, "entries");

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static int bpf(int command, union bpf_attr *attr)
{
	return syscall(__NR_bpf, command, attr, sizeof(*attr));
}

static struct sockaddr_un address(const char *path)
{
	struct sockaddr_un result = { .sun_family = AF_UNIX };

	strncpy(result.sun_path, path, sizeof(result.sun_path) - 1);
	return result;
}

static void receive(const char *path, size_t size)
{
	struct sockaddr_un self = address(path);
	int got = 0, all = 1, number = 0, fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	if (bind(fd, (struct sockaddr *)&self, sizeof(self)))
		fail("bind");
	while (got < all) {
		static struct message message;
		char control[CMSG_SPACE(sizeof(int) * MAX)];
		struct iovec iov = { &message, sizeof(message) };
		struct msghdr header = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
					 .msg_controllen = sizeof(control) };
		ssize_t length = recvmsg(fd, &header, 0);
		struct cmsghdr *rights = CMSG_FIRSTHDR(&header);
		int fds[MAX], count;

		if (length < 0)
			fail("recvmsg");
		if (!rights || rights->cmsg_type != SCM_RIGHTS || header.msg_flags || message.version != 1)
			return (void)fprintf(stderr, "not an export\n"), exit(1);
		count = (rights->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		if ((size_t)length != 88 + count * size)
			return (void)fprintf(stderr, "%zd bytes for %d maps\n", length, count), exit(1);
		memcpy(fds, CMSG_DATA(rights), count * sizeof(int));
		all = message.maps;
		got += count;
		printf("datagram %d: %d of %d maps of %s dev %lu ino %lu\n", ++number, count, all, message.name,
		       (unsigned long)message.file.dev, (unsigned long)message.file.ino);
		for (int i = 0; i < count; i++) {
			struct bpf_map_info info = {};
			union bpf_attr attr = { .info = { .bpf_fd = fds[i], .info_len = sizeof(info),
							  .info = (uintptr_t)&info } };
			void *start = (char *)message.entries + i * size;
			struct entry_2015 *old = start;
			struct entry short_one = { old->type, old->size_key, old->size_value, old->max_elem,
						   .id = old->id };
			struct entry *e = size == sizeof(struct entry) ? start : &short_one;

			if (bpf(BPF_OBJ_GET_INFO_BY_FD, &attr))
				fail("BPF_OBJ_GET_INFO_BY_FD");
			printf("map id %u type %u key %u value %u entries %u flags %u pinning %u kernel %u %u %u %u\n",
			       e->id, e->type, e->size_key, e->size_value, e->max_elem, e->flags, e->pinning,
			       info.type, info.key_size, info.value_size, info.max_entries);
			close(fds[i]);
		}
	}
	unlink(path);
}

static int make_map(uint64_t value)
{
	union bpf_attr make = { .map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 8, .max_entries = 1 };
	uint32_t key = 0;
	int fd = bpf(BPF_MAP_CREATE, &make);
	union bpf_attr set = { .map_fd = fd, .key = (uintptr_t)&key, .value = (uintptr_t)&value };

	if (fd < 0 || bpf(BPF_MAP_UPDATE_ELEM, &set))
		fail("map");
	return fd;
}

static void send_maps(const char *path, int size, int maps)
{
	struct sockaddr_un other = address(path);
	struct stat self;
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	stat("/proc/self/exe", &self);
	for (int sent = 0, now; sent < maps; sent += now) {
		static struct message message;
		char control[CMSG_SPACE(sizeof(int) * MAX)] = {};
		struct iovec iov = { &message, 0 };
		struct msghdr header = { .msg_name = &other, .msg_namelen = sizeof(other), .msg_iov = &iov,
					 .msg_iovlen = 1, .msg_control = control };
		struct cmsghdr *rights = (struct cmsghdr *)control;

		now = maps - sent > MAX ? MAX : maps - sent;
		message.version = 1;
		message.maps = maps;
		strcpy(message.name, "agent.o");
		message.file.dev = self.st_dev;
		message.file.ino = self.st_ino;
		for (int i = 0; i < now; i++) {
			struct entry e = { BPF_MAP_TYPE_ARRAY, 4, 8, 1, 0, sent + i, 0, 0, 0 };
			struct entry_2015 old = { BPF_MAP_TYPE_ARRAY, 4, 8, 1, sent + i };

			memcpy((char *)message.entries + i * size, size == 36 ? (void *)&e : (void *)&old, size);
			((int *)CMSG_DATA(rights))[i] = make_map(1000 + sent + i);
		}
		iov.iov_len = 88 + now * size;
		rights->cmsg_level = SOL_SOCKET;
		rights->cmsg_type = SCM_RIGHTS;
		rights->cmsg_len = header.msg_controllen = CMSG_LEN(sizeof(int) * now);
		if (sendmsg(fd, &header, 0) < 0)
			fail("sendmsg");
	}
}

static void print_counter(const char *id, uint32_t key)
{
	char name[32];
	uint64_t value[64] = {};
	union bpf_attr attr = { .key = (uintptr_t)&key, .value = (uintptr_t)value };

	snprintf(name, sizeof(name), "BPF_MAP%s", id);
	if (!getenv(name) || !getenv("BPF_NUM_MAPS"))
		return (void)fprintf(stderr, "no %s\n", name), exit(1);
	attr.map_fd = atoi(getenv(name));
	if (bpf(BPF_MAP_LOOKUP_ELEM, &attr))
		fail(name);
	printf("%llu\n", (unsigned long long)value[0]);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	char line[16];

	if ((argc == 3 || argc == 4) && !strcmp(argv[1], "receive"))
		receive(argv[2], argc == 4 ? (size_t)atoi(argv[3]) : sizeof(struct entry));
	else if (argc == 5 && !strcmp(argv[1], "send"))
		send_maps(argv[2], atoi(argv[3]), atoi(argv[4]));
	else if (argc == 4 && !strcmp(argv[1], "count"))
		print_counter(argv[2], atoi(argv[3]));
	else if (argc == 4 && !strcmp(argv[1], "watch"))
		while (fgets(line, sizeof(line), stdin))
			print_counter(argv[2], atoi(argv[3]));
	else
		return 255;
	return 0;
}
