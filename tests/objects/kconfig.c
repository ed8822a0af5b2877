/* pytc-test: values of the kernel's configuration and its version */
/*
 * Returns CONFIG_HZ. In .bss, "numbers": LINUX_KERNEL_VERSION (as KERNEL_VERSION() makes
 * it), CONFIG_HZ as u64, CONFIG_NET as bool, CONFIG_NF_CONNTRACK as tristate (0 no,
 * 1 built in, 2 module), CONFIG_BPF as char ('y'), CONFIG_ILLEGAL_POINTER_VALUE (hex, 64 bits), and
 * 0 for each of number, bool, tristate and char that the kernel lacks; "hostname" is
 * CONFIG_DEFAULT_HOSTNAME, "cut" begins like CONFIG_CC_VERSION_TEXT, "nothing" is empty.
 */
#include "common.h"

enum libbpf_tristate {
	TRI_NO,
	TRI_YES,
	TRI_MODULE,
};

extern int LINUX_KERNEL_VERSION __kconfig;
extern int CONFIG_HZ __kconfig;
extern _Bool CONFIG_NET __kconfig;
extern enum libbpf_tristate CONFIG_NF_CONNTRACK __kconfig;
extern char CONFIG_BPF __kconfig;
extern unsigned long CONFIG_ILLEGAL_POINTER_VALUE __kconfig __weak;
extern char CONFIG_DEFAULT_HOSTNAME[64] __kconfig __weak;
extern char CONFIG_CC_VERSION_TEXT[6] __kconfig;
extern unsigned int CONFIG_NEVER_THERE_NUMBER __kconfig __weak;
extern _Bool CONFIG_NEVER_THERE_BOOL __kconfig __weak;
extern enum libbpf_tristate CONFIG_NEVER_THERE_TRISTATE __kconfig __weak;
extern char CONFIG_NEVER_THERE_CHAR __kconfig __weak;
extern char CONFIG_NEVER_THERE_TEXT[8] __kconfig __weak;

__u64 numbers[10];
char hostname[64], cut[6], nothing[8];

/* A copy that the compiler cannot make its own helper call of. */
#define COPY(to, from)						\
	for (int i = 0; i < sizeof(from); i++)			\
		((volatile char *)(to))[i] = (from)[i];

SEC("classifier") int cls_main(struct __sk_buff *skb)
{
	numbers[0] = LINUX_KERNEL_VERSION;
	numbers[1] = CONFIG_HZ;
	numbers[2] = CONFIG_NET;
	numbers[3] = CONFIG_NF_CONNTRACK;
	numbers[4] = CONFIG_BPF;
	numbers[5] = CONFIG_ILLEGAL_POINTER_VALUE;
	numbers[6] = CONFIG_NEVER_THERE_NUMBER;
	numbers[7] = CONFIG_NEVER_THERE_BOOL;
	numbers[8] = CONFIG_NEVER_THERE_TRISTATE;
	numbers[9] = CONFIG_NEVER_THERE_CHAR;
	COPY(hostname, CONFIG_DEFAULT_HOSTNAME)
	COPY(cut, CONFIG_CC_VERSION_TEXT)
	COPY(nothing, CONFIG_NEVER_THERE_TEXT)
	return CONFIG_HZ;
}

LICENSE("GPL");
