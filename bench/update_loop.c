/* What a load is measured against: a loop of BPF_MAP_UPDATE_ELEM, of numbers or of the lines of a CSV file. */
/* usage: update_loop ENTRIES [FILE] */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/bpf.h>
#include <sys/syscall.h>

static int bpf(int command, union bpf_attr *attr, unsigned int size)
{
	return syscall(SYS_bpf, command, attr, size);
}

int main(int argc, char **argv)
{
	unsigned int entries = strtoul(argv[1], NULL, 10), key, i;
	FILE *file = argc > 2 ? fopen(argv[2], "r") : NULL;
	unsigned long long value[2];
	union bpf_attr attr;
	char line[256], *at;
	int map;

	memset(&attr, 0, sizeof(attr));
	attr.map_type = BPF_MAP_TYPE_HASH;
	attr.key_size = sizeof(key);
	attr.value_size = sizeof(value);
	attr.max_entries = entries;
	map = bpf(BPF_MAP_CREATE, &attr, sizeof(attr));
	if (map < 0 || (argc > 2 && (!file || !fgets(line, sizeof(line), file))))
		return 1;
	for (i = 0; i < entries; i++) {
		key = i;
		value[0] = i * 7ULL;
		value[1] = i * 1000ULL;
		if (file) {
			if (!fgets(line, sizeof(line), file))
				return 1;
			key = strtoul(line, &at, 10);
			value[0] = strtoull(at + 1, &at, 10);
			value[1] = strtoull(at + 1, &at, 10);
		}
		memset(&attr, 0, sizeof(attr));
		attr.map_fd = map;
		attr.key = (unsigned long)&key;
		attr.value = (unsigned long)value;
		if (bpf(BPF_MAP_UPDATE_ELEM, &attr, 32))
			return 1;
	}
	return 0;
}
