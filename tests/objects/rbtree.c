/* pytc-test: a tree of objects and its lock in a map's value; a kfunc with a callback */
/*
 * With mark 0, takes the smallest number out of the tree and returns it, -1 when there is
 * none; with another, puts the mark into it and returns 0.
 */
#include "common.h"
#include "core.h"
#include "graph.h"

struct item {
	__u64 number;
	struct bpf_rb_node node;
};

extern int bpf_rbtree_add_impl(struct bpf_rb_root *root, struct bpf_rb_node *node,
			       _Bool (*less)(struct bpf_rb_node *, const struct bpf_rb_node *),
			       void *meta, __u64 offset) __ksym;
extern struct bpf_rb_node *bpf_rbtree_first(struct bpf_rb_root *root) __ksym;
extern struct bpf_rb_node *bpf_rbtree_remove(struct bpf_rb_root *root,
					     struct bpf_rb_node *node) __ksym;

struct tree {
	struct bpf_spin_lock lock;
	struct bpf_rb_root root CONTAINS(item, node);
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct tree);
} trees SEC(".maps");

static _Bool less(struct bpf_rb_node *one, const struct bpf_rb_node *other)
{
	return OBJECT_OF(one, struct item, node)->number <
	       OBJECT_OF(other, struct item, node)->number;
}

SEC("classifier") int cls_main(struct __sk_buff *skb)
{
	struct bpf_rb_node *node;
	__u32 mark = skb->mark;
	struct item *item;
	struct tree *tree;
	__u32 key = 0;
	int number;

	tree = bpf_map_lookup_elem(&trees, &key);
	if (!tree)
		return -2;
	if (mark) {
		item = bpf_obj_new_impl(TYPE_ID_LOCAL(struct item), 0);
		if (!item)
			return -3;
		item->number = mark;
		bpf_spin_lock(&tree->lock);
		bpf_rbtree_add_impl(&tree->root, &item->node, less, 0, 0);
		bpf_spin_unlock(&tree->lock);
		return 0;
	}

	bpf_spin_lock(&tree->lock);
	node = bpf_rbtree_first(&tree->root);
	if (!node) {
		bpf_spin_unlock(&tree->lock);
		return -1;
	}
	node = bpf_rbtree_remove(&tree->root, node);
	bpf_spin_unlock(&tree->lock);
	if (!node)
		return -1;
	item = OBJECT_OF(node, struct item, node);
	number = item->number;
	bpf_obj_drop_impl(item, 0);
	return number;
}

LICENSE("GPL");
