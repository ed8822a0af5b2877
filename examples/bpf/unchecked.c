/*
 * A mistake that everybody makes once: the kernel's verifier refuses this
 * program, and pytc says why, in terms of its C.
 *
 * bpf_map_lookup_elem() returns NULL for a key that the map does not have.
 * With "if (count)" before the addition, the program is a good one.
 *
 * Build:   clang -O2 -g -target bpf -mcpu=v2 -I/usr/include/$(uname -m)-linux-gnu \
 *                -c unchecked.c -o unchecked.o
 *          -g keeps the lines of C in the object.
 *
 * Try:     pytc object lint unchecked.o
 *          pytc prog run obj unchecked.o packet "ip udp"
 */
#include <linux/pkt_cls.h>

#include "helpers.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, __u64);
} packets SEC(".maps");

SEC("classifier") int count_by_mark(struct __sk_buff *skb)
{
	__u32 mark = skb->mark;
	__u64 *count = bpf_map_lookup_elem(&packets, &mark);

	__sync_fetch_and_add(count, 1);
	return TC_ACT_OK;
}

char __license[] SEC("license") = "GPL";
