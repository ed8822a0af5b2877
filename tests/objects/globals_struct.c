/* pytc-test: global structs, nested, with arrays; a constant one as load-time parameters */
/*
 * Returns "verdict" of "config" when the packet is at least "at_least" long and "enabled"
 * is set, else the packet's length. "state" in .bss: "packets", "bytes", "last" (length and
 * EtherType in host order), "by_port" where the port is an index into "ports" of "config"
 * (the source port of an IPv4 packet without options, host order; counted when equal).
 */
#include "common.h"

struct config {
	_Bool enabled;
	__u8 mac[6];
	__u16 at_least;
	__u16 ports[4];
	__u32 address;
	__s32 verdict;
	struct {
		__u64 rate;
		char name[16];
	} limits[2];
};

struct state {
	__u64 packets;
	__u64 bytes;
	struct {
		__u32 length;
		__u16 protocol;
	} last;
	__u32 by_port[4];
};

const volatile struct config config = {
	.enabled	= 1,
	.mac		= { 0x02, 0x00, 0x5e, 0x10, 0x00, 0xff },
	.at_least	= 60,
	.ports		= { 53, 67, 123, 443 },
	.address	= 0xc0000201,
	.verdict	= -5,
	.limits		= { { 1000000000000ULL, "upstream" }, { 7, "downstream" } },
};

struct state state;
struct config changing = { .verdict = 11, .limits[1].name = "initial" };	/* .data */

SEC("classifier") int cls_main(struct __sk_buff *skb)
{
	__u16 port = 0;

	state.packets++;
	state.bytes += skb->len;
	state.last.length = skb->len;
	state.last.protocol = net16(skb->protocol);
	changing.verdict += config.limits[1].rate;
	bpf_skb_load_bytes(skb, 34, &port, sizeof(port));
	for (int i = 0; i < 4; i++)
		if (config.ports[i] == net16(port))
			state.by_port[i]++;
	if (!config.enabled || skb->len < config.at_least)
		return skb->len;
	return config.verdict;
}

LICENSE("GPL");
