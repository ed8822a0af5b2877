#include "example.h"

extern void bpf_rcu_read_lock(void) __ksym;
extern void bpf_rcu_read_unlock(void) __ksym;
/* wrong */
SEC("tc") int wrong(struct __sk_buff *skb)
{
	bpf_rcu_read_lock();
	if (skb->len < 60)
		return TC_ACT_SHOT;
	bpf_rcu_read_unlock();
	return TC_ACT_OK;
}
/* right */
SEC("tc") int right(struct __sk_buff *skb)
{
	int verdict;

	bpf_rcu_read_lock();
	verdict = skb->len < 60 ? TC_ACT_SHOT : TC_ACT_OK;
	bpf_rcu_read_unlock();
	return verdict;
}
/* end */
char _license[] SEC("license") = "GPL";
