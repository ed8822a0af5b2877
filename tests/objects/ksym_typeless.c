/* pytc-test: ksyms without a type: addresses as in /proc/kallsyms */
/*
 * Returns 1. In .bss, "addresses": of schedule, vfs_read, ip_rcv, and between which the
 * kernel's BTF lies: their distance is the size of /sys/kernel/btf/vmlinux.
 */
#include "common.h"

extern const void schedule __ksym;
extern const void vfs_read __ksym;
extern const void ip_rcv __ksym __weak;
extern const void __start_BTF __ksym;
extern const void __stop_BTF __ksym;

__u64 addresses[5];

SEC("classifier") int cls_main(struct __sk_buff *skb)
{
	addresses[0] = (__u64)&schedule;
	addresses[1] = (__u64)&vfs_read;
	addresses[2] = (__u64)&ip_rcv;
	addresses[3] = (__u64)&__start_BTF;
	addresses[4] = (__u64)&__stop_BTF;
	return addresses[0] != 0;
}

LICENSE("GPL");
