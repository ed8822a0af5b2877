#include "example.h"

struct numbers {
	__u64 state;
};
extern int bpf_iter_num_new(struct numbers *numbers, int start, int end) __ksym;
extern int *bpf_iter_num_next(struct numbers *numbers) __ksym;
extern void bpf_iter_num_destroy(struct numbers *numbers) __ksym;
/* wrong */
SEC("tc") int wrong(struct __sk_buff *skb)
{
	struct numbers numbers;

	return bpf_iter_num_next(&numbers) ? TC_ACT_SHOT : TC_ACT_OK;
}
/* right */
SEC("tc") int right(struct __sk_buff *skb)
{
	struct numbers numbers;
	int sum = 0, *i;

	bpf_iter_num_new(&numbers, 0, 8);
	while ((i = bpf_iter_num_next(&numbers)))
		sum += *i;
	bpf_iter_num_destroy(&numbers);
	return sum;
}
/* end */
char _license[] SEC("license") = "GPL";
