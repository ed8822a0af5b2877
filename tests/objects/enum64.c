/* pytc-test: BTF of enums of 64 bits, signed and not (clang 15) */
/*
 * Returns 3 when "wide" in .data, BIG, is above 32 bits and "below" is negative. The value
 * at key 0 gets BIG.
 */
#include "common.h"

enum wide {
	SMALL = 1,
	BIG = 0x123456789abcdef0ULL,
};

enum below {
	DEEP = -0x1234567890LL,
	HIGH = 5,
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, enum wide);
} values SEC(".maps");

volatile enum wide wide = BIG;
volatile enum below below = DEEP;

SEC("classifier") int cls_main(struct __sk_buff *skb)
{
	enum wide value = wide;
	__u32 key = 0;

	bpf_map_update_elem(&values, &key, &value, BPF_ANY);
	return (wide >> 32 == 0x12345678) | (below < HIGH && below >> 36 < 0) << 1;
}

LICENSE("GPL");
