/* pytc-test: names in .kconfig that are no configuration: what the loader finds out itself */
/*
 * Returns bit 0 for bpf_get_attach_cookie() in tracing programs (v5.15), bit 1 for system
 * call wrappers (x86, arm64, s390, riscv since v4.17 to v6.6) where there are kprobes, and
 * never bit 2, for what no loader knows.
 */
#include "common.h"

extern _Bool LINUX_HAS_BPF_COOKIE __kconfig;
extern _Bool LINUX_HAS_SYSCALL_WRAPPER __kconfig;
extern int LINUX_HAS_NEVER_THERE __kconfig __weak;

SEC("classifier") int cls_main(struct __sk_buff *skb)
{
	return LINUX_HAS_BPF_COOKIE | LINUX_HAS_SYSCALL_WRAPPER << 1 | LINUX_HAS_NEVER_THERE << 2;
}

LICENSE("GPL");
