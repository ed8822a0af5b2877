/* pytc-test: ksyms with a type: variables of each CPU */
/*
 * Returns the number of the CPU. In .bss, "seen": the same by the run queue of this CPU,
 * 0 by that of CPU 0, 0 since there is no CPU 1000000, and bpf_prog_active of this CPU: 0,
 * since programs of this type are not counted.
 */
#include "common.h"
#include "core.h"

struct rq {
	int cpu;
} KERNEL_TYPE;

extern const struct rq runqueues __ksym;
extern const int bpf_prog_active __ksym __weak;

__u64 seen[4];

SEC("classifier") int cls_main(struct __sk_buff *skb)
{
	int *active;
	struct rq *queue = bpf_this_cpu_ptr(&runqueues);

	seen[0] = queue->cpu;
	queue = bpf_per_cpu_ptr(&runqueues, 0);
	seen[1] = queue ? queue->cpu : -1;
	queue = bpf_per_cpu_ptr(&runqueues, 1000000);
	seen[2] = queue != 0;
	if (&bpf_prog_active) {
		active = bpf_this_cpu_ptr(&bpf_prog_active);
		seen[3] = *active;
	}
	return seen[0];
}

LICENSE("GPL");
