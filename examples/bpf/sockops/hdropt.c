/*
 * Adds a custom option to the TCP header: SYN carries a word that the side
 * accepting the connection reads. The kind is 254, for experiments (RFC 4727);
 * the two-byte number after it identifies the experiment (RFC 6994).
 *
 *	pytc cgroup attach CGROUP obj examples/bpf/sockops/hdropt.o set word=0x2a
 *	tcpdump -vi em1 'tcp[tcpflags] & tcp-syn != 0'	# "exp-7074"
 *	pytc map dump name words	# at the other side: by the peer's port
 *
 * ss -ti does not show such options. Both sides may be in CGROUP, or each in
 * its own. Create a listener after attaching the program, which then tells it
 * to save the SYN of each connection.
 */
#include "sockops.h"

const volatile __u32 word = 0x2a;	/* host order */

#define KIND		254
#define EXPERIMENT	0x7074		/* "pt"; network order on the wire */

#define TCP_SAVE_SYN	27

static long (*const bpf_sock_ops_cb_flags_set)(void *ops, int flags) __unused =
	(void *)BPF_FUNC_sock_ops_cb_flags_set;
static long (*const bpf_reserve_hdr_opt)(void *ops, __u32 length, __u64 flags) __unused =
	(void *)BPF_FUNC_reserve_hdr_opt;
static long (*const bpf_store_hdr_opt)(void *ops, const void *from, __u32 length,
				       __u64 flags) __unused =
	(void *)BPF_FUNC_store_hdr_opt;
static long (*const bpf_load_hdr_opt)(void *ops, void *found, __u32 length,
				      __u64 flags) __unused =
	(void *)BPF_FUNC_load_hdr_opt;

/* As it is in the header: all bytes in the order of the network. */
struct option {
	__u8 kind;
	__u8 length;
	__u16 experiment;
	__u32 word;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, __u32);
} words SEC(".maps");

static __always_inline void keep_syn(struct bpf_sock_ops *ops)
{
	int on = 1;

	bpf_setsockopt(ops, SOL_TCP, TCP_SAVE_SYN, &on, sizeof(on));
}

/* Asks to be called when a header is made: first for the room, then to fill it. */
static __always_inline void ask_to_write(struct bpf_sock_ops *ops, int on)
{
	int flags = ops->bpf_sock_ops_cb_flags & ~BPF_SOCK_OPS_WRITE_HDR_OPT_CB_FLAG;

	bpf_sock_ops_cb_flags_set(ops, on ? flags | BPF_SOCK_OPS_WRITE_HDR_OPT_CB_FLAG : flags);
}

static __always_inline void write(struct bpf_sock_ops *ops)
{
	struct option option = { KIND, sizeof(option), net16(EXPERIMENT), net32(word) };

	bpf_store_hdr_opt(ops, &option, sizeof(option), 0);
}

/* The kernel looks for the kind and the number that stand here already. */
static __always_inline void read_syn(struct bpf_sock_ops *ops)
{
	struct option option = { KIND, 4, net16(EXPERIMENT), 0 };
	__u32 port = port_of(ops->remote_port), found;

	if (bpf_load_hdr_opt(ops, &option, sizeof(option), BPF_LOAD_HDR_OPT_TCP_SYN) !=
	    sizeof(option))
		return;
	found = net32(option.word);
	bpf_map_update_elem(&words, &port, &found, BPF_ANY);
}

SEC("sockops")
int hdropt(struct bpf_sock_ops *ops)
{
	switch (ops->op) {
	case BPF_SOCK_OPS_TCP_LISTEN_CB:
		keep_syn(ops);
		break;
	case BPF_SOCK_OPS_TCP_CONNECT_CB:
		ask_to_write(ops, 1);
		break;
	case BPF_SOCK_OPS_HDR_OPT_LEN_CB:
		bpf_reserve_hdr_opt(ops, sizeof(struct option), 0);
		break;
	case BPF_SOCK_OPS_WRITE_HDR_OPT_CB:
		write(ops);
		break;
	case BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB:
		ask_to_write(ops, 0);
		break;
	case BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB:
		read_syn(ops);
		break;
	}
	return 1;
}

LICENSE("GPL");
