/* pytc-test: refused: a typed ksym that the kernel lacks */
#include "common.h"

extern const int never_there __ksym;

SEC("classifier") int cls_main(struct __sk_buff *skb)
{
	return bpf_per_cpu_ptr(&never_there, 0) != 0;
}

LICENSE("GPL");
