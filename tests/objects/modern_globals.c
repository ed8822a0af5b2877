/* pytc-test: global variables: .data .rodata .bss, custom sections, a string constant */
#include "common.h"

__u64 packets;						/* .bss */
static volatile __u32 last_length;			/* .bss, static */
volatile __u32 step = 3;				/* .data */
static volatile __u64 big = 0x1122334455667788ULL;	/* .data, static */
const volatile __u32 limit = 1500;			/* .rodata */
static const volatile __u16 ports[4] = { 53, 67, 123, 443 };	/* .rodata, static */

const volatile __u32 verdict SEC(".rodata.cfg") = TC_ACT_OK;
const volatile __u32 too_long SEC(".rodata.cfg") = TC_ACT_SHOT;
volatile __u64 state[2] SEC(".data.state") = { 7, 40 };

SEC("classifier") int cls_main(struct __sk_buff *skb)
{
	__sync_fetch_and_add(&packets, step);
	last_length = skb->len;
	big += ports[skb->len & 3];
	state[1] += "zebra!!"[skb->len & 7];	/* .rodata.str1.1 */

	return skb->len > limit ? too_long : verdict;
}

LICENSE("GPL");
