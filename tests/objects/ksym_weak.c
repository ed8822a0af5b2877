/* pytc-test: weak ksyms that the kernel lacks become 0, others do not */
/*
 * Returns 4: bit 0 for a variable that the kernel lacks, bit 1 for a symbol without a type
 * that it lacks, bit 2 for one that it has.
 */
#include "common.h"

extern const int never_there __ksym __weak;
extern const void schedule __ksym __weak;
extern const void never_there_either __ksym __weak;

SEC("classifier") int cls_main(struct __sk_buff *skb)
{
	int found = 0, *variable;

	if (&never_there) {
		variable = bpf_per_cpu_ptr(&never_there, 0);
		found |= variable && *variable ? 1 : 8;
	}
	if (&never_there_either)
		found |= 2;
	if (&schedule)
		found |= 4;
	return found;
}

LICENSE("GPL");
