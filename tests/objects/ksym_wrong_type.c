/* pytc-test: refused: a ksym declared with another type than the kernel's */
#include "common.h"

struct rq {
	int cpu;
};

/* An int there. */
extern const struct rq bpf_prog_active __ksym;

SEC("classifier") int cls_main(struct __sk_buff *skb)
{
	return bpf_per_cpu_ptr(&bpf_prog_active, 0) != 0;
}

LICENSE("GPL");
