/* pytc-test: refused: a value that the kernel's configuration lacks */
#include "common.h"

extern int CONFIG_NEVER_THERE __kconfig;

SEC("classifier") int cls_main(struct __sk_buff *skb)
{
	return CONFIG_NEVER_THERE;
}

LICENSE("GPL");
