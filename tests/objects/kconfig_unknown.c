/* pytc-test: refused: a name of the kind that the loader finds out itself, which no loader knows */
#include "common.h"

extern _Bool LINUX_HAS_NEVER_THERE __kconfig;

SEC("classifier") int cls_main(struct __sk_buff *skb)
{
	return LINUX_HAS_NEVER_THERE;
}

LICENSE("GPL");
