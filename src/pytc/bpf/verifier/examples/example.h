/* What the examples share: sections, maps, helpers; only the kernel's uapi headers are needed. */
#include <linux/types.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#define SEC(name)		__attribute__((section(name), used))
#define __noinline		__attribute__((noinline))
#define __weak			__attribute__((weak))
#define __ksym			__attribute__((section(".ksyms")))
#define __core			__attribute__((preserve_access_index))
#define __uint(name, number)	int (*name)[number]
#define __type(name, of)	__typeof__(of) *name
/* Keeps the compiler from taking an array apart. */
#define KEEP(array)		asm volatile("" : : "r"(array) : "memory")
#define HELPER(name)		(*const bpf_##name)
#define IS(name)		(void *)BPF_FUNC_##name

#pragma clang diagnostic ignored "-Wunused-const-variable"

static void *HELPER(map_lookup_elem)(void *map, const void *key) = IS(map_lookup_elem);
static long HELPER(map_update_elem)(void *map, const void *key, const void *value, __u64 flags) = IS(map_update_elem);
static long HELPER(skb_load_bytes)(const void *skb, __u32 offset, void *to, __u32 size) = IS(skb_load_bytes);
static long HELPER(skb_pull_data)(struct __sk_buff *skb, __u32 size) = IS(skb_pull_data);
static long HELPER(xdp_adjust_head)(void *ctx, int delta) = IS(xdp_adjust_head);
static long HELPER(trace_printk)(const char *format, __u32 size, ...) = IS(trace_printk);
static void *HELPER(ringbuf_reserve)(void *ring, __u64 size, __u64 flags) = IS(ringbuf_reserve);
static void HELPER(ringbuf_submit)(void *record, __u64 flags) = IS(ringbuf_submit);
static long HELPER(ringbuf_output)(void *ring, void *data, __u64 size, __u64 flags) = IS(ringbuf_output);
static long HELPER(spin_lock)(struct bpf_spin_lock *lock) = IS(spin_lock);
static long HELPER(spin_unlock)(struct bpf_spin_lock *lock) = IS(spin_unlock);
static long HELPER(sk_release)(void *socket) = IS(sk_release);
static void *HELPER(sk_fullsock)(void *socket) = IS(sk_fullsock);
static long HELPER(timer_init)(struct bpf_timer *timer, void *map, __u64 flags) = IS(timer_init);
static long HELPER(for_each_map_elem)(void *map, void *callback, void *data, __u64 flags) = IS(for_each_map_elem);
static long HELPER(tail_call)(void *ctx, void *array, __u32 index) = IS(tail_call);
static long HELPER(snprintf)(char *to, __u32 size, const char *format, __u64 *data, __u32 length) = IS(snprintf);
static long HELPER(ringbuf_reserve_dynptr)(void *ring, __u32 size, __u64 flags, struct bpf_dynptr *to) =
	IS(ringbuf_reserve_dynptr);
static void HELPER(ringbuf_discard_dynptr)(struct bpf_dynptr *pointer, __u64 flags) = IS(ringbuf_discard_dynptr);
static long HELPER(dynptr_read)(void *to, __u32 size, const struct bpf_dynptr *from, __u32 offset, __u64 flags) =
	IS(dynptr_read);
static __u64 HELPER(ktime_get_ns)(void) = IS(ktime_get_ns);
static struct task_struct *HELPER(get_current_task_btf)(void) = IS(get_current_task_btf);
