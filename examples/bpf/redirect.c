/*
 * Port 80 spread over ports 8080 to 8087, without a proxy.
 *
 *   lb       for ingress: redirects a TCP connection to port 80 to one of the
 *            ports 8080 to 8087, by its receive queue (RSS keeps a connection
 *            in one queue).
 *   lb-back  for egress: makes replies leave from port 80 again. Does not
 *            touch connections to port 8080 itself.
 *
 * IPv4 and IPv6. "map_connections" has the port of each connection, and
 * "map_ports" counts packets of each port in both directions.
 *
 * Build:   clang -O2 -g -target bpf -mcpu=v2 -I/usr/include/$(uname -m)-linux-gnu \
 *                -c redirect.c -o redirect.o
 *
 * Attach:  pytc qdisc add dev em1 clsact
 *          pytc filter add dev em1 ingress bpf da obj redirect.o sec lb
 *          pytc filter add dev em1 egress bpf da obj redirect.o sec lb-back
 *
 * Read:    pytc map dump pinned m:globals/map_ports
 *          pytc map dump pinned m:globals/map_connections
 */
#include <linux/pkt_cls.h>
#include <linux/tcp.h>

#include "flow.h"

static long (*const bpf_skb_store_bytes)(void *skb, __u32 offset, const void *from,
					 __u32 len, __u64 flags) __unused =
	(void *)BPF_FUNC_skb_store_bytes;
static long (*const bpf_l4_csum_replace)(void *skb, __u32 offset, __u64 from,
					 __u64 to, __u64 size) __unused =
	(void *)BPF_FUNC_l4_csum_replace;

#define PORT		80
#define FIRST		8080
#define PORTS		8

struct connection {
	__be32 client[4];
	__be32 server[4];
	__be16 client_port;
	__u16 unused;
};

struct counters {
	__u64 in;
	__u64 out;
};

struct bpf_elf_map SEC("maps") map_connections = {
	.type		= BPF_MAP_TYPE_LRU_HASH,
	.id		= 0,
	.size_key	= sizeof(struct connection),
	.size_value	= sizeof(__u32),
	.max_elem	= 65536,
	.pinning	= PIN_GLOBAL_NS,
};
MAP_TYPES(map_connections, struct connection, __u32);

struct bpf_elf_map SEC("maps") map_ports = {
	.type		= BPF_MAP_TYPE_ARRAY,
	.id		= 1,
	.size_key	= sizeof(__u32),
	.size_value	= sizeof(struct counters),
	.max_elem	= PORTS,
	.pinning	= PIN_GLOBAL_NS,
};
MAP_TYPES(map_ports, __u32, struct counters);

/* Replaces one of the two ports; the checksum follows. Pointers to the packet would be invalid afterwards. */
static __always_inline void set_port(struct __sk_buff *skb, __u32 header, __u32 member, __be16 from, __be16 to)
{
	bpf_l4_csum_replace(skb, header + offsetof(struct tcphdr, check), from, to, sizeof(to));
	bpf_skb_store_bytes(skb, header + member, &to, sizeof(to), 0);
}

static __always_inline int tcp_flow(struct __sk_buff *skb, struct flow *flow)
{
	return !dissect(skb, flow) && flow->protocol == IPPROTO_TCP && !flow->later_fragment;
}

SEC("lb") int to_ports(struct __sk_buff *skb)
{
	struct connection connection = {};
	struct counters *counters;
	__u32 number, *known;
	struct flow flow;

	if (!tcp_flow(skb, &flow) || flow.port.destination != net16(PORT))
		return TC_ACT_OK;

	__builtin_memcpy(connection.client, flow.source, sizeof(connection.client));
	__builtin_memcpy(connection.server, flow.destination, sizeof(connection.server));
	connection.client_port = flow.port.source;
	known = bpf_map_lookup_elem(&map_connections, &connection);
	if (known) {
		number = *known;
	} else {
		number = skb->queue_mapping & (PORTS - 1);
		bpf_map_update_elem(&map_connections, &connection, &number, BPF_ANY);
	}
	set_port(skb, flow.transport, offsetof(struct tcphdr, dest), net16(PORT), net16(FIRST + number));
	counters = bpf_map_lookup_elem(&map_ports, &number);
	if (likely(counters))
		__sync_fetch_and_add(&counters->in, 1);
	return TC_ACT_UNSPEC;
}

SEC("lb-back") int from_ports(struct __sk_buff *skb)
{
	struct connection connection = {};
	struct counters *counters;
	__u32 number, *known;
	struct flow flow;

	if (!tcp_flow(skb, &flow))
		return TC_ACT_OK;
	__builtin_memcpy(connection.client, flow.destination, sizeof(connection.client));
	__builtin_memcpy(connection.server, flow.source, sizeof(connection.server));
	connection.client_port = flow.port.destination;
	known = bpf_map_lookup_elem(&map_connections, &connection);
	if (!known || flow.port.source != net16(FIRST + *known))
		return TC_ACT_OK;

	number = *known;
	set_port(skb, flow.transport, offsetof(struct tcphdr, source), flow.port.source, net16(PORT));
	counters = bpf_map_lookup_elem(&map_ports, &number);
	if (likely(counters))
		__sync_fetch_and_add(&counters->out, 1);
	return TC_ACT_UNSPEC;
}

char __license[] SEC("license") = "GPL";
