/* pytc-test: storage that belongs to inodes: only with CONFIG_BPF_LSM */
/* Returns 1. The map is not used by the program. */
#include "common.h"

struct {
	__uint(type, BPF_MAP_TYPE_INODE_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, __u64);
} inode_storage SEC(".maps");

SEC("classifier") int cls_main(struct __sk_buff *skb)
{
	return skb->len != 0;
}

LICENSE("GPL");
