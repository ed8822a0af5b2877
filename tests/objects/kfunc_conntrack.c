/* pytc-test: kfuncs of nf_conntrack, which may be in a module */
/*
 * Looks up a connection that is not there. Returns 1 for none, 2 for one; "error" in .bss
 * is -2 (ENOENT).
 */
#include "common.h"

/* The conntrack options are no uapi; this is their first, shorter form. */
struct bpf_ct_opts___short {
	__s32 netns;
	__s32 error;
	__u8 protocol;
	__u8 direction;
	__u8 reserved[2];
};

struct nf_conn {
	unsigned int timeout;
};

extern struct nf_conn *bpf_skb_ct_lookup(struct __sk_buff *skb, struct bpf_sock_tuple *tuple,
					 __u32 tuple_size, struct bpf_ct_opts___short *options,
					 __u32 options_size) __ksym;
extern void bpf_ct_release(struct nf_conn *connection) __ksym;

__s64 error;

SEC("classifier") int cls_main(struct __sk_buff *skb)
{
	struct bpf_ct_opts___short options = { .netns = -1, .protocol = 6 };
	struct bpf_sock_tuple tuple = {};
	struct nf_conn *connection;

	tuple.ipv4.saddr = 0x01020304;
	tuple.ipv4.dport = 5;
	connection = bpf_skb_ct_lookup(skb, &tuple, sizeof(tuple.ipv4), &options, sizeof(options));
	error = options.error;
	if (!connection)
		return 1;
	bpf_ct_release(connection);
	return 2;
}

LICENSE("GPL");
