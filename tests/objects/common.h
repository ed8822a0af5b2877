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

#define __weak		__attribute__((weak))
#define __hidden	__attribute__((visibility("hidden")))

/* Symbols that the running kernel has, and values of its configuration. */
#define __ksym		__attribute__((section(".ksyms")))
#define __kconfig	__attribute__((section(".kconfig")))

#define ENTRIES(array)	(sizeof(array) / sizeof((array)[0]))

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
static __u32 (*const bpf_get_smp_processor_id)(void) __unused =
	(void *)BPF_FUNC_get_smp_processor_id;
static void *(*const bpf_get_current_task_btf)(void) __unused =
	(void *)BPF_FUNC_get_current_task_btf;
static long (*const bpf_probe_read_kernel)(void *to, __u32 size, const void *from) __unused =
	(void *)BPF_FUNC_probe_read_kernel;
static long (*const bpf_probe_read_kernel_str)(void *to, __u32 size, const void *from) __unused =
	(void *)BPF_FUNC_probe_read_kernel_str;
static void *(*const bpf_per_cpu_ptr)(const void *variable, __u32 cpu) __unused =
	(void *)BPF_FUNC_per_cpu_ptr;
static void *(*const bpf_this_cpu_ptr)(const void *variable) __unused =
	(void *)BPF_FUNC_this_cpu_ptr;
static long (*const bpf_for_each_map_elem)(void *map, void *callback, void *context,
					   __u64 flags) __unused =
	(void *)BPF_FUNC_for_each_map_elem;
static long (*const bpf_loop)(__u32 times, void *callback, void *context, __u64 flags) __unused =
	(void *)BPF_FUNC_loop;
static long (*const bpf_timer_init)(struct bpf_timer *timer, void *map, __u64 clock) __unused =
	(void *)BPF_FUNC_timer_init;
static long (*const bpf_timer_set_callback)(struct bpf_timer *timer, void *callback) __unused =
	(void *)BPF_FUNC_timer_set_callback;
static long (*const bpf_timer_start)(struct bpf_timer *timer, __u64 after, __u64 flags) __unused =
	(void *)BPF_FUNC_timer_start;
static long (*const bpf_map_push_elem)(void *map, const void *value, __u64 flags) __unused =
	(void *)BPF_FUNC_map_push_elem;
static long (*const bpf_map_pop_elem)(void *map, void *value) __unused =
	(void *)BPF_FUNC_map_pop_elem;
static long (*const bpf_map_peek_elem)(void *map, void *value) __unused =
	(void *)BPF_FUNC_map_peek_elem;
static long (*const bpf_perf_event_output)(void *skb, void *map, __u64 flags,
					   const void *record, __u64 size) __unused =
	(void *)BPF_FUNC_perf_event_output;
static void *(*const bpf_kptr_xchg)(void *at, void *pointer) __unused =
	(void *)BPF_FUNC_kptr_xchg;

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
