/* pytc-test: refused: a bool for a value that is a number */
#include "common.h"

extern _Bool CONFIG_HZ __kconfig;

SEC("classifier") int cls_main(struct __sk_buff *skb)
{
	return CONFIG_HZ;
}

LICENSE("GPL");
