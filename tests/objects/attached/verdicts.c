/* pytc-test: programs by what they return, for what hooks make of that; all but ARP, so that pings see them */
#include "../common.h"

static long (*const redirect_peer)(__u32 ifindex, __u64 flags) = (void *)BPF_FUNC_redirect_peer;
static long (*const pull_data)(struct __sk_buff *skb, __u32 length) = (void *)BPF_FUNC_skb_pull_data;

const volatile int verdict = TC_ACT_UNSPEC;
const volatile int target = 0;
const volatile _Bool is_strict = 0;

SEC("tc/ok") int ok(struct __sk_buff *skb __unused)
{
	return TC_ACT_OK;
}

SEC("tc/next") int next(struct __sk_buff *skb __unused)
{
	return TC_ACT_UNSPEC;
}

SEC("tc/drop") int drop(struct __sk_buff *skb)
{
	return skb->protocol == net16(0x0806) ? TC_ACT_OK : TC_ACT_SHOT;
}

SEC("tc/some") int some(struct __sk_buff *skb)
{
	return skb->len > 4000 ? TC_ACT_SHOT : TC_ACT_UNSPEC;
}

/* Drops only where it is told to: the verifier removes the branch otherwise. */
SEC("tc/strict") int strict(struct __sk_buff *skb)
{
	if (is_strict) {
		pull_data(skb, 14);
		return TC_ACT_SHOT;
	}
	return TC_ACT_OK;
}

/* The kernel puts a branch that drops in front of what writes to a packet. */
SEC("tc/write") int write(struct __sk_buff *skb)
{
	__u8 *start, *end;

	pull_data(skb, 14);
	start = (void *)(long)skb->data;
	end = (void *)(long)skb->data_end;
	if (start + 14 <= end)
		start[0] = start[0];
	return TC_ACT_OK;
}

static __noinline int choose(struct __sk_buff *skb)
{
	return skb->mark ? TC_ACT_OK : TC_ACT_STOLEN;
}

SEC("tc/called") int called(struct __sk_buff *skb)
{
	return choose(skb);
}

SEC("tc/reclassify") int reclassify(struct __sk_buff *skb __unused)
{
	return TC_ACT_RECLASSIFY;
}

SEC("tc/several") int several(struct __sk_buff *skb)
{
	return skb->protocol == net16(0x0806) ? TC_ACT_PIPE : -5;
}

SEC("tc/stolen") int stolen(struct __sk_buff *skb)
{
	return skb->protocol == net16(0x0806) ? TC_ACT_OK : TC_ACT_STOLEN;
}

SEC("tc/any") int any(struct __sk_buff *skb)
{
	return skb->mark ? (int)skb->mark : TC_ACT_UNSPEC;
}

SEC("tc/peer") int peer(struct __sk_buff *skb)
{
	if (skb->protocol != net16(0x88b5) || !target)
		return TC_ACT_OK;
	return redirect_peer(target, 0);
}

SEC("tcx/ingress") int stolen_from_tcx(struct __sk_buff *skb)
{
	return skb->protocol == net16(0x0806) ? TC_ACT_OK : TC_ACT_STOLEN;
}

SEC("tcx/egress") int peer_at_egress(struct __sk_buff *skb)
{
	if (skb->protocol != net16(0x88b5))
		return TC_ACT_UNSPEC;
	return redirect_peer(target, 0);
}

/* Counts IPv4 packets and frames of an EtherType for experiments, and lets them go on. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, __u64);
} met SEC(".maps");

SEC("tc/count") int count(struct __sk_buff *skb)
{
	if (skb->protocol == net16(0x0800))
		COUNT(met, 0, 1);
	if (skb->protocol == net16(0x88b5))
		COUNT(met, 1, 1);
	return TC_ACT_UNSPEC;
}

LICENSE("GPL");
