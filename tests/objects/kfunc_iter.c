/* pytc-test: the kfuncs of an open-coded iterator, which keeps its state on the stack */
/* Returns the sum of the numbers from 3 to 10, 52. */
#include "common.h"

/* By a name of its own, since newer uapi headers declare struct bpf_iter_num. */
struct numbers {
	__u64 state;
};

extern int bpf_iter_num_new(struct numbers *iterator, int first, int after_last) __ksym;
extern int *bpf_iter_num_next(struct numbers *iterator) __ksym;
extern void bpf_iter_num_destroy(struct numbers *iterator) __ksym;

SEC("classifier") int cls_main(struct __sk_buff *skb)
{
	struct numbers iterator;
	int *number, sum = 0;

	bpf_iter_num_new(&iterator, 3, 11);
	while ((number = bpf_iter_num_next(&iterator)))
		sum += *number;
	bpf_iter_num_destroy(&iterator);
	return sum;
}

LICENSE("GPL");
