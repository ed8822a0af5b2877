/*
 * For the objects of the test run. A source that declares an older layout of
 * struct bpf_elf_map itself defines OWN_BPF_ELF_MAP before this.
 */
#ifndef PYTC_TEST_OBJECTS_COMMON_H
#define PYTC_TEST_OBJECTS_COMMON_H

#include "../../examples/bpf/helpers.h"

#include <linux/pkt_cls.h>

#define LICENSE(text)	char __license[] SEC("license") = text
#define CLASSID(major, minor)	((int)((major) << 16 | (minor)))

static long (*const bpf_tail_call)(void *skb, void *programs, __u32 index) __unused =
	(void *)BPF_FUNC_tail_call;
static long (*const bpf_trace_printk)(const char *format, __u32 size, ...) __unused =
	(void *)BPF_FUNC_trace_printk;
static __u64 (*const bpf_ktime_get_ns)(void) __unused =
	(void *)BPF_FUNC_ktime_get_ns;
static void *(*const bpf_ringbuf_reserve)(void *ring, __u64 size, __u64 flags) __unused =
	(void *)BPF_FUNC_ringbuf_reserve;
static void (*const bpf_ringbuf_submit)(void *record, __u64 flags) __unused =
	(void *)BPF_FUNC_ringbuf_submit;
static long (*const bpf_spin_lock)(struct bpf_spin_lock *lock) __unused =
	(void *)BPF_FUNC_spin_lock;
static long (*const bpf_spin_unlock)(struct bpf_spin_lock *lock) __unused =
	(void *)BPF_FUNC_spin_unlock;

/* Adds to the u64 at a u32 key; a key that is not there yet is put there. */
#define COUNT(map, at, amount)						\
	do {								\
		__u32 key_ = (at);					\
		__u64 first_ = (amount), *sum_;				\
									\
		sum_ = bpf_map_lookup_elem(&(map), &key_);		\
		if (sum_)						\
			__sync_fetch_and_add(sum_, first_);		\
		else							\
			bpf_map_update_elem(&(map), &key_, &first_, BPF_ANY); \
	} while (0)

#endif
