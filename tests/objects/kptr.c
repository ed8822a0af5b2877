/* pytc-test: a counted reference to a kernel object in a map's value */
/* Returns the process id (tgid) of who ran it the last time, 0 the first time. */
#include "common.h"
#include "core.h"

struct task_struct {
	int tgid;
} KERNEL_TYPE;

extern struct task_struct *bpf_task_acquire(struct task_struct *task) __ksym;
extern void bpf_task_release(struct task_struct *task) __ksym;

struct slot {
	__u64 runs;
	struct task_struct __attribute__((btf_type_tag("kptr"))) *last;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct slot);
} slots SEC(".maps");

SEC("classifier") int cls_main(struct __sk_buff *skb)
{
	struct task_struct *task, *last;
	__u32 key = 0, tgid = 0;
	struct slot *slot;

	slot = bpf_map_lookup_elem(&slots, &key);
	if (!slot)
		return -1;
	slot->runs++;
	task = bpf_task_acquire(bpf_get_current_task_btf());
	if (!task)
		return -2;
	last = bpf_kptr_xchg(&slot->last, task);
	if (last) {
		tgid = last->tgid;
		bpf_task_release(last);
	}
	return tgid;
}

LICENSE("GPL");
