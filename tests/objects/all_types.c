/* pytc-test: BTF maps of every type that v6.1 has and that needs no particular program */
/*
 * Returns what comes out of the queue, 1; each run pushes the packet's length to the stack
 * and to the bloom filter, and counts in "hash" at key 7, "array" at 1, "percpu_hash" at
 * 7, "percpu_array" at 1, "lru_hash" at 7, "lru_percpu_hash" at 7.
 */
#include "common.h"

#define MAP(map_type, name, entries, key_type, value_type)	\
	struct {						\
		__uint(type, map_type);				\
		__uint(max_entries, entries);			\
		__type(key, key_type);				\
		__type(value, value_type);			\
	} name SEC(".maps")

/* Types that know no BTF of keys and values, or ignore it. */
#define MAP_SIZES(map_type, name, entries, key_bytes, value_bytes)	\
	struct {						\
		__uint(type, map_type);				\
		__uint(max_entries, entries);			\
		__uint(key_size, key_bytes);			\
		__uint(value_size, value_bytes);		\
	} name SEC(".maps")

struct prefix {
	__u32 bits;
	__u8 address[4];
};

struct inner {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
};

MAP(BPF_MAP_TYPE_HASH, hash, 8, __u32, __u64);
MAP(BPF_MAP_TYPE_ARRAY, array, 8, __u32, __u64);
MAP(BPF_MAP_TYPE_PERCPU_HASH, percpu_hash, 8, __u32, __u64);
MAP(BPF_MAP_TYPE_PERCPU_ARRAY, percpu_array, 8, __u32, __u64);
MAP(BPF_MAP_TYPE_LRU_HASH, lru_hash, 64, __u32, __u64);
MAP(BPF_MAP_TYPE_LRU_PERCPU_HASH, lru_percpu_hash, 64, __u32, __u64);
MAP_SIZES(BPF_MAP_TYPE_PROG_ARRAY, prog_array, 8, 4, 4);
MAP_SIZES(BPF_MAP_TYPE_PERF_EVENT_ARRAY, perf_event_array, 2, 4, 4);
MAP_SIZES(BPF_MAP_TYPE_CGROUP_ARRAY, cgroup_array, 8, 4, 4);
MAP_SIZES(BPF_MAP_TYPE_STACK_TRACE, stack_trace, 8, 4, 64);
MAP_SIZES(BPF_MAP_TYPE_DEVMAP, devmap, 8, 4, 8);
MAP_SIZES(BPF_MAP_TYPE_DEVMAP_HASH, devmap_hash, 8, 4, 8);
MAP_SIZES(BPF_MAP_TYPE_CPUMAP, cpumap, 2, 4, 8);
MAP_SIZES(BPF_MAP_TYPE_XSKMAP, xskmap, 8, 4, 4);
MAP_SIZES(BPF_MAP_TYPE_SOCKMAP, sockmap, 8, 4, 8);
MAP_SIZES(BPF_MAP_TYPE_SOCKHASH, sockhash, 8, 4, 8);
MAP_SIZES(BPF_MAP_TYPE_REUSEPORT_SOCKARRAY, reuseport_sockarray, 8, 4, 8);

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 8);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct prefix);
	__type(value, __u64);
} lpm_trie SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 8);
	__type(key, __u32);
	__array(values, struct inner);
} array_of_maps SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH_OF_MAPS);
	__uint(max_entries, 8);
	__type(key, __u64);
	__array(values, struct inner);
} hash_of_maps SEC(".maps");

/* No keys. */
struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, 8);
	__type(value, __u64);
} queue SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_STACK);
	__uint(max_entries, 8);
	__type(value, __u64);
} stack SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_BLOOM_FILTER);
	__uint(max_entries, 100);
	__type(value, __u64);
} bloom_filter SEC(".maps");

/* Neither keys nor values. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 16);
} ringbuf SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_USER_RINGBUF);
	__uint(max_entries, 1 << 16);
} user_ringbuf SEC(".maps");

/* Belong to a socket, a file, a process; no number of entries. */
#define STORAGE(map_type, name)					\
	struct {						\
		__uint(type, map_type);				\
		__uint(map_flags, BPF_F_NO_PREALLOC);		\
		__type(key, int);				\
		__type(value, __u64);				\
	} name SEC(".maps")

STORAGE(BPF_MAP_TYPE_SK_STORAGE, sk_storage);
STORAGE(BPF_MAP_TYPE_TASK_STORAGE, task_storage);

/* Belong to a program in a cgroup; the key is the kernel's own. */
struct {
	__uint(type, BPF_MAP_TYPE_CGROUP_STORAGE);
	__type(key, struct bpf_cgroup_storage_key);
	__type(value, __u64);
} cgroup_storage SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE);
	__type(key, struct bpf_cgroup_storage_key);
	__type(value, __u64);
} percpu_cgroup_storage SEC(".maps");

SEC("classifier") int cls_main(struct __sk_buff *skb)
{
	__u64 one = 1, length = skb->len;

	COUNT(hash, 7, 1);
	COUNT(array, 1, 1);
	COUNT(percpu_hash, 7, 1);
	COUNT(percpu_array, 1, 1);
	COUNT(lru_hash, 7, 1);
	COUNT(lru_percpu_hash, 7, 1);
	bpf_map_push_elem(&stack, &length, BPF_EXIST);
	bpf_map_push_elem(&bloom_filter, &length, BPF_ANY);
	bpf_map_push_elem(&queue, &one, BPF_ANY);
	one = 0;
	bpf_map_pop_elem(&queue, &one);
	return one;
}

LICENSE("GPL");
