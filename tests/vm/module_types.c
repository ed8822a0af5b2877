/* pytc-test: what nf_conntrack and x_tables have and vmlinux has not: CO-RE, and a variable of each CPU */
/*
 * Returns 1. "answers" in .bss: offset of bpf_ct_opts.l4proto, its size, whether it
 * exists, size of bpf_ct_opts, its id, value of TCP_ACK_SET, whether it exists, whether a
 * type exists that nobody has, and whether a member does; last the sequence count of this
 * CPU, which is even, and whether a variable is there that nobody has.
 */
#include "../objects/common.h"
#include "../objects/core.h"

struct bpf_ct_opts {
	__u8 l4proto;
	int never_there;
} KERNEL_TYPE;

struct never_there {
	int field;
} KERNEL_TYPE;

enum tcp_bit_set {
	TCP_ACK_SET = 77,
};

struct seqcount {
	unsigned int sequence;
};

extern const struct seqcount xt_recseq __ksym;
extern const int pytc_never_there __ksym __weak;

__u64 answers[11];

SEC("classifier") int cls_main(struct __sk_buff *skb)
{
	unsigned int sequence = 1;

	/* This verifier looks into no variable of a type with a name of its own. */
	PEEK(sequence, bpf_this_cpu_ptr(&xt_recseq));
	answers[0] = FIELD_OFFSET(MEMBER(struct bpf_ct_opts, l4proto));
	answers[1] = FIELD_SIZE(MEMBER(struct bpf_ct_opts, l4proto));
	answers[2] = FIELD_EXISTS(MEMBER(struct bpf_ct_opts, l4proto));
	answers[3] = TYPE_SIZE(struct bpf_ct_opts);
	answers[4] = TYPE_ID_KERNEL(struct bpf_ct_opts);
	answers[5] = ENUM_VALUE(enum tcp_bit_set, TCP_ACK_SET);
	answers[6] = ENUM_EXISTS(enum tcp_bit_set, TCP_ACK_SET);
	answers[7] = TYPE_EXISTS(struct never_there);
	answers[8] = FIELD_EXISTS(MEMBER(struct bpf_ct_opts, never_there));
	answers[9] = sequence;
	answers[10] = &pytc_never_there != 0;
	return 1;
}

LICENSE("GPL");
