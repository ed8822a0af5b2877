/* pytc-test: CO-RE: every question about a field, to be compared with the kernel's BTF */
/*
 * Returns the number of rows. Row i of "answers" in .bss is about the field named by
 * row i of "names" in .rodata: offset, size, exists, signed, left shift, right shift. The
 * sign is asked of numbers only, the shifts of numbers and pointers; 0 where it is not.
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

#define FIELDS(number, pointer, other)					\
	number(0, sk_buff, len)						\
	pointer(1, sk_buff, dev)					\
	number(2, sk_buff, protocol)					\
	number(3, sk_buff, pkt_type)					\
	number(4, sk_buff, cloned)					\
	other(5, sk_buff, cb)						\
	pointer(6, sk_buff, head)					\
	number(7, task_struct, pid)					\
	number(8, task_struct, flags)					\
	other(9, task_struct, comm)					\
	number(10, task_struct, sched_reset_on_fork)			\
	number(11, task_struct, utime)					\
	other(12, net_device, name)					\
	number(13, net_device, ifindex)					\
	number(14, net_device, mtu)					\
	number(15, net_device, type)					\
	number(16, mm_struct, arg_start)				\
	number(17, iphdr, version)					\
	number(18, iphdr, ihl)						\
	number(19, iphdr, daddr)

#define NAME(number, type, field)	[number] = #type "." #field,
#define ANSWER_ANY(number, type, field)						\
	answers[number][ASK_OFFSET] = FIELD_OFFSET(MEMBER(struct type, field));	\
	answers[number][ASK_SIZE] = FIELD_SIZE(MEMBER(struct type, field));	\
	answers[number][ASK_EXISTS] = FIELD_EXISTS(MEMBER(struct type, field));
#define ANSWER_POINTER(number, type, field)					\
	ANSWER_ANY(number, type, field)						\
	answers[number][ASK_LEFT] = FIELD_LEFT(MEMBER(struct type, field));	\
	answers[number][ASK_RIGHT] = FIELD_RIGHT(MEMBER(struct type, field));
#define ANSWER_NUMBER(number, type, field)					\
	ANSWER_POINTER(number, type, field)					\
	answers[number][ASK_SIGNED] = FIELD_SIGNED(MEMBER(struct type, field));

const volatile char names[20][40] = { FIELDS(NAME, NAME, NAME) };
__u64 answers[20][6];

SEC("classifier") int cls_main(struct __sk_buff *skb)
{
	FIELDS(ANSWER_NUMBER, ANSWER_POINTER, ANSWER_ANY)
	return ENTRIES(answers) + names[0][39];
}

LICENSE("GPL");
