/* pytc-test: a list of objects and its lock in a data section of hidden variables */
/*
 * Run number n appends n to the list, and from the third run on takes the oldest off and
 * returns it: 0, 0, 1, 2, 3.
 */
#include "common.h"
#include "core.h"
#include "graph.h"

struct item {
	struct bpf_list_node node;
	__u64 number;
};

extern int bpf_list_push_back_impl(struct bpf_list_head *head, struct bpf_list_node *node,
				   void *meta, __u64 offset) __ksym;
extern struct bpf_list_node *bpf_list_pop_front(struct bpf_list_head *head) __ksym;

#define GUARDED	SEC(".data.guarded") __hidden __attribute__((aligned(8)))

struct bpf_spin_lock lock GUARDED;
struct bpf_list_head items GUARDED CONTAINS(item, node);

__u64 runs;

SEC("classifier") int cls_main(struct __sk_buff *skb)
{
	struct bpf_list_node *node = 0;
	struct item *item;
	int number = 0;

	item = bpf_obj_new_impl(TYPE_ID_LOCAL(struct item), 0);
	if (!item)
		return -1;
	item->number = ++runs;

	bpf_spin_lock(&lock);
	bpf_list_push_back_impl(&items, &item->node, 0, 0);
	if (runs > 2)
		node = bpf_list_pop_front(&items);
	bpf_spin_unlock(&lock);

	if (node) {
		item = OBJECT_OF(node, struct item, node);
		number = item->number;
		bpf_obj_drop_impl(item, 0);
	}
	return number;
}

LICENSE("GPL");
