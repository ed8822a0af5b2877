/* pytc-test: refused: the kernel's version, declared too small for it */
#include "common.h"

extern unsigned short LINUX_KERNEL_VERSION __kconfig;

SEC("classifier") int cls_main(struct __sk_buff *skb)
{
	return LINUX_KERNEL_VERSION;
}

LICENSE("GPL");
