/* pytc-test: CO-RE: some 300 relocations in one program */
/*
 * Returns 54, the number of fields. In .rodata, "names"; in .bss, "answers" about each:
 * offset, size, exists, signed, left shift, right shift. The sign is asked of numbers
 * only, the shifts of numbers and pointers; 0 where it is not.
 */
#include "common.h"
#include "core.h"

#define FIELDS(number, pointer, other)					\
	number(0, task_struct, pid) number(1, task_struct, tgid)	\
	number(2, task_struct, flags) other(3, task_struct, comm)	\
	pointer(4, task_struct, mm) pointer(5, task_struct, files)	\
	pointer(6, task_struct, fs) pointer(7, task_struct, nsproxy)	\
	pointer(8, task_struct, signal) pointer(9, task_struct, cred)	\
	pointer(10, task_struct, parent) pointer(11, task_struct, real_parent) \
	number(12, task_struct, prio) number(13, task_struct, static_prio) \
	number(14, task_struct, normal_prio) number(15, task_struct, rt_priority) \
	number(16, task_struct, policy) number(17, task_struct, utime)	\
	number(18, task_struct, stime) number(19, task_struct, exit_code) \
	number(20, task_struct, start_time) number(21, task_struct, nvcsw) \
	number(22, task_struct, min_flt) number(23, task_struct, maj_flt) \
	other(24, net_device, name) number(25, net_device, ifindex)	\
	number(26, net_device, mtu) number(27, net_device, type)	\
	number(28, net_device, flags) pointer(29, net_device, dev_addr)	\
	number(30, net_device, addr_len) number(31, net_device, operstate) \
	pointer(32, net_device, netdev_ops) pointer(33, net_device, ethtool_ops) \
	number(34, net_device, features) number(35, net_device, tx_queue_len) \
	number(36, net_device, num_tx_queues) number(37, net_device, group) \
	number(38, net_device, dev_port) number(39, net_device, hard_header_len) \
	number(40, sk_buff, len) number(41, sk_buff, data_len)		\
	pointer(42, sk_buff, head) pointer(43, sk_buff, data)		\
	number(44, sk_buff, protocol) number(45, sk_buff, priority)	\
	number(46, sk_buff, hash) number(47, sk_buff, skb_iif)		\
	number(48, sk_buff, mac_len) number(49, sk_buff, truesize)	\
	other(50, sk_buff, users) other(51, sk_buff, cb)		\
	number(52, sk_buff, network_header) number(53, sk_buff, transport_header)

/* A number matches any number, a pointer any pointer, an array one of such elements. */
struct task_struct {
	int pid, tgid, flags, prio, static_prio, normal_prio, rt_priority, policy, utime, stime,
	    exit_code, start_time, nvcsw, min_flt, maj_flt;
	void *mm, *files, *fs, *nsproxy, *signal, *cred, *parent, *real_parent;
	char comm[1];
} KERNEL_TYPE;

struct net_device {
	int ifindex, mtu, type, flags, addr_len, operstate, features, tx_queue_len,
	    num_tx_queues, group, dev_port, hard_header_len;
	void *dev_addr, *netdev_ops, *ethtool_ops;
	char name[1];
} KERNEL_TYPE;

struct sk_buff {
	int len, data_len, protocol, priority, hash, skb_iif, mac_len, truesize,
	    network_header, transport_header;
	void *head, *data;
	char cb[1];
	struct { int value; } users;
} KERNEL_TYPE;

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

const volatile char names[54][32] = { FIELDS(NAME, NAME, NAME) };
__u64 answers[54][6];

SEC("classifier") int cls_main(struct __sk_buff *skb)
{
	FIELDS(ANSWER_NUMBER, ANSWER_POINTER, ANSWER_ANY)
	return ENTRIES(answers) + names[0][31];
}

LICENSE("GPL");
