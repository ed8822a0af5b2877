/*
 * Shared definitions of the examples: attributes, both ways to declare a
 * map, and the kernel helpers they call. Needs only the kernel's uapi headers.
 */
#ifndef PYTC_EXAMPLES_HELPERS_H
#define PYTC_EXAMPLES_HELPERS_H

#include <linux/types.h>
#include <linux/bpf.h>

#define SEC(name)	__attribute__((section(name), used))
#define __noinline	__attribute__((noinline))
#define __unused	__attribute__((unused))
#ifndef __always_inline
#define __always_inline	inline __attribute__((always_inline))
#endif

#ifndef offsetof
#define offsetof(type, member)	__builtin_offsetof(type, member)
#endif

#ifndef likely
#define likely(x)	__builtin_expect(!!(x), 1)
#define unlikely(x)	__builtin_expect(!!(x), 0)
#endif

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define net16(x)	((__u16)__builtin_bswap16(x))
#else
#define net16(x)	((__u16)(x))
#endif

/*
 * BTF maps, section ".maps". The loader never looks at a value here, only at
 * the types that the debug information keeps: a number is the length of an
 * array, a type is what a pointer points to.
 */
#define __uint(name, number)	int (*name)[number]
#define __type(name, of)	__typeof__(of) *name
#define __array(name, of)	__typeof__(of) *name[]

/* Pinning of a BTF map: under its own name, or not at all. */
#define PIN_BY_NAME	1

/* Pinning of a bpf_elf_map; any other number is looked up in bpf_pinning. */
#define PIN_NONE	0
#define PIN_OBJECT_NS	1
#define PIN_GLOBAL_NS	2

/*
 * tc's own map definition, section "maps". The loader goes by its size, so
 * a source that brings one of the older, shorter layouts says so first.
 */
#ifndef OWN_BPF_ELF_MAP
struct bpf_elf_map {
	__u32 type;
	__u32 size_key;
	__u32 size_value;
	__u32 max_elem;
	__u32 flags;
	__u32 id;
	__u32 pinning;
	__u32 inner_id;
	__u32 inner_idx;
};
#endif

/*
 * The types of a bpf_elf_map's keys and values, for whoever prints them: a
 * structure of this name in the debug information, in a section of its own.
 */
#define MAP_TYPES(name, key_type, value_type)				\
	struct ____btf_map_##name {					\
		key_type key;						\
		value_type value;					\
	};								\
	struct ____btf_map_##name SEC(".maps." #name) ____btf_map_##name = {}

/* A helper is called by number: the compiler folds these constants away. */
static void *(*const bpf_map_lookup_elem)(void *map, const void *key) __unused =
	(void *)BPF_FUNC_map_lookup_elem;
static long (*const bpf_map_update_elem)(void *map, const void *key,
					 const void *value, __u64 flags) __unused =
	(void *)BPF_FUNC_map_update_elem;
static long (*const bpf_tail_call)(void *skb, void *programs, __u32 slot) __unused =
	(void *)BPF_FUNC_tail_call;
static __u32 (*const bpf_get_prandom_u32)(void) __unused =
	(void *)BPF_FUNC_get_prandom_u32;
static long (*const bpf_skb_load_bytes)(const void *skb, __u32 offset,
					void *to, __u32 len) __unused =
	(void *)BPF_FUNC_skb_load_bytes;

/* The instructions of classic BPF that load from the packet, host order. */
unsigned long long load_byte(void *skb, unsigned long long offset)
	asm("llvm.bpf.load.byte");
unsigned long long load_half(void *skb, unsigned long long offset)
	asm("llvm.bpf.load.half");

#endif
