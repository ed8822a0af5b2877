/* pytc-test: CO-RE: every question about a field, to be compared with the kernel's BTF */
/*
 * Returns the number of rows. Row i of "answers" in .bss is about the field named by
 * row i of "names" in .rodata: offset, size, exists, signed, left shift, right shift.
 */
#include "common.h"
#include "core.h"

struct sk_buff {
	unsigned int len;
	void *dev;			/* in an anonymous union there */
	__u16 protocol;
	__u8 pkt_type:3;
	__u8 cloned:1;
	char cb[48];
	unsigned char *head;
} KERNEL_TYPE;

struct task_struct {
	int pid;
	unsigned int flags;
	char comm[16];
	unsigned sched_reset_on_fork:1;
	__u64 utime;
} KERNEL_TYPE;

struct net_device {
	char name[16];
	int ifindex;
	unsigned int mtu;
	unsigned short type;
} KERNEL_TYPE;

struct mm_struct {
	unsigned long arg_start;	/* in an anonymous struct there */
} KERNEL_TYPE;

struct iphdr {
	__u8 version:4;
	__u8 ihl:4;
	__u8 tos;
	__u32 daddr;
} KERNEL_TYPE;

#define FIELDS(row)				\
	row(0, sk_buff, len)			\
	row(1, sk_buff, dev)			\
	row(2, sk_buff, protocol)		\
	row(3, sk_buff, pkt_type)		\
	row(4, sk_buff, cloned)			\
	row(5, sk_buff, cb)			\
	row(6, sk_buff, head)			\
	row(7, task_struct, pid)		\
	row(8, task_struct, flags)		\
	row(9, task_struct, comm)		\
	row(10, task_struct, sched_reset_on_fork) \
	row(11, task_struct, utime)		\
	row(12, net_device, name)		\
	row(13, net_device, ifindex)		\
	row(14, net_device, mtu)		\
	row(15, net_device, type)		\
	row(16, mm_struct, arg_start)		\
	row(17, iphdr, version)			\
	row(18, iphdr, ihl)			\
	row(19, iphdr, daddr)

#define NAME(number, type, field)	[number] = #type "." #field,
#define ANSWER(number, type, field)						\
	answers[number][ASK_OFFSET] = FIELD_OFFSET(MEMBER(struct type, field));	\
	answers[number][ASK_SIZE] = FIELD_SIZE(MEMBER(struct type, field));	\
	answers[number][ASK_EXISTS] = FIELD_EXISTS(MEMBER(struct type, field));	\
	answers[number][ASK_SIGNED] = FIELD_SIGNED(MEMBER(struct type, field));	\
	answers[number][ASK_LEFT] = FIELD_LEFT(MEMBER(struct type, field));	\
	answers[number][ASK_RIGHT] = FIELD_RIGHT(MEMBER(struct type, field));

const volatile char names[20][40] = { FIELDS(NAME) };
__u64 answers[20][6];

SEC("classifier") int cls_main(struct __sk_buff *skb)
{
	FIELDS(ANSWER)
	return ENTRIES(answers) + names[0][39];
}

LICENSE("GPL");
