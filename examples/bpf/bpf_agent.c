/*
 * An agent for bpf.c: prints what its maps count, in a shell that holds them.
 *
 *	bpf_agent [SECONDS [TIMES]]	print each SECONDS (1), TIMES times (for ever)
 *	bpf_agent one-in PROTOCOL N	have action-rand drop one in N of a protocol
 *
 * The environment has the descriptors of the maps: BPF_MAP0 is that of the
 * map with id 0, and so on; pass it to bpf(2). This needs no library, and on
 * most systems no privileges. You can stop and restart the agent: the shell
 * owns the maps. bpf_agent.py does the same in Python.
 *
 * Build:   cc -O2 -o bpf_agent bpf_agent.c
 *
 * Agent:   pytc exec bpf imp /tmp/bpf
 *          (in another terminal, a filter with bpf.o and exp /tmp/bpf: see bpf.c)
 *          ./bpf_agent
 */
#include <errno.h>
#include <limits.h>
#include <linux/bpf.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What bpf.c declares. */
enum { MAP_PROTO, MAP_QUEUE, MAP_DROPS };

struct proto { uint64_t packets, bytes, marked; };
struct queue { uint64_t packets, bytes; };
struct drops { uint64_t seen, dropped, one_in; };

static int bpf(int command, union bpf_attr *attr)
{
	return syscall(__NR_bpf, command, attr, sizeof(*attr));
}

static int lookup(int map, const void *key, void *value)
{
	union bpf_attr attr = { .map_fd = map, .key = (uintptr_t)key, .value = (uintptr_t)value };

	return bpf(BPF_MAP_LOOKUP_ELEM, &attr);
}

static int update(int map, const void *key, const void *value)
{
	union bpf_attr attr = { .map_fd = map, .key = (uintptr_t)key, .value = (uintptr_t)value };

	return bpf(BPF_MAP_UPDATE_ELEM, &attr);
}

static int next_key(int map, const void *key, void *next)
{
	union bpf_attr attr = { .map_fd = map, .key = (uintptr_t)key, .next_key = (uintptr_t)next };

	return bpf(BPF_MAP_GET_NEXT_KEY, &attr);
}

/* The descriptor of a map; ends the agent where it is not that of bpf.c. */
static int map_of(int id, uint32_t value_size)
{
	struct bpf_map_info info = {};
	union bpf_attr attr = { .info = { .info_len = sizeof(info), .info = (uintptr_t)&info } };
	char name[32];
	const char *text;

	snprintf(name, sizeof(name), "BPF_MAP%d", id);
	text = getenv(name);
	if (!text) {
		fprintf(stderr, "bpf_agent: no %s: start me in a shell of \"pytc exec bpf import\"\n", name);
		exit(1);
	}
	attr.info.bpf_fd = atoi(text);
	if (bpf(BPF_OBJ_GET_INFO_BY_FD, &attr)) {
		fprintf(stderr, "bpf_agent: %s=%s: %s\n", name, text, strerror(errno));
		exit(1);
	}
	if (info.key_size != sizeof(uint32_t) || info.value_size != value_size) {
		fprintf(stderr, "bpf_agent: %s=%s is no map of bpf.c\n", name, text);
		exit(1);
	}
	return atoi(text);
}

static void print(int proto, int queue, int drops)
{
	struct proto p;
	struct queue q;
	struct drops d;
	uint32_t key, *after = NULL;

	for (; !next_key(proto, after, &key); after = &key)
		if (!lookup(proto, &key, &p))
			printf("proto %u packets %llu bytes %llu marked %llu\n", key, (unsigned long long)p.packets,
			       (unsigned long long)p.bytes, (unsigned long long)p.marked);
	for (after = NULL; !next_key(queue, after, &key); after = &key)
		if (!lookup(queue, &key, &q))
			printf("queue %u packets %llu bytes %llu\n", key, (unsigned long long)q.packets,
			       (unsigned long long)q.bytes);
	for (after = NULL; !next_key(drops, after, &key); after = &key)
		if (!lookup(drops, &key, &d) && (d.seen || d.one_in))
			printf("drops %u seen %llu dropped %llu one_in %llu\n", key, (unsigned long long)d.seen,
			       (unsigned long long)d.dropped, (unsigned long long)d.one_in);
	printf("\n");
	fflush(stdout);
}

/* A number of the command line; ends the agent where there is none. */
static uint32_t number(const char *text)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (*end || end == text || *text == '-' || value > UINT_MAX) {
		fprintf(stderr, "bpf_agent: \"%s\" is no number\n", text);
		exit(255);
	}
	return value;
}

int main(int argc, char **argv)
{
	int proto = map_of(MAP_PROTO, sizeof(struct proto));
	int queue = map_of(MAP_QUEUE, sizeof(struct queue));
	int drops = map_of(MAP_DROPS, sizeof(struct drops));
	uint32_t seconds = argc > 1 && strcmp(argv[1], "one-in") ? number(argv[1]) : 1;

	if (argc == 4 && !strcmp(argv[1], "one-in")) {
		uint32_t key = number(argv[2]);
		struct drops value = {};

		/* What is counted between the two is lost: fine for statistics. */
		if (lookup(drops, &key, &value) || (value.one_in = number(argv[3]), update(drops, &key, &value))) {
			fprintf(stderr, "bpf_agent: protocol %u: %s\n", key, strerror(errno));
			return 1;
		}
		return 0;
	}
	if (argc > 3 || (argc > 1 && !strcmp(argv[1], "one-in"))) {
		fprintf(stderr, "usage: bpf_agent [SECONDS [TIMES]] | one-in PROTOCOL N\n");
		return 255;
	}
	for (uint32_t times = argc > 2 ? number(argv[2]) : 0, round = 1;; round++) {
		print(proto, queue, drops);
		if (round == times)
			return 0;
		sleep(seconds);
	}
}
