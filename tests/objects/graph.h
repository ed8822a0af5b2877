/*
 * Lists and trees of a program's own objects. Newer uapi headers declare
 * these types; the kernel knows them by name and size, this one's since v6.6.
 */
#ifndef PYTC_TEST_OBJECTS_GRAPH_H
#define PYTC_TEST_OBJECTS_GRAPH_H

#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 2, 0)
struct bpf_list_head {
	__u64 opaque[2];
} __attribute__((aligned(8)));

struct bpf_list_node {
	__u64 opaque[3];
} __attribute__((aligned(8)));
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
struct bpf_rb_root {
	__u64 opaque[2];
} __attribute__((aligned(8)));

struct bpf_rb_node {
	__u64 opaque[4];
} __attribute__((aligned(8)));
#endif

/* Which objects a head or a root holds, and by which member. */
#define CONTAINS(type, member)	__attribute__((btf_decl_tag("contains:" #type ":" #member)))

/* The object that a member is of. */
#define OBJECT_OF(node, type, member)	((type *)((char *)(node) - offsetof(type, member)))

extern void *bpf_obj_new_impl(__u64 type_id, void *meta) __ksym;
extern void bpf_obj_drop_impl(void *object, void *meta) __ksym;

#endif
