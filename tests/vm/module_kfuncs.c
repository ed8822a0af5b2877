/* pytc-test: kfuncs of two modules, nf_conntrack and nf_nat, in one program */
/*
 * Makes a connection with a translated source, and finds it again. Returns 3; "errors" in
 * .bss are both 0.
 */
#include "../objects/common.h"

struct bpf_ct_opts___short {
	__s32 netns;
	__s32 error;
	__u8 protocol;
	__u8 direction;
	__u8 reserved[2];
};

union nf_inet_addr {
	__u32 all[4];
};

enum nf_nat_manip_type { SOURCE, DESTINATION };

struct nf_conn___init {
	int unused;
};

struct nf_conn {
	int unused;
};

extern struct nf_conn___init *bpf_skb_ct_alloc(struct __sk_buff *skb, struct bpf_sock_tuple *tuple,
					       __u32 tuple_size, struct bpf_ct_opts___short *options,
					       __u32 options_size) __ksym;
extern struct nf_conn *bpf_skb_ct_lookup(struct __sk_buff *skb, struct bpf_sock_tuple *tuple,
					 __u32 tuple_size, struct bpf_ct_opts___short *options,
					 __u32 options_size) __ksym;
extern void bpf_ct_set_timeout(struct nf_conn___init *connection, __u32 milliseconds) __ksym;
extern int bpf_ct_set_nat_info(struct nf_conn___init *connection, union nf_inet_addr *address, int port,
			       enum nf_nat_manip_type which) __ksym;
extern struct nf_conn *bpf_ct_insert_entry(struct nf_conn___init *connection) __ksym;
extern void bpf_ct_release(struct nf_conn *connection) __ksym;

__s64 errors[2];

SEC("classifier") int cls_main(struct __sk_buff *skb)
{
	struct bpf_ct_opts___short options = { .netns = -1, .protocol = 6 };
	struct bpf_sock_tuple tuple = {};
	union nf_inet_addr address = {};
	struct nf_conn___init *made;
	struct nf_conn *connection;
	int result = 0;

	tuple.ipv4.saddr = 0x0100007f;
	tuple.ipv4.daddr = 0x0200007f;
	tuple.ipv4.sport = 0x0100;
	tuple.ipv4.dport = 0x0200;
	made = bpf_skb_ct_alloc(skb, &tuple, sizeof(tuple.ipv4), &options, sizeof(options));
	errors[0] = options.error;
	if (!made)
		return -1;
	bpf_ct_set_timeout(made, 10000);
	address.all[0] = 0x0300007f;
	bpf_ct_set_nat_info(made, &address, 3, SOURCE);
	connection = bpf_ct_insert_entry(made);
	if (!connection)
		return -2;
	bpf_ct_release(connection);
	result |= 1;
	connection = bpf_skb_ct_lookup(skb, &tuple, sizeof(tuple.ipv4), &options, sizeof(options));
	errors[1] = options.error;
	if (connection) {
		bpf_ct_release(connection);
		result |= 2;
	}
	return result;
}

LICENSE("GPL");
