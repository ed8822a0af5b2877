/* pytc-test: settings of every size: how they lie in the map of .kconfig, and how long that is */
/*
 * Returns the length of the host's name, "(none)": 6. In .bss, "seen": CONFIG_HZ as 2, 4
 * and 8 bytes, and three missing ones.
 */
#include "common.h"

extern char CONFIG_DEFAULT_HOSTNAME[11] __kconfig;
extern _Bool CONFIG_BPF __kconfig;
extern unsigned short CONFIG_HZ __kconfig;
extern __u64 LINUX_KERNEL_VERSION __kconfig;
extern char CONFIG_MISSING_LINE[3] __kconfig __weak;
extern int CONFIG_MISSING_NUMBER __kconfig __weak;
extern char CONFIG_NET __kconfig;

__u64 seen[5];

SEC("classifier") int cls_main(struct __sk_buff *skb)
{
	int length = 0;

	seen[0] = CONFIG_HZ;
	seen[1] = LINUX_KERNEL_VERSION;
	seen[2] = CONFIG_MISSING_NUMBER + CONFIG_MISSING_LINE[2];
	seen[3] = CONFIG_BPF;
	seen[4] = CONFIG_NET;
	for (int i = 0; i < 11; i++)
		length += CONFIG_DEFAULT_HOSTNAME[i] != 0;
	return length;
}

LICENSE("GPL");
