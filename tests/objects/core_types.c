/* pytc-test: CO-RE: whether types exist and match, their sizes, their ids here and there */
/*
 * Returns the number of rows. Row i of "answers" in .bss is about type i of the list in
 * the program: exists, size, id here, id there (all 0 for what the kernel lacks, but the
 * id here). "matches" is by the flavours below: 1 for as many as MATCHING, then 0. A
 * compiler older than clang 15 cannot ask that: all of "matches" is 255.
 */
#include "common.h"
#include "core.h"

struct task_struct {
	int pid;
};

struct never_there {
	int field;
};

struct sk_buff___mine {
	unsigned int len;
};

union bpf_attr___mine {
	int member;
};

union never_there_union {
	int member;
};

enum pid_type {
	PIDTYPE_PID,
};

enum never_there_kind {
	NEVER_THERE,
};

typedef unsigned int gfp_t;
typedef int never_there_t;

/*
 * Of these, the kernel has all members, with the same types. No char: it has no sign in
 * kernels since v6.2, and one for BPF.
 */
struct task_struct___right {
	int pid;
	struct task_struct *group_leader;
	struct nsproxy *nsproxy;
};

struct net_device___right {
	unsigned int mtu;
	int ifindex;
	unsigned char perm_addr[32];
};

enum pid_type___right {
	PIDTYPE_SID___right = 77,
	PIDTYPE_TGID___right = 78,
};

/* Of these, something differs. */
struct task_struct___other_type {
	__u64 pid;
};

struct task_struct___other_sign {
	unsigned int pid;
};

struct net_device___other_length {
	unsigned char perm_addr[31];
};

struct task_struct___other_pointer {
	struct sk_buff *group_leader;
};

struct task_struct___no_pointer {
	int group_leader;
};

struct task_struct___unknown_member {
	int pid;
	int never_there;
};

union task_struct___union {
	int pid;
};

enum pid_type___unknown {
	PIDTYPE_PID___unknown,
	PIDTYPE_NEVER_THERE,
};

#define MATCHING	3

__u64 answers[9][4];
__u8 matches[11];

#define ANSWER(number, type)					\
	answers[number][0] = TYPE_EXISTS(type);			\
	answers[number][1] = TYPE_SIZE(type);			\
	answers[number][2] = TYPE_ID_LOCAL(type);		\
	answers[number][3] = TYPE_ID_KERNEL(type);

SEC("classifier") int cls_main(struct __sk_buff *skb)
{
	ANSWER(0, struct task_struct)
	ANSWER(1, struct sk_buff___mine)
	ANSWER(2, union bpf_attr___mine)
	ANSWER(3, enum pid_type)
	ANSWER(4, gfp_t)
	ANSWER(5, struct never_there)
	ANSWER(6, union never_there_union)
	ANSWER(7, enum never_there_kind)
	ANSWER(8, never_there_t)

#if __clang_major__ >= 15
	matches[0] = TYPE_MATCHES(struct task_struct___right);
	matches[1] = TYPE_MATCHES(struct net_device___right);
	matches[2] = TYPE_MATCHES(enum pid_type___right);
	matches[3] = TYPE_MATCHES(struct task_struct___other_type);
	matches[4] = TYPE_MATCHES(struct task_struct___other_sign);
	matches[5] = TYPE_MATCHES(struct net_device___other_length);
	matches[6] = TYPE_MATCHES(struct task_struct___other_pointer);
	matches[7] = TYPE_MATCHES(struct task_struct___no_pointer);
	matches[8] = TYPE_MATCHES(struct task_struct___unknown_member);
	matches[9] = TYPE_MATCHES(union task_struct___union);
	matches[10] = TYPE_MATCHES(enum pid_type___unknown);
#else
	__builtin_memset(matches, 255, sizeof(matches));
#endif
	return ENTRIES(answers);
}

LICENSE("GPL");
